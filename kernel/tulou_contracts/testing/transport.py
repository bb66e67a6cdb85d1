"""Conformance of `Transport`: what every wire owes the rest of the house.

Subclass the suite in a test module and open a pair of connected transports::

    class TestMine(TransportConformance):
        @asynccontextmanager
        async def open(self):
            async with two_accounts() as (lin, wang):
                yield TransportPair(lin, "lin@example.org", wang, "wang@example.org", cut=lin.cut)

Nothing here depends on which clock trio runs, so the suite serves against real servers too.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import pytest
import trio

from tulou_contracts.transport import (
    ConnectionState,
    Incoming,
    IncomingMessage,
    IncomingReceipt,
    NotAccepted,
    NotConnected,
    Outgoing,
    ReceiptKind,
    Refused,
    Transport,
    UnknownArchiveId,
)

PATIENCE = 60.0
"""Seconds after which a test gives up; passing tests need none of them."""
WORDS = "土楼里的人说：<你好> & \"再见\" 👋\n第二行"
FAR_TOO_LARGE = 3 << 20
"""Characters of a body that no transport sends."""


@dataclass
class TransportPair:
    """Two accounts of one server, both online and without an inbox.

    `cut` breaks lin's connection without a good-bye; it must come back by itself. None when the
    implementation cannot: tests that need it are skipped.
    """

    lin: Transport
    lin_address: str
    wang: Transport
    wang_address: str
    cut: Callable[[], None] | None = None


class Collector:
    """An inbox that keeps everything."""

    def __init__(self) -> None:
        self.items: list[Incoming] = []
        self._news = trio.Event()

    async def __call__(self, batch: Sequence[Incoming]) -> None:
        await trio.lowlevel.checkpoint()
        self.items.extend(batch)
        self._news.set()
        self._news = trio.Event()

    @property
    def messages(self) -> list[IncomingMessage]:
        """The messages among it."""
        return [item for item in self.items if isinstance(item, IncomingMessage)]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds."""
        while not condition():
            await self._news.wait()

    async def message(self, message_id: str) -> IncomingMessage:
        """Wait for a message."""
        await self.until(lambda: any(m.id == message_id for m in self.messages))
        return next(m for m in self.messages if m.id == message_id)


async def submit_until_accepted(transport: Transport, message: Outgoing) -> None:
    """Send as an outbox does: again, with the same id, until the server has it."""
    while True:
        try:
            await transport.submit(message).accepted()
            return
        except (NotConnected, NotAccepted):
            await trio.sleep(0.05)


async def _until_online_is(transport: Transport, wanted: bool) -> None:
    while (transport.state.state is ConnectionState.ONLINE) is not wanted:
        await trio.sleep(0.01)


_numbers = itertools.count(1)


def outgoing(to: str, body: str, **more: object) -> Outgoing:
    """A message with an id that no other test uses."""
    return Outgoing(id=f"conformance-{next(_numbers)}-{trio.current_time():.6f}", to=to, body=body,
                    **more)  # type: ignore[arg-type]


