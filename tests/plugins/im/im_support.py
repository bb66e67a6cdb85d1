"""The messages room on the real store, in a test."""

from __future__ import annotations

import logging
import random
from contextlib import asynccontextmanager

import trio
from tulou_contracts.testing.messaging import Place
from tulou_contracts.transport import ConnectionChanged, ContactChanged
from tulou_im.config import Config
from tulou_im.room import Room, Surroundings
from tulou_store.config import Config as StoreConfig
from tulou_store.service import Store


@asynccontextmanager
async def open_room(place: Place, config: Config | None = None, *, threads: bool = False):
    """The room and its two tasks; without threads everything happens in the order of virtual time."""
    store = Store(place.profile, StoreConfig(threads=threads))
    around = Surroundings(
        publish=place.bus.publish, now=place.now, own_address=lambda: place.address,
        outgoing=lambda draft: place.outgoing(draft), incoming=lambda message: place.incoming(message),
        log=logging.getLogger("im"), random=random.Random(1),
    )
    async with store.running():
        room = await Room.open(store, place.transport, around, config)
        place.bus.subscribe(ConnectionChanged, room.connection_changed)
        place.bus.subscribe(ContactChanged, room.contact_changed)
        room.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(room.run_outbox)
            nursery.start_soon(room.run_connection)
            yield room
            room.stop()
            nursery.cancel_scope.cancel()
