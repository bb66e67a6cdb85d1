"""Conformance of `Messenger`: what it sends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tulou import Prevent
from tulou.errors import HookError
from tulou_contracts.messaging import Draft, MessageInvalid, MessagePrevented, MessageState
from tulou_contracts.testing.fakes import FakeServer
from tulou_contracts.testing.messaging.fixtures import MessengerFixtures
from tulou_contracts.testing.messaging.place import LIN, WANG
from tulou_contracts.transport import IncomingRefusal


class SendingConformance(MessengerFixtures):
    """From the outbox to the server."""

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