class TransportConformance:
    """See the module."""

    def open(self) -> AbstractAsyncContextManager[TransportPair]:
        """Connect two accounts."""
        raise NotImplementedError("a conformance suite's subclass says how to open a pair")

    @pytest.fixture
    async def pair(self) -> AsyncIterator[TransportPair]:
        """The two accounts of one test."""
        async with self.open() as pair:
            with trio.fail_after(PATIENCE):
                yield pair

    async def test_it_says_that_it_is_online(self, pair: TransportPair) -> None:
        assert pair.lin.state.state is ConnectionState.ONLINE
        assert pair.wang.state.state is ConnectionState.ONLINE

    async def test_messages_arrive_as_they_were_sent_both_ways(self, pair: TransportPair) -> None:
        at_lin, at_wang = Collector(), Collector()
        pair.lin.deliver_to(at_lin)
        pair.wang.deliver_to(at_wang)
        there, back = outgoing(pair.wang_address, WORDS), outgoing(pair.lin_address, "收到")
        await pair.lin.submit(there).accepted()
        got = await at_wang.message(there.id)
        assert (got.body, got.kind, dict(got.data)) == (WORDS, "text", {})
        assert (got.sender, got.conversation) == (pair.lin_address, pair.lin_address)
        assert not got.outgoing and got.live
        await pair.wang.submit(back).accepted()
        answer = await at_lin.message(back.id)
        assert (answer.body, answer.conversation) == ("收到", pair.wang_address)

    async def test_a_kind_of_its_own_travels_with_its_fields(self, pair: TransportPair) -> None:
        at_wang = Collector()
        pair.wang.deliver_to(at_wang)
        data = {"纬度": "26.6", "note": "<b> & 'x'\n"}
        sent = outgoing(pair.wang_address, "a place", kind="location", data=data)
        await pair.lin.submit(sent).accepted()
        got = await at_wang.message(sent.id)
        assert (got.kind, dict(got.data), got.body) == ("location", data, "a place")

    async def test_order_is_kept(self, pair: TransportPair) -> None:
        at_wang = Collector()
        pair.wang.deliver_to(at_wang)
        sent = [outgoing(pair.wang_address, f"number {n}") for n in range(60)]
        for submission in [pair.lin.submit(message) for message in sent]:
            await submission.accepted()
        await at_wang.message(sent[-1].id)
        assert [m.id for m in at_wang.messages] == [m.id for m in sent]

    async def test_receipts_reach_the_sender(self, pair: TransportPair) -> None:
        at_lin, at_wang = Collector(), Collector()
        pair.lin.deliver_to(at_lin)
        pair.wang.deliver_to(at_wang)
        sent = outgoing(pair.wang_address, "read me")
        await pair.lin.submit(sent).accepted()
        await at_wang.message(sent.id)
        for kind in (ReceiptKind.DELIVERED, ReceiptKind.READ):
            pair.wang.send_receipt(pair.lin_address, sent.id, kind)
            receipt = IncomingReceipt(kind=kind, message_id=sent.id, conversation=pair.wang_address)
            await at_lin.until(lambda: receipt in at_lin.items)

    async def test_what_comes_before_an_inbox_waits_for_it(self, pair: TransportPair) -> None:
        sent = outgoing(pair.wang_address, "early")
        await pair.lin.submit(sent).accepted()
        at_wang = Collector()
        pair.wang.deliver_to(at_wang)
        assert (await at_wang.message(sent.id)).body == "early"

    async def test_what_an_inbox_could_not_store_comes_again(self, pair: TransportPair) -> None:
        good = Collector()
        failures: list[int] = []

        async def fails_first(batch: Sequence[Incoming]) -> None:
            if not failures:
                failures.append(len(batch))
                raise OSError("the disk is full")
            await good(batch)

        pair.wang.deliver_to(fails_first)
        sent = [outgoing(pair.wang_address, f"number {n}") for n in range(3)]
        for message in sent:
            await pair.lin.submit(message).accepted()
        await good.message(sent[-1].id)
        assert failures
        assert list(dict.fromkeys(m.id for m in good.messages)) == [m.id for m in sent]

    async def test_too_large_is_refused_and_harms_nobody_else(self, pair: TransportPair) -> None:
        at_wang = Collector()
        pair.wang.deliver_to(at_wang)
        with pytest.raises(Refused):
            await pair.lin.submit(outgoing(pair.wang_address, "大" * FAR_TOO_LARGE)).accepted()
        sent = outgoing(pair.wang_address, "small")
        await pair.lin.submit(sent).accepted()
        await at_wang.message(sent.id)

    @pytest.mark.parametrize("address", ["", "@", "not an address@@", "a@b@c", "x@\N{NULL}"])
    async def test_an_address_that_is_none_is_refused(self, pair: TransportPair, address: str) -> None:
        with pytest.raises(Refused):
            await pair.lin.submit(outgoing(address, "hello")).accepted()
        assert pair.lin.state.state is ConnectionState.ONLINE

    async def test_characters_no_wire_carries_do_not_break_it(self, pair: TransportPair) -> None:
        at_wang = Collector()
        pair.wang.deliver_to(at_wang)
        sent = outgoing(pair.wang_address, "a\x00b\x1bc\ud800d\uffff")
        await pair.lin.submit(sent).accepted()
        got = await at_wang.message(sent.id)
        assert (got.body[0], got.body[-2:][0]) == ("a", "d")
        assert pair.lin.state.state is ConnectionState.ONLINE

    async def test_the_archive_goes_both_ways(self, pair: TransportPair) -> None:
        sent = [outgoing(pair.wang_address, f"号 {n}") for n in range(7)]
        for message in sent:
            await pair.lin.submit(message).accepted()
        newest = await pair.lin.archive(conversation=pair.wang_address, before="", limit=3)
        assert [m.id for m in newest.messages] == [m.id for m in sent[-3:]]
        assert all(m.outgoing and not m.live and m.archive_id for m in newest.messages)
        older = await pair.lin.archive(conversation=pair.wang_address, before=newest.first, limit=4)
        assert [m.id for m in older.messages] == [m.id for m in sent[:4]]
        assert older.first is not None
        following = await pair.lin.archive(conversation=pair.wang_address, after=older.last, limit=50)
        assert [m.id for m in following.messages] == [m.id for m in sent[4:]]
        assert following.complete
        theirs = await pair.wang.archive(conversation=pair.lin_address, before="", limit=1)
        assert theirs.messages[0].sender == pair.lin_address and not theirs.messages[0].outgoing

    async def test_an_archive_id_nobody_knows_is_an_error(self, pair: TransportPair) -> None:
        await pair.lin.submit(outgoing(pair.wang_address, "one")).accepted()
        with pytest.raises(UnknownArchiveId):
            await pair.lin.archive(after="nobody-knows-this-id", limit=5)

    async def test_contacts_can_be_added(self, pair: TransportPair) -> None:
        await pair.lin.add_contact(pair.wang_address, "王师傅")
        contacts = {contact.address: contact for contact in await pair.lin.contacts()}
        assert contacts[pair.wang_address].name == "王师傅"
        with pytest.raises(Refused):
            await pair.lin.add_contact("not an address@@")

    async def test_a_cut_connection_loses_nothing(self, pair: TransportPair) -> None:
        if pair.cut is None:
            pytest.skip("this pair cannot be cut")
        at_wang, at_lin = Collector(), Collector()
        pair.wang.deliver_to(at_wang)
        pair.lin.deliver_to(at_lin)
        there = [outgoing(pair.wang_address, f"there {n}") for n in range(20)]
        back = [outgoing(pair.lin_address, f"back {n}") for n in range(20)]
        async with trio.open_nursery() as nursery:
            for n, (one, other) in enumerate(zip(there, back, strict=True)):
                nursery.start_soon(submit_until_accepted, pair.lin, one)
                nursery.start_soon(submit_until_accepted, pair.wang, other)
                if n in (5, 12):
                    await trio.lowlevel.checkpoint()
                    pair.cut()
        pair.lin.retry_now()
        for one, other in zip(there, back, strict=True):
            await at_wang.message(one.id)
            await at_lin.message(other.id)

    async def test_without_a_connection_it_says_so_at_once(self, pair: TransportPair) -> None:
        if pair.cut is None:
            pytest.skip("this pair cannot be cut")
        pair.cut()
        await _until_online_is(pair.lin, False)
        try:
            with pytest.raises(NotConnected):
                pair.lin.submit(outgoing(pair.wang_address, "into the void"))
            with pytest.raises(NotConnected):
                pair.lin.send_receipt(pair.wang_address, "x", ReceiptKind.READ)
            with pytest.raises(NotConnected):
                await pair.lin.archive(before="")
        finally:
            pair.lin.retry_now()
        await _until_online_is(pair.lin, True)
