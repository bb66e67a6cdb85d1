"""Catching up with the server's archive after a new session began.

The bookmark is the archive id up to which everything is held, or "" where the archive was empty:
then everything is wanted from its beginning. It moves in the transaction that stores what lies
before it, so catching up may stop anywhere and go on later.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from logging import Logger

import trio
from tulou_contracts.storage import Database
from tulou_contracts.transport import (
    ArchivePage,
    ConnectionChanged,
    ConnectionState,
    Incoming,
    IncomingMessage,
    NotConnected,
    Transport,
    TransportError,
    UnknownArchiveId,
)

from tulou_im import rows
from tulou_im.inbox import Inbox
from tulou_im.receiving import Bookmark, Gap

BEGINNING = ""
SETTLE = 5.0
"""Seconds that the outbox waits for the archive to show what the server already has."""


class CatchUp:
    """Knows whether the archive is held without a hole up to now."""

    def __init__(
        self, database: Database, transport: Transport, inbox: Inbox, log: Logger, *,
        page: int, limit: int,
    ) -> None:
        self._database = database
        self._transport = transport
        self._inbox = inbox
        self._log = log
        self._page = page
        self._limit = limit
        self._session: ConnectionChanged | None = None
        self._epoch = 0
        self._complete = False
        self._done = trio.Event()

    def connection(self, change: ConnectionChanged) -> None:
        """Note a change of the connection.

        A resumed session goes on where the former one was, complete or not.
        """
        if change.state is not ConnectionState.ONLINE:
            return
        if not change.resumed or self._session is None:
            self._complete = False
            self._epoch += 1
        self._session = change
        if not self._complete and self._done.is_set():
            self._done = trio.Event()

    def bookmark(self, batch: Sequence[Incoming]) -> Bookmark | None:
        """How far the archive is held once a live batch is stored; None when that is not known."""
        if not self._complete or self._transport.state is not self._session:
            return None
        ids = [item.archive_id for item in batch if isinstance(item, IncomingMessage) and item.archive_id]
        return Bookmark(ids[-1]) if ids else None

    async def settled(self) -> None:
        """Until this session has caught up, given up, or taken too long."""
        with trio.move_on_after(SETTLE):
            await self._done.wait()

    async def run(self) -> None:
        """Catch up with the archive now."""
        epoch, done = self._epoch, self._done
        try:
            if not self._complete:
                await self._catch_up()
                if self._database.repair is not None:
                    await self._database.settle_repair()  # what the server has is here again
                self._complete = epoch == self._epoch
        except NotConnected:
            pass  # the next session goes on from the bookmark
        except TransportError as error:
            self._log.warning("the server's archive cannot be read, messages may be missing: %s", error)
        finally:
            done.set()

    async def _catch_up(self) -> None:
        after = await self._database.read(lambda reader: rows.meta(reader, "archive"))
        fetched = 0
        # after a repair everything is fetched again, however much it is; it goes on where it was cut off
        limit = self._limit if self._database.repair is None else math.inf
        while after is not None and fetched < limit:
            try:
                page = await self._transport.archive(after=after or None, limit=self._page)
            except UnknownArchiveId as error:
                self._log.info("the archive does not know where we were: %s", error)
                break
            fetched += len(page.messages)
            last = page.last or after
            await self._inbox.store(page.messages, Bookmark(last) if last != after else None)
            if page.complete or last == after:
                return
            after = last
        await self._newest(after)

    async def _newest(self, after: str | None) -> None:
        page: ArchivePage = await self._transport.archive(before="", limit=self._page)
        gap = None if page.complete else Gap(after or None, page.first)
        await self._inbox.store(page.messages, Bookmark(page.last or BEGINNING, gap))
