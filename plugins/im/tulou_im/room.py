"""The room put together: database, transport and plugins in, `Messenger` out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from logging import Logger
from random import Random
from typing import Any

from tulou.flow import Signal
from tulou_contracts.messaging import Draft, Message, MessagingError
from tulou_contracts.storage import Database, Storage
from tulou_contracts.transport import (
    ConnectionChanged,
    ConnectionState,
    ContactChanged,
    Incoming,
    Transport,
)

from tulou_im import rows
from tulou_im.catchup import CatchUp
from tulou_im.config import Config
from tulou_im.inbox import Inbox
from tulou_im.mending import mend
from tulou_im.messenger import Conversations
from tulou_im.outbox import Outbox
from tulou_im.receipts import Receipts
from tulou_im.schema import MIGRATIONS
from tulou_im.titles import Titles


@dataclass(frozen=True)
class Surroundings:
    """What the room needs of the app beside storage and transport."""

    publish: Callable[[object], None]
    now: Callable[[], int]
    """Microseconds since 1970 UTC."""
    own_address: Callable[[], str]
    """The account's address, empty while nobody knows it."""
    outgoing: Callable[[Draft], Awaitable[Any]]
    incoming: Callable[[Message], Awaitable[Any]]
    log: Logger
    random: Random | None = None
    changers: Callable[[], Sequence[str]] = tuple
    """Names of the plugins that may change what goes out; to be named when one made nonsense of it."""
    sent: Callable[[str], None] = lambda kind: None
    """Told the kind of every message of ours, for those who count."""


class Room:
    """One account's messages. `run_outbox` and `run_connection` are its two tasks."""

    def __init__(
        self, database: Database, transport: Transport, around: Surroundings, config: Config, own: str
    ) -> None:
        self._database = database
        self._transport = transport
        self._around = around
        self._own = own
        self._signal = Signal()
        self.titles = titles = Titles(database, transport, around.publish)
        self._inbox = Inbox(
            database, around.publish, around.log, now=around.now, own=self.own_address,
            title=titles.title, pipeline=around.incoming,
        )
        self._catch_up = CatchUp(
            database, transport, self._inbox, around.log, page=config.page, limit=config.catch_up_limit
        )
        self._receipts = Receipts(
            database, transport, delivered=config.delivery_receipts, read=config.read_receipts
        )
        self._outbox = Outbox(
            database, transport, around.publish, around.log, window=config.in_flight,
            settled=self._catch_up.settled, rng=around.random,
        )
        self.messenger = Conversations(
            database, self._outbox, self._receipts, around.publish, now=around.now,
            own=self.own_address, title=titles.title, pipeline=around.outgoing,
            max_body=config.max_body, log=around.log, tell_read=config.read_receipts,
            changers=around.changers, sent=around.sent,
        )

    @classmethod
    async def open(
        cls, storage: Storage, transport: Transport, around: Surroundings, config: Config | None = None
    ) -> Room:
        """Open the tables. Raises `StorageError`."""
        database = await storage.database("im", MIGRATIONS)
        await mend(database)
        own = await database.read(lambda reader: rows.meta(reader, "own"))
        return cls(database, transport, around, config or Config(), own or "")

    def own_address(self) -> str:
        """The account's address; the last one known when nobody is signed in."""
        return self._around.own_address() or self._own

    def start(self) -> None:
        """Take what comes in, and note a connection that is there already."""
        self._transport.deliver_to(self.receive)
        self.connection_changed(self._transport.state)

    def stop(self) -> None:
        """Take nothing more: what comes from now on waits at the server until a room is open again."""
        self._transport.deliver_to(_closed)

    def connection_changed(self, change: ConnectionChanged) -> None:
        """The transport's event."""
        self._catch_up.connection(change)
        if change.state is ConnectionState.ONLINE:
            self._outbox.connected(change.resumed)
            self._signal.set()

    async def contact_changed(self, change: ContactChanged) -> None:
        """The transport's event."""
        await self.titles.changed(change)

    async def receive(self, batch: Sequence[Incoming]) -> None:
        """The transport's inbox. Raises `StorageError`: the batch must come again."""
        kept = await self._inbox.store(batch, self._catch_up.bookmark(batch))
        self._receipts.delivered(kept)

    async def run_outbox(self) -> None:
        """Send what is queued, for as long as the room is open."""
        await self._outbox.run()

    async def run_connection(self) -> None:
        """Do what each new connection asks for."""
        while True:
            await self._remember_own()
            await self.titles.refresh()
            await self._catch_up.run()
            await self._receipts.tell_read()
            await self._signal.wait()

    async def _remember_own(self) -> None:
        own = self._around.own_address()
        if own and own != self._own:
            self._own = own
            await self._database.write(lambda tx: rows.set_meta(tx, "own", own))


async def _closed(batch: Sequence[Incoming]) -> None:
    raise MessagingError("the messages room is closed; what comes in waits until it is open again")
