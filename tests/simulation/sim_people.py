"""People: each has a device (or two), writes, answers, opens conversations and reads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import trio
from sim_world import DOMAIN, ENDPOINT, PASSWORD, Client, Life, World
from tulou.errors import TulouError
from tulou_contracts.identity import Identity
from tulou_contracts.messaging import (
    ConversationChanged, Message, MessageChanged, MessageState, MessageStored, Messenger,
)
from tulou_contracts.transport import ConnectionChanged, Transport

RANK = {
    MessageState.QUEUED: 0, MessageState.SENT: 1, MessageState.DELIVERED: 2, MessageState.READ: 3,
    MessageState.RECEIVED: 0,
}
WORDS = (
    "好的，收到。", "下午三点开会？", "吃饭了吗 🍚", "<b>不是</b> & \"标签\"", "第一行\n第二行", "ok",
    "𠮷野家，见。", "谢谢！" * 40, "مرحبا", "  两头的空格  ",
)
_GONE = (TulouError, trio.BrokenResourceError, trio.ClosedResourceError)

Key = tuple[str, str, str]


def whole_state(message: Message) -> Key:
    """What identifies a message."""
    return message.conversation, message.sender, message.id


class Device(Client):
    """One device of a person, and everything that was seen on it."""

    def __init__(self, world: World, person: str, number: int, others: list[str]) -> None:
        super().__init__(world, f"{person}{number}")
        self.person = person
        self.address = f"{person}@{DOMAIN}"
        self.others = [f"{other}@{DOMAIN}" for other in others]
        self.skew = 0
        """How wrong its clock is, in microseconds."""
        self.tried: list[tuple[str, str, str]] = []
        """(peer, label, body) of everything that it wanted to send, in order."""
        self.sent: set[str] = set()
        """Labels of messages whose `send` returned."""
        self.states: dict[Key, MessageState] = {}
        self.reads: dict[str, int] = {}
        self.cursor = 0
        self.talkative = True
        self._speaking = trio.StrictFIFOLock()
        self._answers = self.rng.randint(5, 15)

    def now(self) -> int:
        return self.world.now() + self.skew

    async def settle_in(self, life: Life) -> None:
        assert life.kernel is not None
        if not life.kernel.service(Identity).signed_in:
            await life.kernel.service(Identity).sign_in(self.address, PASSWORD, ENDPOINT)

    async def alive(self) -> Life:
        """The present life, when it is ready."""
        while True:
            life = self.life
            if life is not None and life.ready.is_set() and not life.leave.is_set():
                return life
            await trio.sleep(0.25)

    # doing

    async def say(self, peer: str, text: str) -> None:
        """Send something; what returned while the device lives is promised."""
        async with self._speaking:
            life = await self.alive()
            label = f"{self.name}-{len(self.tried)}"
            body = f"{label} {text}"
            self.tried.append((peer, label, body))
            self.reach(life, "sending")
            try:
                await _messenger(life).send(peer, body)
            except _GONE as error:
                self.world.trace.note(self.name, "cannot send", f"{label}: {type(error).__name__}")
                return
            if life.dead:
                self.world.trace.note(self.name, "does not hear of", label)
                return
            self.sent.add(label)
            self.world.trace.note(self.name, "sent", f"{label} to {peer.partition('@')[0]}")

    async def act(self) -> None:
        """Something a person does."""
        rng = self.rng
        peer = rng.choice(self.others)
        chance = rng.random()
        if chance < 0.65:
            for _ in range(rng.choice([1, 1, 1, 2, 5])):
                await self.say(peer, rng.choice(WORDS))
        elif chance < 0.85:
            await self.read(peer, partial(rng.choice))
        elif chance < 0.9:
            await self._call(lambda life: _messenger(life).open_conversation(peer))
        elif chance < 0.95:
            await self._call(_probe)
        else:
            await self._call(_retry)

    async def read(self, peer: str, choose: Callable[[Any], Message]) -> None:
        """Mark what one chooses of a conversation as read."""

        async def work(life: Life) -> None:
            page = await _messenger(life).history(peer, limit=10)
            if page:
                message = choose(page)
                self.world.trace.note(self.name, "reads", message.body.split()[0])
                await _messenger(life).mark_read(peer, message.position)

        await self._call(work)

    async def _call(self, work: Callable[[Life], Any]) -> None:
        life = await self.alive()
        try:
            await work(life)
        except _GONE as error:
            self.world.trace.note(self.name, "cannot", type(error).__name__)

    async def converse(self, until: float) -> None:
        """Act now and then."""
        while self.world.trace.time < until:
            await trio.sleep(self.rng.expovariate(1 / 4))
            await self.act()

    # seeing

    def handlers(self, life: Life) -> dict[type, Callable[[Any], Any]]:
        return {
            MessageStored: partial(self._stored, life), MessageChanged: partial(self._changed, life),
            ConversationChanged: partial(self._conversation, life),
            ConnectionChanged: partial(self._connection, life),
        }

    async def _stored(self, life: Life, event: MessageStored) -> None:
        self.reach(life, "storing")
        await self._look(life, event.conversation, event.message_id)
        await self.catch_up(life)

    async def _changed(self, life: Life, event: MessageChanged) -> None:
        self.reach(life, "hearing")
        await self._look(life, event.conversation, event.message_id)

    async def _look(self, life: Life, conversation: str, message_id: str) -> None:
        try:
            message = await _messenger(life).message(conversation, message_id)
        except _GONE:
            return
        if message is not None and not life.dead:
            self._saw(message)

    async def catch_up(self, life: Life) -> None:
        """Read on from the durable cursor."""
        while True:
            try:
                messages, cursor = await _messenger(life).since(self.cursor)
            except _GONE:
                return
            if life.dead or not messages:
                return
            if cursor > self.cursor:
                self.cursor = cursor
                for message in messages:
                    self._saw(message)

    def _saw(self, message: Message) -> None:
        key = whole_state(message)
        former = self.states.get(key)
        if former is message.state:
            return
        label = message.body.split()[0]
        self.world.trace.note(
            self.name, "sees", f"{label} {former.value if former else '-'} -> {message.state.value}")
        if message.state not in RANK:
            self.problems.append(f"{self.name}: {label} is {message.state.value}: {message.reason}")
        elif former is not None and RANK.get(former, -1) > RANK[message.state]:
            self.problems.append(
                f"{self.name}: {label} went back from {former.value} to {message.state.value}")
        self.states[key] = message.state
        if former is None and not message.outgoing and self.talkative and self._answers > 0:
            if self.rng.random() < 0.15:
                self._answers -= 1
                self.world.nursery.start_soon(self._answer, message.conversation)

    async def _answer(self, peer: str) -> None:
        for _ in range(self.rng.randint(1, 4)):
            await self.say(peer, self.rng.choice(WORDS))

    async def _conversation(self, life: Life, event: ConversationChanged) -> None:
        try:
            lines = await _messenger(life).conversations()
        except _GONE:
            return
        if not life.dead:
            for line in lines:
                if line.read_position < self.reads.get(line.id, 0):
                    self.problems.append(f"{self.name}: the read position in {line.id} went back")
                self.reads[line.id] = line.read_position

    def _connection(self, life: Life, event: ConnectionChanged) -> None:
        if not life.dead:
            more = " resumed" if event.resumed else f" ({event.reason})" if event.reason else ""
            self.world.trace.note(self.name, "is", f"{event.state.value}{more}")

    async def history(self, peer: str) -> list[Message]:
        """A whole conversation, page by page."""
        messenger = _messenger(await self.alive())
        messages: list[Message] = []
        before = None
        while page := await messenger.history(peer, before=before, limit=37):
            messages[:0] = page
            before = page[0].position
        return messages

    async def lines(self) -> dict[str, Any]:
        """The conversation list, by address."""
        return {line.id: line for line in await _messenger(await self.alive()).conversations()}


def _messenger(life: Life) -> Messenger:
    assert life.kernel is not None
    return life.kernel.service(Messenger)


async def _probe(life: Life) -> None:
    assert life.kernel is not None
    life.kernel.service(Transport).probe()


async def _retry(life: Life) -> None:
    assert life.kernel is not None
    life.kernel.service(Transport).retry_now()
