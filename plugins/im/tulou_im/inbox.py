"""What comes in: hooks, one transaction for the batch, then receipts and events.

The transport acknowledges a batch when `Inbox` returns, so a batch is either durable or comes again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from logging import Logger
from typing import Any

import trio
from tulou import Prevent
from tulou.correlation import correlated
from tulou.errors import TulouError
from tulou_contracts.messaging import Message, MessageState
from tulou_contracts.storage import Database
from tulou_contracts.transport import Incoming, IncomingMessage, IncomingReceipt, IncomingRefusal

from tulou_im import receiving
from tulou_im.news import Publish, announce
from tulou_im.receiving import Bookmark
from tulou_im.text import clean, stored_address

_DAY = 86_400_000_000
Pipeline = Callable[[Message], Awaitable[Any]]


class Inbox:
    """Stores what the server sends, live or from its archive, one batch at a time."""

    def __init__(
        self, database: Database, publish: Publish, log: Logger, *,
        now: Callable[[], int], own: Callable[[], str], title: Callable[[str], str], pipeline: Pipeline,
    ) -> None:
        self._database = database
        self._publish = publish
        self._log = log
        self._now = now
        self._own = own
        self._title = title
        self._pipeline = pipeline
        self._lock = trio.Lock()  # a page of the archive and a live batch must not pass each other

    async def store(self, batch: Sequence[Incoming], bookmark: Bookmark | None = None) -> Sequence[Incoming]:
        """Make a batch durable; what of it was kept, cleaned. Raises `StorageError`: nothing was."""
        async with self._lock:
            tidy = [self._tidy(item) for item in batch]
            kept = [item for item in await self._piped(tidy) if item is not None]
            if not kept and bookmark is None:
                return kept
            now, title = self._now(), self._title
            changes = await self._database.write(
                lambda tx: receiving.store(tx, kept, now=now, title=title, bookmark=bookmark)
            )
        announce(self._publish, changes)
        return kept

    async def _piped(self, batch: Sequence[Incoming]) -> list[Incoming | None]:
        """The batch after the plugins; each sees a message once, however often it comes."""
        new = await self._database.read(lambda reader: [
            isinstance(item, IncomingMessage) and not item.outgoing
            and not receiving.is_known(reader, item)
            for item in batch
        ])
        return [
            await self._pipe_as_act(item) if fresh and isinstance(item, IncomingMessage) else item
            for item, fresh in zip(batch, new, strict=True)
        ]

    async def _pipe_as_act(self, item: IncomingMessage) -> IncomingMessage | None:
        """Its id names the act here as it does at the sender's, so that both logs can be related."""
        with correlated(item.id):
            return await self._pipe(item)

    async def _pipe(self, item: IncomingMessage) -> IncomingMessage | None:
        message = Message(
            id=item.id, conversation=item.conversation, sender=item.sender, body=item.body,
            kind=item.kind, data=item.data, at=item.at, position=0, state=MessageState.RECEIVED,
            outgoing=False,
        )
        try:
            answer = await self._pipeline(message)
        except TulouError as error:
            self._log.error("a plugin failed on message %s; it is stored as it came: %s", item.id, error)
            return item
        if isinstance(answer, Prevent):
            # not why: reasons are for people, and may quote what was written
            self._log.info("message %s was dropped by %s", item.id, answer.plugin)
            return None
        return replace(item, body=clean(answer.body), kind=answer.kind, data=dict(answer.data))

    def _tidy(self, item: Incoming) -> Incoming:
        """The item with its address in our spelling, and nothing that could not be stored."""
        conversation = stored_address(item.conversation)
        if isinstance(item, IncomingReceipt):
            return replace(item, conversation=conversation, message_id=clean(item.message_id))
        if isinstance(item, IncomingRefusal):
            return replace(
                item, conversation=conversation, message_id=clean(item.message_id),
                reason=clean(item.reason),
            )
        sender = stored_address(item.sender or item.conversation)
        now = self._now()
        return replace(
            item,
            id=clean(item.id) or clean(item.archive_id or ""),
            conversation=conversation,
            sender=sender,
            body=clean(item.body),
            kind=clean(item.kind) or "text",
            data={clean(key): clean(value) for key, value in item.data.items()},
            at=max(0, item.at) if item.at <= now + _DAY else now,
            outgoing=item.outgoing or sender == self._own(),
        )
