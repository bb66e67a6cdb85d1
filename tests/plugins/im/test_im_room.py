"""What only this room promises: catching up, limits, failing disks, odd peers."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trio
from im_support import open_room
from tulou_contracts.messaging import MessageInvalid, MessageState, MessageStored
from tulou_contracts.storage import StorageFull
from tulou_contracts.testing.fakes import FakeServer, FakeTransport
from tulou_contracts.testing.messaging import LIN, WANG, Bus, Place, until
from tulou_contracts.transport import (
    ConnectionChanged,
    ConnectionState,
    IncomingMessage,
    IncomingReceipt,
    IncomingRefusal,
    NotAccepted,
    Outgoing,
    ReceiptKind,
    Refused,
    TransportError,
)
from tulou_im.config import Config


@asynccontextmanager
async def at(server, folder, transport_type=FakeTransport):
    async with trio.open_nursery() as nursery:
        bus = Bus(nursery)
        transport = transport_type(server, LIN, publish=bus.publish)
        nursery.start_soon(transport.run)
        yield Place(folder, transport, bus, LIN)
        nursery.cancel_scope.cancel()


async def settle():
    await trio.sleep(20)


def write(server, *numbers):
    for number in numbers:
        server.take(WANG, Outgoing(id=f"m{number}", to=LIN, body=f"{number}"))


async def bodies(room):
    return [message.body for message in await room.messenger.history(WANG, limit=1000)]


async def gaps(room):
    return await room._database.read(lambda reader: reader.query("SELECT after, before FROM im_gap"))


async def test_the_first_start_takes_the_newest_page_and_notes_the_gap(autojump_clock, tmp_path):
    server = FakeServer(keeps_offline=False)
    write(server, *range(30))
    async with at(server, tmp_path) as place, open_room(place, Config(page=10)) as room:
        place.transport.connect()
        await settle()
        assert await bodies(room) == [f"{number}" for number in range(20, 30)]
        first = server.account(LIN).archive[20].archive_id
        assert await gaps(room) == [(None, first)]


async def test_who_found_the_archive_empty_misses_nothing_afterwards(autojump_clock, tmp_path):
    server = FakeServer(keeps_offline=False)
    async with at(server, tmp_path) as place, open_room(place, Config(page=10)) as room:
        place.transport.connect()
        await settle()
        place.transport.disconnect()
        write(server, *range(30))
        place.transport.connect()
        await settle()
        assert await bodies(room) == [f"{number}" for number in range(30)]
        assert await gaps(room) == []


async def test_after_a_long_absence_the_newest_come_at_once_and_the_gap_is_noted(autojump_clock, tmp_path):
    server = FakeServer(keeps_offline=False)
    write(server, 0)
    config = Config(page=10, catch_up_limit=20)
    async with at(server, tmp_path) as place, open_room(place, config) as room:
        place.transport.connect()
        await settle()
        place.transport.disconnect()
        write(server, *range(1, 60))
        place.transport.connect()
        await settle()
        assert await bodies(room) == [f"{number}" for number in [*range(21), *range(50, 60)]]
        archive = server.account(LIN).archive
        assert await gaps(room) == [(archive[20].archive_id, archive[50].archive_id)]
        place.transport.disconnect()
        write(server, 60)
        place.transport.connect()
        await settle()
        assert (await bodies(room))[-1] == "60"
        assert len(await gaps(room)) == 1


async def test_an_archive_that_forgot_where_we_were_gives_its_newest_page(autojump_clock, tmp_path):
    server = FakeServer(keeps_offline=False)
    write(server, 0)
    async with at(server, tmp_path) as place, open_room(place, Config(page=10)) as room:
        place.transport.connect()
        await settle()
        place.transport.disconnect()
        forgotten = server.account(LIN).archive.pop(0).archive_id
        write(server, *range(1, 15))
        place.transport.connect()
        await settle()
        assert await bodies(room) == ["0", *[f"{number}" for number in range(5, 15)]]
        assert await gaps(room) == [(forgotten, server.account(LIN).archive[4].archive_id)]


async def test_a_message_before_the_catch_up_ended_does_not_hide_those_missed(autojump_clock, tmp_path):
    server = FakeServer(keeps_offline=False)
    write(server, 0)
    async with at(server, tmp_path) as place:
        async with open_room(place) as room:
            place.transport.connect()
            await settle()
            place.transport.disconnect()
            write(server, 1, 2)
            place.transport.faults.latency = 1.0

            async def broken(**query):
                raise NotAccepted("not now")

            place.transport.archive = broken
            place.transport.connect()
            write(server, 3)  # live, and its archive id is newer than what was missed
            await settle()
            assert await bodies(room) == ["0", "3"]
        place.bus.close()
        del place.transport.archive
        place.transport.disconnect()
        async with open_room(place) as room:
            place.transport.connect()
            await settle()
            assert await bodies(room) == ["0", "1", "2", "3"]


async def test_an_archive_that_did_not_answer_is_asked_again_from_the_same_place(autojump_clock, tmp_path):
    server = FakeServer(keeps_offline=False)
    write(server, 0)
    async with at(server, tmp_path) as place, open_room(place, Config(page=10)) as room:
        place.transport.connect()
        await settle()
        place.transport.disconnect()
        write(server, *range(1, 30))

        async def silent(**query):
            if query.get("after"):
                raise TransportError("the server did not answer within 30 seconds")
            return await FakeTransport.archive(place.transport, **query)

        place.transport.archive = silent
        place.transport.connect()
        await settle()
        place.transport.disconnect()
        del place.transport.archive
        place.transport.connect()
        await settle()
        assert await bodies(room) == [f"{number}" for number in range(30)]
        assert await gaps(room) == []


async def test_order_holds_between_our_times_of_arrival_and_the_archives_stamps(autojump_clock, tmp_path):
    server = FakeServer(keeps_offline=False)
    async with at(server, tmp_path) as place, open_room(place) as room:
        place.transport.connect()
        await settle()
        place.transport.disconnect(resumable=True)
        write(server, 0)
        (first,) = server.account(LIN).archive
        await trio.sleep(2)
        # live messages carry no stamp: this one has the time at which it came
        place.transport._arrived[:] = [replace(first, live=True, at=server.now())]
        place.transport.connect(resumed=True)
        await settle()
        assert await bodies(room) == ["0"]
        place.transport.disconnect()
        server._now = lambda: first.at + 1_000_000
        write(server, 1)
        place.transport.connect()
        await settle()
        assert await bodies(room) == ["0", "1"]


async def test_a_resumed_session_asks_the_archive_nothing(autojump_clock, tmp_path):
    server = FakeServer(keeps_offline=False)
    async with at(server, tmp_path) as place, open_room(place) as room:
        place.transport.connect()
        await settle()
        asked = []

        async def noting(**query):
            asked.append(query)
            raise NotAccepted("no")

        place.transport.archive = noting
        place.transport.disconnect(resumable=True)
        write(server, 1)
        place.transport.connect(resumed=True)
        await settle()
        assert await bodies(room) == ["1"]
        assert asked == []


class FullDisk:
    """A database on which nothing can be written while `full`."""

    def __init__(self, database):
        self.database = database
        self.full = False

    async def read(self, work):
        return await self.database.read(work)

    async def write(self, work):
        if self.full:
            raise StorageFull("there is no room on the disk")
        return await self.database.write(work)


def fill_disk(monkeypatch):
    from tulou_im.room import Room
    opened, disks = Room.__init__, []

    def init(self, database, *others):
        disks.append(FullDisk(database))
        opened(self, disks[-1], *others)

    monkeypatch.setattr(Room, "__init__", init)
    return disks


async def test_a_full_disk_loses_nothing(autojump_clock, tmp_path, monkeypatch):
    disks = fill_disk(monkeypatch)
    server = FakeServer()
    async with at(server, tmp_path) as place, open_room(place) as room:
        place.transport.connect()
        await settle()
        place.transport.hold = True
        await room.messenger.send(WANG, "waiting for its answer")
        await trio.sleep(1)
        disks[0].full = True
        place.transport.hold = False
        write(server, 1)
        await settle()
        with pytest.raises(StorageFull):
            await room.messenger.send(WANG, "no room")
        assert await bodies(room) == ["waiting for its answer"]
        assert not place.transport.idle  # the message is not acknowledged
        assert place.bus.of(MessageStored)[1:] == []
        disks[0].full = False
        await settle()
        assert await bodies(room) == ["waiting for its answer", "1"]
        states = [message.state for message in await room.messenger.history(WANG)]
        assert states == [MessageState.SENT, MessageState.RECEIVED]
        assert len({taken.id for sender, taken in server.taken if sender == LIN}) == 1


async def test_somebody_elses_message_cannot_pass_for_ours(autojump_clock, tmp_path):
    server = FakeServer()
    async with at(server, tmp_path) as place, open_room(place) as room:
        ours = await room.messenger.send(WANG, "mine")
        place.transport.connect()
        await settle()
        server.take(WANG, Outgoing(id=ours.id, to=LIN, body="not yours"))
        server.deliver(LIN, IncomingReceipt(
            kind=ReceiptKind.READ, message_id=ours.id, conversation="mallory@example.org"
        ))
        await settle()
        history = await room.messenger.history(WANG)
        assert [(m.body, m.outgoing, m.state) for m in history] == [
            ("mine", True, MessageState.SENT), ("not yours", False, MessageState.RECEIVED),
        ]
        assert await room.messenger.message(WANG, ours.id) == history[0]


@pytest.mark.parametrize("strange", [
    {"body": "\x00\ud800 字"}, {"at": 2**70}, {"at": -1}, {"id": "", "archive_id": "only"},
    {"conversation": "example.org", "sender": "example.org"}, {"sender": ""}, {"kind": ""},
    {"conversation": "WANG@Example.Org"}, {"data": {"k\x00": "\udfff"}}, {"body": ""},
    {"archive_id": None},
])
async def test_whatever_comes_in_is_stored_or_left_never_a_crash(autojump_clock, tmp_path, strange):
    server = FakeServer()
    async with at(server, tmp_path) as place, open_room(place) as room:
        place.transport.connect()
        await settle()
        plain = IncomingMessage(
            id="m1", archive_id="a1", conversation=WANG, sender=WANG, body="hi", at=server.now()
        )
        server.deliver(LIN, replace(plain, **strange))
        server.deliver(LIN, replace(plain, id="m2", archive_id="a2", body="after"))
        await settle()
        [*before, last] = await room.messenger.history(WANG)
        assert last.body == "after"
        found, _ = await room.messenger.since(0)
        assert len(found) == 2
        assert all(0 < message.position < 2**53 and 0 <= message.at < 2**53 for message in found)


async def test_notes_to_oneself_are_ours(autojump_clock, tmp_path):
    server = FakeServer()
    async with at(server, tmp_path) as place, open_room(place) as room:
        place.transport.connect()
        note = await room.messenger.send(LIN, "buy tea")
        await settle()
        server.deliver(LIN, IncomingMessage(
            id=note.id, archive_id="a1", conversation=LIN, sender=LIN, body="buy tea", at=server.now()
        ))
        await settle()
        [line] = await room.messenger.conversations()
        assert (line.unread, line.last.id, line.last.state) == (0, note.id, MessageState.SENT)


async def test_the_window_bounds_what_is_on_the_wire(autojump_clock, tmp_path):
    server = FakeServer()
    async with at(server, tmp_path) as place, open_room(place, Config(in_flight=4)) as room:
        place.transport.connect()
        place.transport.hold = True
        for number in range(10):
            await room.messenger.send(WANG, f"{number}")
        await settle()
        assert [message.body for message in place.transport.on_wire] == ["0", "1", "2", "3"]
        place.transport.hold = False
        place.transport._wake()
        await settle()
        assert [taken.body for _, taken in server.taken] == [f"{number}" for number in range(10)]


async def test_what_the_archive_shows_as_sent_is_not_sent_again(autojump_clock, tmp_path):
    """The answer was lost and the session, too: the archive is asked before anything goes twice."""
    server = FakeServer()
    async with at(server, tmp_path) as place, open_room(place) as room:
        place.transport.connect()
        await settle()
        place.transport.faults.unacknowledged = 1.0
        await room.messenger.send(WANG, "once")
        await settle()
        place.transport.faults.unacknowledged = 0.0
        place.transport.connect()
        await settle()
        assert [message.state for message in await room.messenger.history(WANG)] == [MessageState.SENT]
        assert len(server.taken) == 1


async def test_a_message_refused_before_it_was_sent_fails_and_the_next_one_goes(autojump_clock, tmp_path):
    class Picky(FakeTransport):
        def submit(self, message):
            if message.body == "poison":
                raise Refused("the server takes no poison")
            return super().submit(message)

    server = FakeServer()
    async with at(server, tmp_path, Picky) as place, open_room(place) as room:
        place.transport.connect()
        await room.messenger.send(WANG, "poison")
        await room.messenger.send(WANG, "tea")
        await settle()
        history = await room.messenger.history(WANG)
        assert [(m.state, m.reason) for m in history] == [
            (MessageState.FAILED, "the server takes no poison"), (MessageState.SENT, ""),
        ]


async def test_a_connection_that_takes_nothing_is_not_hammered(autojump_clock, tmp_path):
    tries = []

    class Sullen(FakeTransport):
        def submit(self, message):
            tries.append(trio.current_time())
            submission = super().submit(message)
            self._wire.remove(submission)
            submission.land(NotAccepted("no answer"))
            return submission

    async with at(FakeServer(), tmp_path, Sullen) as place, open_room(place) as room:
        place.transport.connect()
        await room.messenger.send(WANG, "hi")
        await trio.sleep(100)
        assert 5 < len(tries) < 100
        assert [m.state for m in await room.messenger.history(WANG)] == [MessageState.QUEUED]


async def test_our_own_messages_need_no_reading_and_late_mail_stays_unread(autojump_clock, tmp_path):
    """Mail kept for us while a message of ours waited stands before it, and is still news."""
    server = FakeServer()
    async with at(server, tmp_path) as place, open_room(place) as room:
        await trio.sleep(60)
        write(server, 1)
        await trio.sleep(60)
        ours = await room.messenger.send(WANG, "are you there?")
        await room.messenger.mark_read(WANG, ours.position)
        place.transport.connect()
        await settle()
        assert await bodies(room) == ["1", "are you there?"]
        assert (await room.messenger.conversations())[0].unread == 1


async def test_read_receipts_can_be_switched_off(autojump_clock, tmp_path):
    server = FakeServer()
    config = Config(read_receipts=False, delivery_receipts=False)
    async with at(server, tmp_path) as place, open_room(place, config) as room:
        place.transport.connect()
        write(server, 1)
        await settle()
        await room.messenger.mark_read(WANG, 2**53)
        assert (await room.messenger.conversations())[0].unread == 0
        await settle()
        assert server.receipts == []


async def test_the_account_is_remembered_when_nobody_is_signed_in(autojump_clock, tmp_path):
    async with at(FakeServer(), tmp_path) as place:
        async with open_room(place) as room:
            await room.messenger.send(WANG, "hi")
            await settle()
        place.bus.close()
        place.address = ""
        async with open_room(place) as room:
            assert (await room.messenger.history(WANG))[0].sender == LIN


async def test_a_cancelled_send_is_there_whole_or_not_at_all(autojump_clock, tmp_path):
    server = FakeServer()
    async with at(server, tmp_path) as place, open_room(place) as room:
        place.transport.connect()
        await settle()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(room.messenger.send, WANG, "hi")
            await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        await settle()
        states = [message.state for message in await room.messenger.history(WANG)]
        assert states in ([], [MessageState.SENT])


@pytest.mark.parametrize("wrong", [{"in_flight": 0}, {"page": -1}, {"catch_up_limit": 0}, {"max_body": 0}])
def test_a_setting_that_cannot_work_is_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Config(**wrong)


async def test_a_message_of_exactly_the_limit_travels_and_one_more_does_not(autojump_clock, tmp_path):
    async with at(FakeServer(), tmp_path) as place, open_room(place) as room:
        assert len((await room.messenger.send(WANG, "字" * 65536)).body) == 65536
        with pytest.raises(MessageInvalid, match="65537 characters, and 65536 are allowed"):
            await room.messenger.send(WANG, "字" * 65537)


async def test_it_works_while_the_connection_is_refused_for_good(autojump_clock, tmp_path):
    async with at(FakeServer(), tmp_path) as place, open_room(place) as room:
        place.transport._change(ConnectionChanged(state=ConnectionState.REFUSED, reason="wrong password"))
        await room.messenger.send(WANG, "later")
        await settle()
        assert await bodies(room) == ["later"]
        await until(lambda: _queued(room))


async def _queued(room):
    return [m.state for m in await room.messenger.history(WANG)] == [MessageState.QUEUED]


class Manual(FakeTransport):
    """A transport whose answers the test gives, whenever it likes."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.submitted = []

    def submit(self, message):
        submission = super().submit(message)
        self._wire.remove(submission)
        self.submitted.append(submission)
        return submission

    def bodies(self):
        return [submission.message.body for submission in self.submitted]


