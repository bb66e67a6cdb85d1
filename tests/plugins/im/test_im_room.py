"""The room as a whole: its settings, its account, its connection."""

from __future__ import annotations

import pytest
from im_support import at, bodies, open_room, settle, write
from tulou_contracts.messaging import MessageState
from tulou_contracts.testing.fakes import FakeServer
from tulou_contracts.testing.messaging import LIN, WANG, until
from tulou_contracts.transport import ConnectionChanged, ConnectionState
from tulou_im.config import Config


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


@pytest.mark.parametrize("wrong", [{"in_flight": 0}, {"page": -1}, {"catch_up_limit": 0}, {"max_body": 0}])
def test_a_setting_that_cannot_work_is_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Config(**wrong)


async def test_it_works_while_the_connection_is_refused_for_good(autojump_clock, tmp_path):
    async with at(FakeServer(), tmp_path) as place, open_room(place) as room:
        place.transport._change(ConnectionChanged(state=ConnectionState.REFUSED, reason="wrong password"))
        await room.messenger.send(WANG, "later")
        await settle()
        assert await bodies(room) == ["later"]
        await until(lambda: _queued(room))


async def _queued(room):
    return [m.state for m in await room.messenger.history(WANG)] == [MessageState.QUEUED]
