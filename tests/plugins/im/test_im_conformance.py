"""The room fulfils its contract on the real store."""

from __future__ import annotations

from contextlib import asynccontextmanager

from im_support import open_room
from tulou_contracts.testing.messaging import MessengerConformance


class TestRoom(MessengerConformance):
    @asynccontextmanager
    async def open(self, place):
        async with open_room(place) as room:
            yield room.messenger