async def test_nothing_overtakes_what_a_former_session_has_not_answered(autojump_clock, tmp_path):
    async with at(FakeServer(), tmp_path, Manual) as place, open_room(place) as room:
        place.transport.connect()
        await settle()
        await room.messenger.send(WANG, "1")
        await settle()
        place.transport.disconnect()
        place.transport.connect()
        await room.messenger.send(WANG, "2")
        await room.messenger.send("zhao@example.org", "other")
        await settle()
        assert place.transport.bodies() == ["1", "other"]
        place.transport.submitted[0].land(NotAccepted("the connection broke"))
        await settle()
        assert place.transport.bodies() == ["1", "other", "1", "2"]


async def test_after_a_doubt_a_conversation_begins_again_in_order(autojump_clock, tmp_path):
    async with at(FakeServer(), tmp_path, Manual) as place, open_room(place) as room:
        place.transport.connect()
        for number in range(3):
            await room.messenger.send(WANG, f"{number}")
        await settle()
        place.transport.submitted[0].land(NotAccepted("no answer"))
        await settle()
        assert place.transport.bodies() == ["0", "1", "2"]
        place.transport.submitted[2].land(NotAccepted("no answer"))
        place.transport.submitted[1].land()
        await settle()
        assert place.transport.bodies() == ["0", "1", "2", "0", "2"]


