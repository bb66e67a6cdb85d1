"""The room in the house: binds it to the kernel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tulou import Stage
from tulou_contracts.identity import Identity
from tulou_contracts.messaging import Messenger, incoming_message, outgoing_message
from tulou_contracts.storage import Storage
from tulou_contracts.tracking import Tracker
from tulou_contracts.transport import ConnectionChanged, ContactChanged, Transport

from tulou_im.room import Room, Surroundings
from tulou_im.tracked import Tracked

if TYPE_CHECKING:
    from tulou import Context


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Open the store, then send and receive for as long as the plugin runs."""
    identity = ctx.wanted(Identity)

    def own_address() -> str:
        provider = identity.get()
        account = provider.account if provider is not None else None
        return account.address if account is not None else ""

    outgoing = ctx.hook(outgoing_message)

    def changers() -> tuple[str, ...]:
        # the other stages' answers never become the draft
        changing = [entry.plugin for entry in outgoing.entries if entry.stage in (Stage.EXTEND, Stage.MODIFY)]
        return tuple(dict.fromkeys(changing))

    tracked = Tracked(ctx.wanted(Tracker))
    ctx.implement(tracked)
    around = Surroundings(
        publish=ctx.publish, now=ctx.now, own_address=own_address, log=ctx.log, random=ctx.random,
        outgoing=outgoing, incoming=ctx.hook(incoming_message), changers=changers, sent=tracked.sent,
    )
    room = await Room.open(ctx.service(Storage), ctx.service(Transport), around, ctx.config)
    ctx.subscribe(ConnectionChanged, room.connection_changed)
    ctx.subscribe(ContactChanged, room.contact_changed)
    room.start()
    ctx.spawn(room.run_outbox, name="outbox")
    ctx.spawn(room.run_connection, name="connection")
    ctx.provide(Messenger, room.messenger)
    try:
        yield
    finally:
        room.stop()
