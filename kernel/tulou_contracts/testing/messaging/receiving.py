"""Conformance of `Messenger`: what it receives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import trio
from trio.testing import MockClock

from tulou import Prevent
from tulou_contracts.messaging import Message, MessageState, MessageStored
from tulou_contracts.testing.fakes import FakeServer
from tulou_contracts.testing.messaging.fixtures import MessengerFixtures
from tulou_contracts.testing.messaging.place import LIN, WANG, at_once, until
from tulou_contracts.transport import Outgoing, ReceiptKind


class ReceivingConformance(MessengerFixtures):
    """Stored once, whatever way it came."""

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
            await until(lambda: at_once(server.receipts == [(LIN, WANG, "m1", ReceiptKind.DELIVERED)]))
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
                await until(lambda: at_once(place.transport.idle))
