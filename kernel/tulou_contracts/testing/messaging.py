"""Conformance of `Messenger`: what every implementation owes the rest of the house.

Subclass the suite in a test module and open your implementation on the profile folder and the
transport that it is given::

    class TestMine(MessengerConformance):
        @asynccontextmanager
        async def open(self, place):
            async with MyRoom(place.profile, place.transport, place.bus) as room:
                yield room.messenger

Every test runs on trio's virtual clock, against `FakeServer`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tulou import Prevent
from tulou.errors import HookError
from tulou_contracts.messaging import (
    ConversationChanged,
    Draft,
    Message,
    MessageChanged,
    MessageInvalid,
    MessagePrevented,
    MessageState,
    MessageStored,
    Messenger,
)
from tulou_contracts.testing.fakes import FakeServer, FakeTransport
from tulou_contracts.transport import Contact, IncomingRefusal, Outgoing, ReceiptKind

LIN = "lin@example.org"
WANG = "wang@example.org"


class Bus:
    """Events of one app, in place of the kernel's."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._handlers: list[tuple[type, Callable[[Any], Any]]] = []
        self.seen: list[object] = []

    def subscribe(self, event: type, handler: Callable[[Any], Any]) -> None:
        """Call `handler`, sync or async, for every later event of this type."""
        self._handlers.append((event, handler))

    def publish(self, event: object) -> None:
        """Hand out an event."""
        self.seen.append(event)
        for wanted, handler in self._handlers:
            if type(event) is wanted:
                answer = handler(event)
                if answer is not None:
                    self._nursery.start_soon(_await, answer)

    def close(self) -> None:
        """Forget the handlers: their owner stops."""
        self._handlers.clear()

    def of(self, event: type) -> list[Any]:
        """The events of one type so far."""
        return [each for each in self.seen if type(each) is event]


async def _await(answer: Awaitable[Any]) -> None:
    await answer


async def _pass(value: Any) -> Any:
    await trio.lowlevel.checkpoint()
    return value


@dataclass
class Place:
    """Where an implementation is opened. Opening the same place again is a restart of the app."""

    profile: Path
    transport: FakeTransport
    bus: Bus
    address: str
    outgoing: Callable[[Draft], Awaitable[Any]] = field(default=_pass)
    """Stands for the hook `outgoing_message`."""
    incoming: Callable[[Message], Awaitable[Any]] = field(default=_pass)
    """Stands for the hook `incoming_message`."""

    def now(self) -> int:
        """Microseconds since 1970, on the virtual clock."""
        return self.transport.server.now()


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 600.0) -> None:
    """Wait, in virtual time, until something is true."""
    with trio.fail_after(seconds):
        while not await condition():
            await trio.sleep(0.05)


