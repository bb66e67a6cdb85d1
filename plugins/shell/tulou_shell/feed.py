"""Turns events, which are wake-ups and may be lost, into pushes that keep every page equal.

Messages are read from the messenger's durable cursor, so a dropped event delays a message until the
next one and loses nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from tulou.errors import TulouError
from tulou.flow import Signal
from tulou_contracts.messaging import (
    ConversationChanged,
    Message,
    MessageChanged,
    MessageStored,
    Messenger,
)
from tulou_shell.methods import LIST_LIMIT
from tulou_shell.views import conversation_view, message_view

BATCH = 200
FLOOD = 400
"""More changed messages than this in one go: pages are told to read anew instead."""

Push = Callable[[str, Any], None]


class Feed:
    """Collects what changed and pushes it in batches."""

    def __init__(self, messenger: Callable[[], Messenger | None], push: Push, log: logging.Logger) -> None:
        self._messenger = messenger
        self._push = push
        self._log = log
        self._wake = Signal()
        self._cursor: int | None = None
        self._messages: dict[tuple[str, str], None] = {}
        self._conversations: set[str] = set()

    def on_stored(self, event: MessageStored) -> None:
        """A message is there."""
        if self._cursor is None:
            self._cursor = event.cursor - 1
        self._conversations.add(event.conversation)
        self._wake.set()

    def on_changed(self, event: MessageChanged) -> None:
        """A message is another one."""
        self._messages[event.conversation, event.message_id] = None
        self._conversations.add(event.conversation)
        self._wake.set()

    def on_conversation(self, event: ConversationChanged) -> None:
        """A line of the list is another one."""
        self._conversations.add(event.conversation)
        self._wake.set()

    def restart(self) -> None:
        """Another messenger is there: its cursors need not be the former one's."""
        self._cursor = None
        self._messages.clear()
        self._conversations.clear()

    async def run(self) -> None:
        """Push until cancelled."""
        while True:
            await self._wake.wait()
            messenger = self._messenger()
            if messenger is None:
                continue
            try:
                await self._push_news(messenger)
            except TulouError as error:
                self._log.warning("pages were not told what is new: %s", error)

    async def _push_news(self, messenger: Messenger) -> None:
        named, self._messages = self._messages, {}
        touched, self._conversations = self._conversations, set()
        fresh = await self._read_on(messenger)
        if fresh is None or len(named) > FLOOD:
            self._push("resync", None)
            return
        for message in fresh:
            named.pop((message.conversation, message.id), None)
            touched.add(message.conversation)
        for conversation, message_id in named:
            found = await messenger.message(conversation, message_id)
            if found is not None:
                fresh.append(found)
        if fresh:
            self._push("messages", [message_view(each) for each in fresh])
        if touched:
            lines = await messenger.conversations(limit=LIST_LIMIT)
            changed = [conversation_view(each) for each in lines if each.id in touched]
            if changed:
                self._push("conversations", changed)

    async def _read_on(self, messenger: Messenger) -> list[Message] | None:
        """What the cursor has not seen; None for more than a page should be told one by one."""
        fresh: list[Message] = []
        flooded = False
        while self._cursor is not None:
            messages, cursor = await messenger.since(self._cursor, BATCH)
            self._cursor = max(self._cursor, cursor)
            flooded = flooded or len(fresh) + len(messages) > FLOOD
            fresh = [] if flooded else [*fresh, *messages]
            if len(messages) < BATCH:
                break
        return None if flooded else fresh