async def test_a_new_session_nobody_heard_of_moves_no_bookmark(autojump_clock, tmp_path):
    server = FakeServer(keeps_offline=False)
    async with at(server, tmp_path) as place:
        async with open_room(place) as room:
            place.transport.connect()
            await settle()
            write(server, 0)
            await settle()
            place.bus.close()  # events may be dropped
            place.transport.disconnect()
            write(server, 1)
            place.transport.connect()
            write(server, 2)
            await settle()
            assert await bodies(room) == ["0", "2"]
        async with open_room(place) as room:
            await settle()
            assert await bodies(room) == ["0", "1", "2"]


async def test_the_copy_of_a_refused_attempt_does_not_end_the_next_one(autojump_clock, tmp_path):
    server = FakeServer()
    async with at(server, tmp_path) as place, open_room(place) as room:
        place.transport.connect()
        await settle()
        message = await room.messenger.send(WANG, "hi")
        await settle()
        server.deliver(LIN, IncomingRefusal(message_id=message.id, conversation=WANG, reason="no"))
        await settle()
        place.transport.disconnect()
        await room.messenger.retry(WANG, message.id)
        place.transport.hold = True
        place.transport.connect()  # the archive shows the attempt that was refused
        await settle()
        assert [m.state for m in await room.messenger.history(WANG)] == [MessageState.QUEUED]
        place.transport.hold = False
        place.transport._wake()
        await settle()
        assert [m.state for m in await room.messenger.history(WANG)] == [MessageState.SENT]
        assert len(server.taken) == 2


