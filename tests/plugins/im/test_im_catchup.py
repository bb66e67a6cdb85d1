"""Catching up with the archive: nothing is missed, and what is not here yet is known."""

from __future__ import annotations

from dataclasses import replace

import trio
from im_support import at, bodies, gaps, open_room, settle, write
from tulou_contracts.testing.fakes import FakeServer, FakeTransport
from tulou_contracts.testing.messaging import LIN
from tulou_contracts.transport import NotAccepted, TransportError
from tulou_im.config import Config


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