class MessengerConformance:
    """Give `open`; the rest is here."""

    def open(self, place: Place) -> AbstractAsyncContextManager[Messenger]:
        """Serve `place` for as long as the context lasts."""
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> MockClock:
        """Virtual time for every test."""
        return MockClock(autojump_threshold=0)

    @asynccontextmanager
    async def _place(self, server: FakeServer, profile: Path, address: str = LIN) -> AsyncIterator[Place]:
        profile.mkdir(exist_ok=True)
        async with trio.open_nursery() as nursery:
            bus = Bus(nursery)
            transport = FakeTransport(server, address, publish=bus.publish)
            nursery.start_soon(transport.run)
            yield Place(profile, transport, bus, address)
            nursery.cancel_scope.cancel()

    async def _states(self, messenger: Messenger, *states: MessageState) -> None:
        wanted = list(states)

        async def there() -> bool:
            return [message.state for message in await messenger.history(WANG)] == wanted

        await until(there)

    # -- sending -----------------------------------------------------------------------------

    async def test_a_message_is_queued_without_a_connection_and_sent_with_one(
        self, clock: MockClock, tmp_path: Path
    ) -> None:
        server = FakeServer()
        async with self._place(server, tmp_path / "lin") as place, self.open(place) as messenger:
            message = await messenger.send(WANG, "下午三点开会")
            assert (message.state, message.outgoing) == (MessageState.QUEUED, True)
            assert (message.body, message.conversation) == ("下午三点开会", WANG)
            assert server.taken == []
            place.transport.connect()
            await self._states(messenger, MessageState.SENT)
            assert [sent.body for _, sent in server.taken] == ["下午三点开会"]

    async def test_the_queue_survives_a_restart_and_keeps_ids_and_order(
        self, clock: MockClock, tmp_path: Path
    ) -> None:
        server = FakeServer()
        async with self._place(server, tmp_path / "lin") as place:
            async with self.open(place) as messenger:
                ids = [(await messenger.send(WANG, f"{number}")).id for number in range(20)]
            place.bus.close()
            async with self.open(place) as messenger:
                place.transport.connect()
                await self._states(messenger, *[MessageState.SENT] * 20)
        assert [sent.id for _, sent in server.taken] == ids

    async def test_a_message_in_doubt_goes_again_with_its_id_and_order_holds(
        self, clock: MockClock, tmp_path: Path
    ) -> None:
        server = FakeServer()
        async with self._place(server, tmp_path / "lin") as place, self.open(place) as messenger:
            place.transport.connect()
            place.transport.hold = True
            sent = [await messenger.send(WANG, f"{number}") for number in range(5)]
            await trio.sleep(1)
            place.transport.disconnect()
            await trio.sleep(1)
            assert all(m.state is MessageState.QUEUED for m in await messenger.history(WANG))
            place.transport.hold = False
            place.transport.connect()
            await self._states(messenger, *[MessageState.SENT] * 5)
        assert [taken.id for _, taken in server.taken] == [message.id for message in sent]

    @pytest.mark.parametrize("body", ["", "  \n", "\x00\x07", "\ud800"])
    async def test_an_empty_message_is_refused(self, clock: MockClock, tmp_path: Path, body: str) -> None:
        async with self._place(FakeServer(), tmp_path / "lin") as place, self.open(place) as messenger:
            with pytest.raises(MessageInvalid):
                await messenger.send(WANG, body)
            assert await messenger.conversations() == []

    @pytest.mark.parametrize("address", ["", "wang", "@example.org", "wang@", "a b@example.org", "a@b@c"])
    async def test_an_improper_address_is_refused(
        self, clock: MockClock, tmp_path: Path, address: str
    ) -> None:
        async with self._place(FakeServer(), tmp_path / "lin") as place, self.open(place) as messenger:
            with pytest.raises(MessageInvalid):
                await messenger.send(address, "hello")
            with pytest.raises(MessageInvalid):
                await messenger.open_conversation(address)

    @pytest.mark.parametrize(
        "body",
        ["e\u0301 \u1112\u1161\u11ab", "👩‍👩‍👧‍👦🇨🇳", "一" * 65536, "a\tb\nc", "<&>\"']]>"],
    )
    async def test_any_text_comes_back_as_it_was(
        self, clock: MockClock, tmp_path: Path, body: str
    ) -> None:
        server = FakeServer()
        async with self._place(server, tmp_path / "lin") as place, self.open(place) as messenger:
            message = await messenger.send(WANG, body, kind="card", data={"名": "值"})
            assert await messenger.history(WANG) == [message]
            assert (message.body, message.data) == (body, {"名": "值"})

    async def test_a_longer_text_is_refused_with_its_length(
        self, clock: MockClock, tmp_path: Path
    ) -> None:
        async with self._place(FakeServer(), tmp_path / "lin") as place, self.open(place) as messenger:
            with pytest.raises(MessageInvalid, match="10000000"):
                await messenger.send(WANG, "字" * 10_000_000)

    async def test_plugins_change_or_stop_a_message_and_a_failing_one_stops_it(
        self, clock: MockClock, tmp_path: Path
    ) -> None:
        async def judge(draft: Draft) -> object:
            if "secret" in draft.body:
                return Prevent("no secrets, please", plugin="dlp")
            if "crash" in draft.body:
                raise HookError("plugin 'dlp' failed in hook 'outgoing_message'")
            return replace(draft, body=draft.body + "!")

        async with self._place(FakeServer(), tmp_path / "lin") as place:
            place.outgoing = judge
            async with self.open(place) as messenger:
                assert (await messenger.send(WANG, "hi")).body == "hi!"
                with pytest.raises(MessagePrevented, match="dlp.*no secrets, please"):
                    await messenger.send(WANG, "secret")
                with pytest.raises(MessagePrevented, match="dlp"):
                    await messenger.send(WANG, "crash")
                assert [message.body for message in await messenger.history(WANG)] == ["hi!"]

    async def test_a_refused_message_fails_with_a_reason_and_retry_sends_the_same_id(
        self, clock: MockClock, tmp_path: Path
    ) -> None:
        server = FakeServer()
        server.refuse = lambda message: "too large for this server"
        async with self._place(server, tmp_path / "lin") as place, self.open(place) as messenger:
            place.transport.connect()
            message = await messenger.send(WANG, "hi")
            await self._states(messenger, MessageState.FAILED)
            assert [m.reason for m in await messenger.history(WANG)] == ["too large for this server"]
            server.refuse = lambda message: None
            await messenger.retry(WANG, message.id)
            await self._states(messenger, MessageState.SENT)
            assert [m.reason for m in await messenger.history(WANG)] == [""]
            assert [taken.id for _, taken in server.taken] == [message.id]

    async def test_a_late_refusal_fails_the_message(self, clock: MockClock, tmp_path: Path) -> None:
        server = FakeServer()
        async with self._place(server, tmp_path / "lin") as place, self.open(place) as messenger:
            place.transport.connect()
            message = await messenger.send(WANG, "hi")
            await self._states(messenger, MessageState.SENT)
            server.deliver(LIN, IncomingRefusal(
                message_id=message.id, conversation=WANG, reason="no such person"
            ))
            await self._states(messenger, MessageState.FAILED)

    async def test_one_stuck_message_delays_nobody(self, clock: MockClock, tmp_path: Path) -> None:
        server = FakeServer()
        async with self._place(server, tmp_path / "lin") as place, self.open(place) as messenger:
            place.transport.connect()
            place.transport.hold = True
            await messenger.send(WANG, "stuck")
            await trio.sleep(1)
            others = [f"p{number}@example.org" for number in range(5)]
            for other in others:
                await messenger.send(other, "hi")
            await trio.sleep(1)
            assert {sent.to for sent in place.transport.on_wire} == {WANG, *others}

    # -- receiving ---------------------------------------------------------------------------

    async def test_a_message_is_stored_counted_and_confirmed(
        self, clock: MockClock, tmp_path: Path
    ) -> None:
        server = FakeServer()
        async with self._place(server, tmp_path / "lin") as place, self.open(place) as messenger:
            place.transport.connect()
            await trio.sleep(1)
            server.take(WANG, Outgoing(id="m1", to=LIN, body="你好"))
            await self._states(messenger, MessageState.RECEIVED)
            [message] = await messenger.history(WANG)
            assert (message.id, message.sender, message.body) == ("m1", WANG, "你好")
            assert not message.outgoing
            [conversation] = await messenger.conversations()
            assert (conversation.id, conversation.unread, conversation.last) == (WANG, 1, message)
            await until(lambda: _pass(server.receipts == [(LIN, WANG, "m1", ReceiptKind.DELIVERED)]))
            assert [event.message_id for event in place.bus.of(MessageStored)] == ["m1"]

    async def test_the_same_message_is_stored_once_however_it_comes(
        self, clock: MockClock, tmp_path: Path
    ) -> None:
        server = FakeServer()
        async with self._place(server, tmp_path / "lin") as place, self.open(place) as messenger:
            place.transport.connect()
            for _ in range(2):
                server.take(WANG, Outgoing(id="m1", to=LIN, body="hi"))
                await self._states(messenger, MessageState.RECEIVED)
                place.transport.disconnect()
                place.transport.connect()
                await trio.sleep(10)
            assert len(await messenger.history(WANG)) == 1
            assert len(place.bus.of(MessageStored)) == 1

    async def test_what_the_archive_has_is_caught_up_with(
        self, clock: MockClock, tmp_path: Path
    ) -> None:
        server = FakeServer(keeps_offline=False)
        async with self._place(server, tmp_path / "lin") as place, self.open(place) as messenger:
            place.transport.connect()
            server.take(WANG, Outgoing(id="0", to=LIN, body="0"))
            await self._states(messenger, MessageState.RECEIVED)
            place.transport.disconnect()
            for number in range(1, 250):
                server.take(WANG, Outgoing(id=f"{number}", to=LIN, body=f"{number}"))
            place.transport.connect()

            async def all_there() -> bool:
                return len(await messenger.history(WANG, limit=500)) == 250

            await until(all_there)
            bodies = [message.body for message in await messenger.history(WANG, limit=500)]
            assert bodies == [f"{number}" for number in range(250)]

    async def test_another_device_of_ours_is_followed(self, clock: MockClock, tmp_path: Path) -> None:
        server = FakeServer()
        async with (
            self._place(server, tmp_path / "one") as one, self._place(server, tmp_path / "two") as two,
            self.open(one) as first, self.open(two) as second,
        ):
            one.transport.connect()
            two.transport.connect()
            message = await first.send(WANG, "from my desk")
            await self._states(second, MessageState.SENT)
            [copy] = await second.history(WANG)
            assert (copy.id, copy.outgoing, copy.body) == (message.id, True, "from my desk")
            server.take(WANG, Outgoing(id="m1", to=LIN, body="ok"))
            await self._states(first, MessageState.SENT, MessageState.RECEIVED)
            await self._states(second, MessageState.SENT, MessageState.RECEIVED)
            await first.mark_read(WANG, (await first.history(WANG))[-1].position)

            async def read() -> bool:
                return (await second.conversations())[0].unread == 0

            await until(read)

    async def test_plugins_change_or_drop_what_comes_in(self, clock: MockClock, tmp_path: Path) -> None:
        async def judge(message: Message) -> object:
            if "spam" in message.body:
                return Prevent("spam", plugin="filter")
            return replace(message, body=message.body.upper())

        server = FakeServer()
        async with self._place(server, tmp_path / "lin") as place:
            place.incoming = judge
            async with self.open(place) as messenger:
                place.transport.connect()
                server.take(WANG, Outgoing(id="m1", to=LIN, body="spam"))
                server.take(WANG, Outgoing(id="m2", to=LIN, body="ham"))
                await self._states(messenger, MessageState.RECEIVED)
                assert [message.body for message in await messenger.history(WANG)] == ["HAM"]
                await until(lambda: _pass(place.transport.idle))

    # -- states, reading, lists --------------------------------------------------------------

    async def test_two_people_write_and_states_go_forward(
        self, clock: MockClock, tmp_path: Path
    ) -> None:
        server = FakeServer()
        async with (
            self._place(server, tmp_path / "lin") as here,
            self._place(server, tmp_path / "wang", WANG) as there,
            self.open(here) as lin, self.open(there) as wang,
        ):
            here.transport.connect()
            first = await lin.send(WANG, "一")
            second = await lin.send(WANG, "二")
            await self._states(lin, MessageState.SENT, MessageState.SENT)
            there.transport.connect()
            await self._states(lin, MessageState.DELIVERED, MessageState.DELIVERED)
            last = (await wang.history(LIN))[-1]
            assert (await wang.conversations())[0].unread == 2
            await wang.mark_read(LIN, last.position)
            assert (await wang.conversations())[0].unread == 0
            await self._states(lin, MessageState.READ, MessageState.READ)
            assert {event.message_id for event in here.bus.of(MessageChanged)} == {first.id, second.id}
            assert ConversationChanged(conversation=LIN) in there.bus.seen

    async def test_reading_without_a_connection_is_told_later(
        self, clock: MockClock, tmp_path: Path
    ) -> None:
        server = FakeServer()
        async with self._place(server, tmp_path / "lin") as place:
            async with self.open(place) as messenger:
                place.transport.connect()
                server.take(WANG, Outgoing(id="m1", to=LIN, body="hi"))
                await self._states(messenger, MessageState.RECEIVED)
                place.transport.disconnect()
                await messenger.mark_read(WANG, (await messenger.history(WANG))[-1].position)
                assert (await messenger.conversations())[0].unread == 0
            place.bus.close()
            async with self.open(place):
                place.transport.connect()
                told = (LIN, WANG, "m1", ReceiptKind.READ)
                await until(lambda: _pass(told in server.receipts))

    async def test_history_pages_and_the_cursor_misses_nothing(
        self, clock: MockClock, tmp_path: Path
    ) -> None:
        async with self._place(FakeServer(), tmp_path / "lin") as place:
            async with self.open(place) as messenger:
                sent = [await messenger.send(WANG, f"{number}") for number in range(25)]
                newest = await messenger.history(WANG, limit=10)
                older = await messenger.history(WANG, before=newest[0].position, limit=10)
                oldest = await messenger.history(WANG, before=older[0].position, limit=10)
                assert [*oldest, *older, *newest] == sent
                assert await messenger.history(WANG, before=oldest[0].position) == []
                assert await messenger.history("nobody@example.org") == []
                page, cursor = await messenger.since(0, limit=20)
                rest, cursor = await messenger.since(cursor)
                assert [*page, *rest] == sent
            place.bus.close()
            async with self.open(place) as messenger:
                assert await messenger.since(cursor) == ([], cursor)
                place.transport.connect()
                await self._states(messenger, *[MessageState.SENT] * 25)
                changed, _ = await messenger.since(cursor)
                assert {message.state for message in changed} == {MessageState.SENT}
                assert len(changed) == 25

    async def test_conversations_are_named_and_newest_first(
        self, clock: MockClock, tmp_path: Path
    ) -> None:
        async with self._place(FakeServer(), tmp_path / "lin") as place, self.open(place) as messenger:
            opened = await messenger.open_conversation("Zhao@Example.org", "赵敏")
            assert (opened.id, opened.title, opened.last) == ("zhao@example.org", "赵敏", None)
            assert await messenger.open_conversation("zhao@example.org", "other") == opened
            await trio.sleep(1)
            await messenger.send(WANG, "hi")
            assert [line.title for line in await messenger.conversations()] == ["wang", "赵敏"]
            await trio.sleep(1)
            await messenger.send("zhao@example.org", "hi")
            assert [line.title for line in await messenger.conversations()] == ["赵敏", "wang"]
            assert len(await messenger.conversations(limit=1)) == 1
            place.transport.contact_list = [Contact(address=WANG, name="王伟")]
            place.transport.connect()

            async def named() -> bool:
                return "王伟" in [line.title for line in await messenger.conversations()]

            await until(named)

    async def test_one_message_can_be_looked_up(self, clock: MockClock, tmp_path: Path) -> None:
        async with self._place(FakeServer(), tmp_path / "lin") as place, self.open(place) as messenger:
            message = await messenger.send(WANG, "hi")
            assert await messenger.message(WANG, message.id) == message
            assert await messenger.message(WANG, "nothing") is None
            with pytest.raises(MessageInvalid):
                await messenger.retry(WANG, "nothing")

    async def test_two_pages_may_send_at_once(self, clock: MockClock, tmp_path: Path) -> None:
        server = FakeServer()

        async def page(messenger: Messenger, name: str) -> None:
            for number in range(30):
                await messenger.send(WANG, f"{name}{number}")

        async with self._place(server, tmp_path / "lin") as place, self.open(place) as messenger:
            place.transport.connect()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(page, messenger, "a")
                nursery.start_soon(page, messenger, "b")
            bodies = [message.body for message in await messenger.history(WANG, limit=100)]
            for name in "ab":
                assert [body for body in bodies if body[0] == name] == [f"{name}{n}" for n in range(30)]
            await until(lambda: _pass(len(server.taken) == 60))
            assert [taken.body for _, taken in server.taken] == bodies
