"""What goes out: in order, once, within its window, and refused where it must be."""

from __future__ import annotations

import pytest
import trio
from im_support import at, open_room, settle
from tulou_contracts.messaging import MessageInvalid, MessageState
from tulou_contracts.testing.fakes import FakeServer, FakeTransport
from tulou_contracts.testing.messaging import LIN, WANG
from tulou_contracts.transport import IncomingRefusal, NotAccepted, Refused
from tulou_im.config import Config


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


async def test_a_message_of_exactly_the_limit_travels_and_one_more_does_not(autojump_clock, tmp_path):
    async with at(FakeServer(), tmp_path) as place, open_room(place) as room:
        assert len((await room.messenger.send(WANG, "字" * 65536)).body) == 65536
        with pytest.raises(MessageInvalid, match="65537 characters, and 65536 are allowed"):
            await room.messenger.send(WANG, "字" * 65537)


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


async def test_what_lands_while_the_outbox_is_being_read_is_not_sent_again(autojump_clock, tmp_path):
    """A read that began before the answer shows the message as waiting, although it is done."""
    class SlowReads:
        def __init__(self, inner):
            self._inner = inner
            self.write = inner.write

        async def read(self, work):
            answer = await self._inner.read(work)
            await trio.sleep(3)
            return answer

    server = FakeServer()
    async with at(server, tmp_path) as place, open_room(place) as room:
        place.transport.connect()
        await settle()
        room._outbox._database = SlowReads(room._outbox._database)
        place.transport.hold = True
        await room.messenger.send(WANG, "first")
        await trio.sleep(5)
        await room.messenger.send(WANG, "second")  # the pump reads again, and "first" is on the wire
        await trio.sleep(1)
        place.transport.hold = False
        place.transport._wake()
        await settle()
        assert [taken.body for _, taken in server.taken] == ["first", "second"]