async def test_plugins_see_a_message_once_and_its_sender_hears_of_it_live_only(autojump_clock, tmp_path):
    seen = []

    async def slow(message):
        seen.append(message.id)
        await trio.sleep(3)
        return message

    server = FakeServer()
    async with at(server, tmp_path) as place:
        place.incoming = slow
        async with open_room(place) as room:
            write(server, 1)
            place.transport.connect()  # it comes as kept mail and from the archive at the same time
            await settle()
            place.transport.disconnect()
            place.transport.connect()
            await settle()
            assert await bodies(room) == ["1"]
            assert seen == ["m1"]
            assert server.receipts == [(LIN, WANG, "m1", ReceiptKind.DELIVERED)]


async def test_the_archive_calls_for_no_receipts_and_reading_is_told_once(autojump_clock, tmp_path):
    server = FakeServer(keeps_offline=False)
    write(server, 1)
    async with at(server, tmp_path) as place, open_room(place) as room:
        place.transport.connect()
        await settle()
        assert await bodies(room) == ["1"]
        assert server.receipts == []
        await room.messenger.mark_read(WANG, 2**53)
        for _ in range(3):
            await room.messenger.mark_read(WANG, 2**53)
            place.transport.disconnect()
            place.transport.connect()
            await settle()
        assert server.receipts == [(LIN, WANG, "m1", ReceiptKind.READ)]
