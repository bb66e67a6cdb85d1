"""`track`, and the way from memory to the disk: many events share one commit."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import trio

from tulou import Prevent
from tulou.flow import Signal, backoff
from tulou_contracts.storage import StorageError
from tulou_contracts.tracking import Consent, Event, EventInvalid, EventUnknown, Value
from tulou_tracking.counts import Counts
from tulou_tracking.pipeline import Batch, Tracked, accepted, common_of, ended, finished, ids
from tulou_tracking.queue import Counted, Queue
from tulou_tracking.rows import Row
from tulou_tracking.standing import Standing
from tulou_tracking.wire import Written, rows_of

if TYPE_CHECKING:
    from random import Random

    from tulou.hooks import HookCaller

CHUNK = 500
"""Events that are processed in one go; then the loop has its turn."""
_COMMIT = 4 * CHUNK
"""Most events that share a commit."""


class EventTracker:
    """The contract's `Tracker`. `common` is what every event carries; `process` is the hook's caller;
    `renew` makes the table anew if a plugin has declared something meanwhile."""

    def __init__(
        self, standing: Standing, queue: Queue, counts: Counts, *, now: Callable[[], int],
        common: Callable[[], Mapping[str, Value]], process: HookCaller, renew: Callable[[], bool],
        log: logging.Logger, random: Random, development: bool,
    ) -> None:
        self._standing = standing
        self._queue = queue
        self._counts = counts
        self._now = now
        self._process = process
        self._common = common
        self._renew = renew
        self._log = log
        self._random = random
        self._development = development
        self._buffer = standing.config.buffer
        self._pending: deque[Tracked] = deque()
        self._some = Signal()
        self._many = trio.Event()
        self._draining = trio.Lock()
        self._thread = threading.get_ident()
        self._token = trio.lowlevel.current_trio_token()
        self._next_window: int | None = 0  # perhaps some were open when the last run ended
        self._told: set[str] = set()
        self.off = True
        self.stored: Callable[[], None] = lambda: None
        """Called after every commit that changed what waits."""

    # -- tracking --

    def track(self, name: str, /, **fields: Value) -> None:
        """See the contract."""
        row = self._standing.rows.get(name)
        if row is None:
            row = self._declared_meanwhile(name)
            if row is None:
                return
        if self.off and not self._development:
            return
        fault = row.fault(fields)
        if fault:
            self._refuse(name, fault)
        elif threading.get_ident() == self._thread:
            self._take(row, self._now(), fields)
        else:
            self._from_thread(row, fields)

    def _take(self, row: Row, at: int, fields: dict[str, Value]) -> None:
        if self.off:
            return
        if row.drop or at > row.until:
            self._counts.add(row.drop or "expired", row.name)
            return
        pending = self._pending
        if not pending:
            self._some.set()
        pending.append((row, at, fields))
        if len(pending) >= CHUNK:
            self._many.set()
        if len(pending) > self._buffer:
            lost = pending.popleft()
            self._counts.add("overflow", lost[0].name)

    def _from_thread(self, row: Row, fields: dict[str, Value]) -> None:
        """The clock is the loop's, and virtual in simulations: the loop is asked for the time too."""
        try:
            self._token.run_sync_soon(lambda: self._take(row, self._now(), fields))
        except trio.RunFinishedError:
            pass  # the app has ended

    def _declared_meanwhile(self, name: str) -> Row | None:
        if threading.get_ident() == self._thread and self._renew():
            row = self._standing.rows.get(name)
            if row is not None:
                return row
        text = f"no plugin declares an event {str(name)[:100]!r}: add an EventSpec to contribute_events"
        if self._development:
            raise EventUnknown(text)
        if not self.off:
            self._counts.add("unknown", Counts.UNKNOWN)
            self._tell(text)
        return None

    def _refuse(self, name: str, fault: str) -> None:
        text = f"the event {name!r} does not fit the table: {fault}"
        if self._development:
            raise EventInvalid(text)
        self._counts.add("invalid", name)
        self._tell(text)

    def _tell(self, text: str) -> None:
        if text not in self._told and len(self._told) < 1000:
            self._told.add(text)
            self._log.warning("%s", text)

    # -- storing --

    def forget(self) -> None:
        """Throw away what is not yet on the disk; the caller has made another epoch."""
        for row, _, _ in self._pending:
            self._counts.add("withdrawn", row.name)
        self._pending.clear()

    async def run(self, flush: float) -> None:
        """Store what comes, at the latest `flush` seconds after it came; and end windows in time."""
        pauses = backoff(1.0, 60.0, self._random)
        while True:
            with trio.move_on_after(self._until_window()):
                await self._some.wait()
            with trio.move_on_after(flush):
                if len(self._pending) < CHUNK and self._pending:
                    await self._many.wait()
            try:
                await self.drain()
                await self._close_windows()
                pauses = backoff(1.0, 60.0, self._random)
            except StorageError as error:
                self._tell(f"events cannot be stored and wait in memory: {error}")
                await trio.sleep(0.5 + next(pauses))
                self._some.set()

    async def drain(self) -> None:
        """Store everything tracked so far. Raises `StorageError`; then it waits on, in memory."""
        async with self._draining:
            while self._pending:
                chunk = [self._pending.popleft() for _ in range(min(len(self._pending), _COMMIT))]
                if len(self._pending) < CHUNK:
                    self._many = trio.Event()
                await self._store(chunk)

    async def _store(self, chunk: list[Tracked]) -> None:
        standing, epoch, consent = self._standing, self._standing.epoch, self._standing.consent
        taken: dict[tuple[str, str], int] = {}
        kept = False
        try:
            state = standing.rotation(self._now())
            if state:
                await self._queue.note(state)
            events: list[Written] = []
            windows: list[Counted] = []
            for first in range(0, len(chunk), CHUNK):
                batch = await self._finished(chunk[first : first + CHUNK], consent)
                events += batch.events
                windows += batch.windows
                for (why, name), count in batch.dropped.items():
                    self._counts.add(why, name, count)
            common = common_of(self._common(), consent, standing.person.pseudonym)
            taken = self._counts.take()
            evicted = await self._queue.add(
                rows_of(events), len(events), common, consent is not Consent.FULL, windows, taken, epoch)
            kept = True
            if evicted is None:
                self._count_all("withdrawn", chunk)
                return
            self._counts.note(evicted)
            for window in windows:
                self._next_window = min(self._next_window or window.ends, window.ends)
            self.stored()
        finally:
            if not kept:
                self._counts.give_back(taken)
                if epoch == standing.epoch:
                    self._pending.extendleft(reversed(chunk))

    async def _finished(self, chunk: list[Tracked], consent: Consent) -> Batch:
        """Let others process, redact, aggregate."""
        good = ids(len(chunk), self._now(), self._random)
        tracked: Sequence[Tracked] = chunk
        if self._process.entries:
            events = tuple(Event(each, row.name, at, fields) for each, (row, at, fields) in zip(good, chunk))
            events = await self._process(events, consent)
            if isinstance(events, Prevent) or not isinstance(events, (list, tuple)):
                self._count_all("prevented", chunk)
                events = ()
            # rows as they were when tracked: a table made anew meanwhile may be another one
            good, tracked, bad = accepted(events, {row.name: row for row, _, _ in chunk})
            if bad:
                self._counts.add("invalid", Counts.UNKNOWN, bad)
        else:
            await trio.lowlevel.checkpoint()
        return finished(good, tracked, consent, self._standing.person.pseudonym,
                        self._standing.config.longest_kb * 1024)

    def _count_all(self, why: str, chunk: list[Tracked]) -> None:
        for row, _, _ in chunk:
            self._counts.add(why, row.name)

    # -- windows --

    def _until_window(self) -> float:
        """Seconds until a window ends."""
        if self._next_window is None:
            return float("inf")
        return max((self._next_window - self._now()) / 1e6, 0.0)

    async def _close_windows(self) -> None:
        if self._next_window is None or self._next_window > self._now():
            return
        now = self._now()
        self._next_window = await self._queue.close_windows(
            now, lambda windows: ended(windows, now, self._random))
        self.stored()

    async def finish(self) -> None:
        """The last commit of this run."""
        try:
            await self.drain()
            left = self._counts.take()
            if left:
                await self._queue.note({}, left)
        except StorageError as error:
            self._log.warning("the last events were not stored: %s", error)
