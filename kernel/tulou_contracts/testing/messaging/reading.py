"""Conformance of `Messenger`: states, histories, conversations."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tulou_contracts.messaging import (
    ConversationChanged,
    MessageChanged,
    MessageInvalid,
    MessageState,
    Messenger,
)
from tulou_contracts.testing.fakes import FakeServer
from tulou_contracts.testing.messaging.fixtures import MessengerFixtures
from tulou_contracts.testing.messaging.place import LIN, WANG, at_once, until
from tulou_contracts.transport import Contact, Outgoing, ReceiptKind


class ReadingConformance(MessengerFixtures):
    """What is read from it, and what reading tells the others."""

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
                await until(lambda: at_once(told in server.receipts))

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
            await until(lambda: at_once(len(server.taken) == 60))
            assert [taken.body for _, taken in server.taken] == bodies
