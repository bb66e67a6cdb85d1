"""A room in memory behind the real shell: identity, messenger and transport that tests can steer.

Run as a program it serves the page for a look: ``python shell_fakes.py [zh|en] [empty]``.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from tulou import AccountChanged, Composition, Kernel, Plugin
from tulou_contracts.identity import (
    Account, AccountTaken, AddressInvalid, Identity, ServerUnavailable, WrongPassword,
)
from tulou_contracts.messaging import (
    Conversation, ConversationChanged, Message, MessageChanged, MessageInvalid, MessageState,
    MessageStored, Messenger,
)
from tulou_contracts.transport import (
    ConnectionChanged, ConnectionState, Contact, ContactChanged, NotConnected, Presence, Transport,
)
from tulou_contracts.ui import Shell

ME = "anna@tulou.example"
BO = "bowen@tulou.example"
MINUTE = 60_000_000


class Room:
    """Identity, Messenger and Transport in one object; `publish` is given by the kernel."""

    def __init__(self, now: Callable[[], int], publish: Callable[[object], None]) -> None:
        self.now = now
        self.publish = publish
        self.account: Account | None = Account(address=ME)
        self.signed_in = True
        self.passwords = {ME: "geheim"}
        self.state = ConnectionChanged(state=ConnectionState.ONLINE)
        self.people: dict[str, Contact] = {}
        self.titles: dict[str, str] = {}
        self.messages: dict[str, list[Message]] = {}
        self.read: dict[str, int] = {}
        self.log: list[tuple[str, str]] = []
        self.fail_send: Exception | None = None
        self.hold_send: trio.Event | None = None
        self.position = 1000

    # -- steering --

    def add(self, conversation: str, body: str, *, outgoing: bool = False, kind: str = "text",
            data: Mapping[str, str] | None = None, at: int | None = None,
            state: MessageState | None = None, reason: str = "") -> Message:
        self.position += 3
        message = Message(
            id=f"m{self.position}", conversation=conversation, sender=ME if outgoing else conversation,
            body=body, kind=kind, data=dict(data or {}), at=self.now() if at is None else at,
            position=self.position, outgoing=outgoing, reason=reason,
            state=state or (MessageState.SENT if outgoing else MessageState.RECEIVED),
        )
        self.messages.setdefault(conversation, []).append(message)
        self.titles.setdefault(conversation, "")
        self.log.append((conversation, message.id))
        self.publish(MessageStored(conversation=conversation, message_id=message.id, cursor=len(self.log)))
        self.publish(ConversationChanged(conversation=conversation))
        return message

    def change(self, conversation: str, message_id: str, **values: Any) -> None:
        messages = self.messages[conversation]
        index = [each.id for each in messages].index(message_id)
        messages[index] = replace(messages[index], **values)
        self.log.append((conversation, message_id))
        self.publish(MessageChanged(conversation=conversation, message_id=message_id))

    def connection(self, state: ConnectionState, reason: str = "", retry_in: float | None = None) -> None:
        self.state = ConnectionChanged(state=state, reason=reason, retry_in=retry_in)
        self.publish(self.state)

    def contact(self, address: str, name: str, presence: Presence = Presence.ONLINE) -> None:
        self.people[address] = Contact(address=address, name=name, presence=presence, subscribed=True)
        self.publish(ContactChanged(contact=self.people[address]))

    # -- Identity --

    async def sign_in(self, address: str, password: str, endpoint: str = "") -> Account:
        if "@" not in address:
            raise AddressInvalid(f"{address!r} is not an account address")
        if endpoint.endswith("nowhere"):
            raise ServerUnavailable("nobody answers there")
        if self.passwords.get(address) != password:
            raise WrongPassword("the server refuses this address and password")
        self.account, self.signed_in = Account(address=address, endpoint=endpoint), True
        self.publish(AccountChanged(address))
        return self.account

    async def register(self, address: str, password: str, endpoint: str = "") -> Account:
        if address in self.passwords:
            raise AccountTaken(f"{address} is taken")
        self.passwords[address] = password
        return await self.sign_in(address, password, endpoint)

    async def sign_out(self) -> None:
        self.signed_in = False
        self.publish(AccountChanged(None))

    # -- Messenger --

    async def send(self, conversation: str, body: str, *, kind: str = "text",
                   data: Mapping[str, str] | None = None) -> Message:
        if self.hold_send is not None:
            await self.hold_send.wait()
        if self.fail_send is not None:
            raise self.fail_send
        if not body.strip():
            raise MessageInvalid("the message is empty")
        return self.add(conversation, body, outgoing=True, kind=kind, data=data, state=MessageState.QUEUED)

    async def retry(self, conversation: str, message_id: str) -> None:
        self.change(conversation, message_id, state=MessageState.QUEUED, reason="")

    async def conversations(self, limit: int = 100) -> Sequence[Conversation]:
        lines = [self._line(each) for each in self.titles]
        return sorted(lines, key=lambda each: -(each.last.at if each.last else 0))[:limit]

    def _line(self, address: str) -> Conversation:
        messages = self.messages.get(address, [])
        read = self.read.get(address, 0)
        unread = sum(1 for each in messages if not each.outgoing and each.position > read)
        return Conversation(id=address, title=self.titles[address], unread=unread, read_position=read,
                            last=messages[-1] if messages else None)

    async def open_conversation(self, address: str, title: str = "") -> Conversation:
        if "@" not in address:
            raise MessageInvalid(f"{address!r} is not an address")
        self.titles.setdefault(address, title)
        self.publish(ConversationChanged(conversation=address))
        return self._line(address)

    async def history(self, conversation: str, *, before: int | None = None,
                      limit: int = 50) -> Sequence[Message]:
        found = [each for each in self.messages.get(conversation, ())
                 if before is None or each.position < before]
        return found[-limit:]

    async def message(self, conversation: str, message_id: str) -> Message | None:
        return next((m for m in self.messages.get(conversation, ()) if m.id == message_id), None)

    async def mark_read(self, conversation: str, position: int) -> None:
        self.read[conversation] = max(position, self.read.get(conversation, 0))
        self.publish(ConversationChanged(conversation=conversation))

    async def since(self, cursor: int, limit: int = 200) -> tuple[Sequence[Message], int]:
        part = self.log[cursor:cursor + limit]
        found = [await self.message(*each) for each in part]
        return [each for each in found if each], cursor + len(part)

    # -- Transport --

    def deliver_to(self, inbox: Any) -> None: ...
    def submit(self, message: Any) -> Any: ...
    def send_receipt(self, to: str, message_id: str, kind: Any) -> None: ...

    async def archive(self, *, conversation: str | None = None, after: str | None = None,
                      before: str | None = None, limit: int = 50) -> Any: ...

    async def contacts(self) -> Sequence[Contact]:
        return list(self.people.values())

    async def add_contact(self, address: str, name: str = "") -> None:
        if self.state.state is not ConnectionState.ONLINE:
            raise NotConnected("there is no connection")
        self.people[address] = Contact(address=address, name=name)
        self.publish(ContactChanged(contact=self.people[address]))

    def retry_now(self) -> None:
        self.connection(ConnectionState.ONLINE)

    def probe(self) -> None: ...


def room_plugin(holder: dict[str, Room], fill: Callable[[Room], None],
                contracts: tuple[type, ...] = (Identity, Messenger, Transport)) -> Plugin:
    """A manifest that provides the room; a restarted kernel finds the same room again."""

    @asynccontextmanager
    async def run(ctx: Any) -> AsyncIterator[None]:
        room = holder.get("room")
        if room is None:
            room = holder["room"] = Room(ctx.now, ctx.publish)
            fill(room)
        room.publish = ctx.publish
        for contract in contracts:
            ctx.provide(contract, room)
        yield

    return Plugin(name="room", run=run, provides=contracts)


def nothing(room: Room) -> None:
    """An account that is signed in and knows nobody."""


class App:
    """The shell and a room in a kernel in a thread of its own, so that tests may stay synchronous."""

    def __init__(self, profile: Path, fill: Callable[[Room], None] = nothing, *,
                 plugins: Sequence[Plugin] = (), config: Mapping[str, Any] | None = None,
                 contracts: tuple[type, ...] = (Identity, Messenger, Transport)) -> None:
        self.profile = profile
        self.holder: dict[str, Room] = {}
        self._plugins = [room_plugin(self.holder, fill, contracts), *plugins]
        self._config = {"announce": "nothing", **(config or {})}
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self.essential: frozenset[str] = frozenset()
        self.stopped = False
        """Whether it was ever stopped: pages that were open then lost their connection."""

    @property
    def room(self) -> Room:
        return self.holder["room"]

    def start(self) -> App:
        pytest.importorskip("tulou_net", reason="needs net, which serves pages")
        ready = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._main, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(30), "the app does not start"
        if self._error is not None:
            raise self._error
        return self

    def stop(self) -> None:
        if self._thread is not None:
            self.stopped = True
            trio.from_thread.run_sync(self._stop.set, trio_token=self._token)
            self._thread.join(20)
            assert not self._thread.is_alive(), "the app does not stop"
            self._thread = None

    def call(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Run a plain function in the app's loop."""
        return trio.from_thread.run_sync(lambda: function(*args, **named), trio_token=self._token)

    def call_async(self, function: Callable[..., Any], *args: Any) -> Any:
        return trio.from_thread.run(function, *args, trio_token=self._token)

    @property
    def url(self) -> str:
        return str(self.call(lambda: self.kernel.service(Shell).url))

    def entry(self) -> str:
        return str(self.call(lambda: self.kernel.service(Shell).entry_url()))

    def _main(self, ready: threading.Event) -> None:
        async def main() -> None:
            self._token = trio.lowlevel.current_trio_token()
            self._stop = trio.Event()
            names = ["net", "shell", *(each.name for each in self._plugins)]
            composition = Composition.of(*names).with_config("shell", **self._config)
            composition = composition._replace(essential=self.essential)
            self.kernel = Kernel(composition, profile=self.profile, plugins=self._plugins)
            async with self.kernel.running():
                self.kernel.service(Shell)
                ready.set()
                await self._stop.wait()

        try:
            trio.run(main)
        except BaseException as error:
            self._error = error
        finally:
            ready.set()


