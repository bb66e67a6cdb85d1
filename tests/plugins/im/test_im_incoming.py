"""What comes in is stored or left, once, whatever it says and however the disk is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
from im_support import at, bodies, open_room, settle, write
from tulou_contracts.messaging import MessageState, MessageStored
from tulou_contracts.storage import StorageFull
from tulou_contracts.testing.fakes import FakeServer
from tulou_contracts.testing.messaging import LIN, WANG
from tulou_contracts.transport import IncomingMessage, IncomingReceipt, Outgoing, ReceiptKind


class FullDisk:
    """A database on which nothing can be written while `full`."""

    def __init__(self, database):
        self.database = database
        self.full = False
        self.repair = None

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
