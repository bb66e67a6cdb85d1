"""Between the wire and the inbox: in order, in batches, acknowledged only when stored."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence

import trio
from tulou.flow import Signal, backoff
from tulou_contracts.transport import Inbox, Incoming

MAX_BATCH = 200
"""Stanzas that are handed to the inbox together."""
FULL = 5000
"""Stanzas that may wait; beyond, nothing more is read from the network."""


class Inflow:
    """The queue of what came in; `handled(count, epoch)` is called as stanzas become safe."""

    def __init__(self, handled: Callable[[int, int], None], log: logging.Logger) -> None:
        self._handled = handled
        self._log = log
        self._queue: deque[tuple[Sequence[Incoming], int]] = deque()
        self._inbox: Inbox | None = None
        self._work = Signal()
        self._new_inbox = trio.Event()
        self._progress = trio.Event()

    def deliver_to(self, inbox: Inbox) -> None:
        """From now on hand everything to this inbox."""
        self._inbox = inbox
        self._new_inbox.set()
        self._new_inbox = trio.Event()
        self._work.set()

    def put(self, items: Sequence[Incoming], epoch: int) -> None:
        """One stanza, with what it holds for the inbox, which may be nothing."""
        if not items and not self._queue:
            self._handled(1, epoch)
            return
        self._queue.append((items, epoch))
        self._work.set()

    async def room(self) -> None:
        """Until fewer than `FULL` stanzas wait."""
        while len(self._queue) >= FULL:
            await self._progress.wait()

    async def drained(self) -> None:
        """Until nothing waits."""
        while self._queue:
            await self._progress.wait()

    async def run(self) -> None:
        """Hand over for ever."""
        while True:
            await self._work.wait()
            while batch := self._batch():
                items = [item for part, _ in batch for item in part]
                if items:
                    await self._store(items)
                self._finish(len(batch))

    def _batch(self) -> list[tuple[Sequence[Incoming], int]]:
        batch: list[tuple[Sequence[Incoming], int]] = []
        for entry in self._queue:
            if len(batch) == MAX_BATCH or (entry[0] and self._inbox is None):
                break
            batch.append(entry)
        return batch

    def _finish(self, count: int) -> None:
        counts: dict[int, int] = {}
        for _ in range(count):
            _, epoch = self._queue.popleft()
            counts[epoch] = counts.get(epoch, 0) + 1
        for epoch, number in counts.items():
            self._handled(number, epoch)
        self._progress.set()
        self._progress = trio.Event()

    async def _store(self, items: list[Incoming]) -> None:
        """Until the inbox has them: what it cannot store now is not lost, only late."""
        for delay in backoff(1.0, 30.0):
            inbox, changed = self._inbox, self._new_inbox
            try:
                if inbox is not None:
                    await inbox(items)
                    return
            except Exception as error:   # the inbox is another room's; whatever it raises, we go on
                self._log.error("%d incoming items could not be stored, trying again: %s", len(items), error)
            with trio.move_on_after(delay):
                await changed.wait()
