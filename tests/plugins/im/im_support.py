"""The messages room on the real store, in a test; in memory where the store is not installed."""

from __future__ import annotations

import logging
import random
from contextlib import asynccontextmanager
from importlib.util import find_spec

import trio
from tulou_contracts.testing.fakes import FakeTransport
from tulou_contracts.testing.memory_storage import MemoryStorage
from tulou_contracts.testing.messaging import LIN, WANG, Bus, Place
from tulou_contracts.transport import ConnectionChanged, ContactChanged, Outgoing
from tulou_im.config import Config
from tulou_im.room import Room, Surroundings

_IN_MEMORY: dict = {}
"""Opening the same folder again finds what was stored there before."""


@asynccontextmanager
async def open_storage(folder, threads):
    if find_spec("tulou_store") is None:
        yield _IN_MEMORY.setdefault(folder, MemoryStorage())
        return
    from tulou_store.config import Config as StoreConfig
    from tulou_store.service import Store

    store = Store(folder, StoreConfig(threads=threads))
    async with store.running():
        yield store


@asynccontextmanager
async def open_room(place: Place, config: Config | None = None, *, threads: bool = False):
    """The room and its two tasks; without threads everything happens in the order of virtual time."""
    around = Surroundings(
        publish=place.bus.publish, now=place.now, own_address=lambda: place.address,
        outgoing=lambda draft: place.outgoing(draft), incoming=lambda message: place.incoming(message),
        log=logging.getLogger("im"), random=random.Random(1),
    )
    async with open_storage(place.profile, threads) as store:
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