@contextmanager
def running(app: App) -> Any:
    app.start()
    try:
        yield app
    finally:
        app.stop()


def until(page: Any, script: str, argument: Any = None) -> None:
    """Wait for a script to be true. Playwright's own way is refused by the page's policy (eval)."""
    for _ in range(500):
        if page.evaluate(script, argument):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never true: {script}")


def furnished(room: Room) -> None:
    """An office with some life in it, for screenshots."""
    now = room.now()
    day = 24 * 60 * MINUTE
    for address, name, presence in (
        (BO, "陈博文", Presence.ONLINE), ("lin.yue@tulou.example", "林悦", Presence.AWAY),
        ("maria.garcia@tulou.example", "Maria García", Presence.BUSY),
        ("zhao@tulou.example", "赵一鸣", Presence.OFFLINE), (ME, "安娜", Presence.ONLINE),
    ):
        room.contact(address, name, presence)
    room.add("maria.garcia@tulou.example", "The contract is signed 🎉", at=now - 3 * day)
    room.add("zhao@tulou.example", "好的，明天见", outgoing=True, at=now - day, state=MessageState.READ)
    room.add("lin.yue@tulou.example", "会议室改到 3 楼了，大家注意一下，不要走错了地方哦", at=now - 40 * MINUTE)
    room.add("lin.yue@tulou.example", "另外，投影仪今天不能用", at=now - 39 * MINUTE)
    for index in range(70):
        room.add(BO, f"上周的记录 {index}", outgoing=index % 3 == 0, at=now - 2 * day + index * MINUTE,
                 state=MessageState.READ if index % 3 == 0 else None)
    room.add(BO, "早！周报的初稿我放在这里了：https://docs.example.com/weekly/2026-47?view=full，有空看一下。",
             at=now - 62 * MINUTE)
    room.add(BO, "重点是第三部分", at=now - 61 * MINUTE)
    room.add(BO, "收到，我上午看完给你反馈。", outgoing=True, at=now - 55 * MINUTE, state=MessageState.READ)
    room.add(BO, "Looks good overall. Two remarks:\n1. the budget table needs the new numbers\n"
             "2. please add the risks we discussed with the platform team on Monday, they will ask",
             outgoing=True, at=now - 30 * MINUTE, state=MessageState.DELIVERED)
    room.add(BO, "👍", at=now - 29 * MINUTE)
    room.add(BO, "没问题，我下午三点前改好。", at=now - 28 * MINUTE)
    room.add(BO, "这条发不出去", outgoing=True, at=now - 5 * MINUTE, state=MessageState.FAILED,
             reason="The recipient does not exist.")
    room.add(BO, "谢谢！", outgoing=True, at=now - 2 * MINUTE, state=MessageState.QUEUED)
    room.read[BO] = room.position
    room.read["maria.garcia@tulou.example"] = room.position


if __name__ == "__main__":
    import sys
    import tempfile

    which = nothing if "empty" in sys.argv else furnished
    with running(App(Path(tempfile.mkdtemp()), which)) as app:
        print(app.entry(), flush=True)
        threading.Event().wait()
