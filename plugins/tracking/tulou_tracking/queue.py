"""The durable queue: rows of SQLite behind the Storage contract, one commit a batch.

A kept choice of consent has a number, the epoch. Every write names the epoch under which its events
were tracked and stores nothing when another one holds: so what was tracked before a withdrawal cannot
slip in behind it, in whichever order commits happen.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import trio

from tulou_contracts.storage import Database, Migration, Reader, Storage, StorageError, Transaction
from tulou_tracking.wire import opened

T = TypeVar("T")

NAMESPACE = "tracking"
MIGRATIONS = (
    Migration(1, """
        CREATE TABLE tracking_event (
            position INTEGER PRIMARY KEY, event TEXT NOT NULL, common INTEGER NOT NULL,
            size INTEGER NOT NULL);
        CREATE TABLE tracking_common (
            number INTEGER PRIMARY KEY, fields TEXT NOT NULL, anonymous INTEGER NOT NULL,
            UNIQUE (fields, anonymous));
        CREATE TABLE tracking_window (
            name TEXT NOT NULL, fields TEXT NOT NULL, common INTEGER NOT NULL, begins INTEGER NOT NULL,
            ends INTEGER NOT NULL, count INTEGER NOT NULL,
            PRIMARY KEY (name, fields, common, begins)) WITHOUT ROWID;
        CREATE TABLE tracking_count (
            what TEXT NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL,
            PRIMARY KEY (what, name)) WITHOUT ROWID;
        CREATE TABLE tracking_state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """),
)
_INSERT = ("INSERT INTO tracking_event SELECT ? + key, value, ?, length(CAST(value AS BLOB)) + ?"
           " FROM json_each(?)")
"""All events of a batch in one statement: the text is [[id, name, at, fields], ...], and each is kept as
it is, for taking it apart here would cost more than all the rest. What they have in common stands
once, in a row of its own."""
_NAME = "event->>1"
_ENVELOPE = 60
"""Bytes of an event as it leaves, beside what is kept of it."""
_WINDOW = ("INSERT INTO tracking_window (common, name, fields, begins, ends, count) VALUES"
           " (?, ?, ?, ?, ?, ?) ON CONFLICT (name, fields, common, begins)"
           " DO UPDATE SET count = count + excluded.count")
_COUNT = ("INSERT INTO tracking_count VALUES (?, ?, ?) ON CONFLICT (what, name)"
          " DO UPDATE SET count = count + excluded.count")
_STATE = "INSERT INTO tracking_state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
_EVICTED = "full"


class Stored(NamedTuple):
    """An event that waits."""

    position: int
    name: str
    body: str
    """As it leaves, but for the time of that (see `wire.line_of`)."""
    anonymous: bool
    """It was tracked under that consent, and whoever reports it is not to be noted."""


class Counted(NamedTuple):
    """Equal events within a window."""

    name: str
    fields: str
    begins: int
    ends: int
    number: int


Counts = Mapping[tuple[str, str], int]
"""(what, event name) -> how many; what is ``sent`` or why it was dropped."""


class Level(NamedTuple):
    """What waits; `counts` is what happened to events on the way."""

    held: int
    size: int
    counts: Counts


class Queue:
    """One profile's queue. `most` events and `most_bytes` bytes; beyond that the oldest go."""

    def __init__(self, database: Database, most: int, most_bytes: int) -> None:
        self._database = database
        self._most = most
        self._most_bytes = most_bytes
        self._writing = trio.Lock()  # so that `held` and `size` are what the last commit left
        self._sure = True
        self._next = 1  # positions are never used twice in a run: a report under way names them
        self.held = 0
        self.size = 0

    @classmethod
    async def open(cls, storage: Storage, most: int, most_bytes: int) -> Queue:
        """Open the namespace. Raises `StorageError`."""
        return cls(await storage.database(NAMESPACE, MIGRATIONS), most, most_bytes)

    async def load(self) -> tuple[dict[str, str], Counts]:
        """State by key, and counts; `held` and `size` are right afterwards."""

        def work(view: Transaction) -> tuple[dict[str, str], dict[tuple[str, str], int], Any, Any]:
            view.execute(
                "DELETE FROM tracking_common WHERE number NOT IN (SELECT common FROM tracking_event)"
                " AND number NOT IN (SELECT common FROM tracking_window)")
            state = {key: value for key, value in view.query("SELECT key, value FROM tracking_state")}
            counts = {(what, name): count for what, name, count in
                      view.query("SELECT what, name, count FROM tracking_count")}
            return state, counts, _level(view), view.one("SELECT max(position) FROM tracking_event")

        state, counts, (self.held, self.size), last = await self._database.write(work)
        self._next = (last[0] or 0) + 1
        return state, counts

    async def add(
        self, events: str, number: int, common: str, anonymous: bool, windows: Sequence[Counted],
        counts: Counts, epoch: int,
    ) -> Counts | None:
        """Store events (`number` of them, a JSON array of [id, name, at, fields]), the fields they all
        have in `common`, and what was counted; what had to be evicted for it.

        None: another epoch holds, and nothing of the events was stored. Raises `StorageError`.
        """

        def work(tx: Transaction) -> Level | None:
            tx.execute_many(_COUNT, [(what, name, count) for (what, name), count in counts.items()])
            if _epoch(tx) != epoch:
                return None
            place = _common(tx, common, anonymous)
            tx.execute_many(_WINDOW, [(place, *window) for window in windows])
            if number:
                tx.execute(_INSERT, (first, place, len(common) + _ENVELOPE, events))
            if not sure:
                return self._evict(tx, *_level(tx))
            row = tx.one("SELECT coalesce(sum(size), 0) FROM tracking_event WHERE position >= ?", (first,))
            return self._evict(tx, self.held + number, self.size + (row[0] if row else 0))

        async with self._writing:
            sure, first = self._sure, self._take_positions(number)
            done = await self._write(work)
            if done is None:
                return None
            self.held, self.size = done.held, done.size
            return done.counts

    def _take_positions(self, number: int) -> int:
        first = self._next
        self._next += number
        return first

    async def _write(self, work: Callable[[Transaction], T]) -> T:
        """One commit; if the wait for it is cancelled, what waits has to be counted anew."""
        sure, self._sure = self._sure, False
        try:
            result = await self._database.write(work)
        except StorageError:
            self._sure = sure  # nothing was changed
            raise
        self._sure = True
        return result

    def _evict(self, tx: Transaction, held: int, size: int) -> Level:
        """Take the oldest away until both bounds hold."""
        evicted: Counter[tuple[str, str]] = Counter()
        while held > self._most or (size > self._most_bytes and held):
            some = max(held - self._most, min(held, 50))
            for position, name, bytes_ in tx.query(
                    f"SELECT position, {_NAME}, size FROM tracking_event ORDER BY position LIMIT ?", (some,)):
                tx.execute("DELETE FROM tracking_event WHERE position = ?", (position,))
                evicted[_EVICTED, name] += 1
                held, size = held - 1, size - bytes_
                if held <= self._most and size <= self._most_bytes:
                    break
        tx.execute_many(_COUNT, [(*key, count) for key, count in evicted.items()])
        return Level(held, size, evicted)

    async def oldest(self, most: int, most_bytes: int) -> list[Stored]:
        """The first events that wait, all tracked under one consent: at least one where there is one."""

        def work(view: Reader) -> list[Stored]:
            commons = {number: (fields, bool(anonymous)) for number, fields, anonymous in
                       view.query("SELECT number, fields, anonymous FROM tracking_common")}
            found: list[Stored] = []
            size = 0
            for position, event, common, bytes_ in view.query(
                    "SELECT position, event, common, size FROM tracking_event ORDER BY position LIMIT ?",
                    (most,)):
                size += bytes_
                shared, anonymous = commons[common]
                if found and (size > most_bytes or anonymous is not found[0].anonymous):
                    break
                name, body = opened(event, shared)
                found.append(Stored(position, name, body, anonymous))
            return found

        return await self._database.read(work)

    async def settle(self, events: Sequence[Stored], what: str) -> Counts:
        """These have left, or never will; `what` is counted. Those evicted meanwhile are no matter."""
        counts = Counter((what, event.name) for event in events)

        def work(tx: Transaction) -> tuple[int, int]:
            tx.execute("DELETE FROM tracking_event WHERE position IN (SELECT value FROM json_each(?))",
                       (json.dumps([event.position for event in events]),))
            tx.execute_many(_COUNT, [(*key, count) for key, count in counts.items()])
            return _level(tx)

        async with self._writing:
            self.held, self.size = await self._write(work)
        return counts

    async def close_windows(self, now: int, write: Callable[[Sequence[Counted]], str]) -> int | None:
        """Windows that have ended become events; when the next one ends, None if there is none.

        A window that begins later than `now` is one of a clock that was put back: it ends too.
        """

        def work(tx: Transaction) -> tuple[tuple[int, int], int | None]:
            ended = tx.query("SELECT common, name, fields, begins, ends, count FROM tracking_window"
                             " WHERE ends <= ? OR begins > ? ORDER BY begins", (now, now))
            for common, *window in ended:
                tx.execute(_INSERT, (self._take_positions(1), common, _ENVELOPE, write([Counted(*window)])))
            if ended:
                tx.execute("DELETE FROM tracking_window WHERE ends <= ? OR begins > ?", (now, now))
            following = tx.one("SELECT min(ends) FROM tracking_window")
            return _level(tx), following[0] if following else None

        async with self._writing:
            (self.held, self.size), following = await self._write(work)
        return following

    async def clear(self, what: str, state: Mapping[str, str] | None = None) -> Counts:
        """Throw away everything that waits and count it, and note `state`: one commit."""

        def work(tx: Transaction) -> dict[tuple[str, str], int]:
            found: Counter[tuple[str, str]] = Counter()
            for name, count in tx.query(f"SELECT {_NAME}, count(*) FROM tracking_event GROUP BY 1"):
                found[what, name] += count
            for name, count in tx.query("SELECT name, sum(count) FROM tracking_window GROUP BY name"):
                found[what, name] += count
            tx.execute("DELETE FROM tracking_event")
            tx.execute("DELETE FROM tracking_window")
            tx.execute_many(_COUNT, [(*key, count) for key, count in found.items()])
            tx.execute_many(_STATE, list((state or {}).items()))
            return dict(found)

        async with self._writing:
            counts = await self._write(work)
            self.held = self.size = 0
        return counts

    async def note(self, state: Mapping[str, str], counts: Counts | None = None) -> None:
        """Keep state, and add to counts."""

        def work(tx: Transaction) -> None:
            tx.execute_many(_STATE, list(state.items()))
            tx.execute_many(_COUNT, [(*key, count) for key, count in (counts or {}).items()])

        await self._database.write(work)


def _common(tx: Transaction, fields: str, anonymous: bool) -> int:
    """The number of these common fields."""
    values = (fields, int(anonymous))
    tx.execute("INSERT OR IGNORE INTO tracking_common (fields, anonymous) VALUES (?, ?)", values)
    row = tx.one("SELECT number FROM tracking_common WHERE fields = ? AND anonymous = ?", values)
    assert row is not None
    number: int = row[0]
    return number


def _epoch(view: Reader) -> int:
    row = view.one("SELECT value FROM tracking_state WHERE key = 'epoch'")
    return int(row[0]) if row else 0


def _level(view: Reader) -> tuple[int, int]:
    row = view.one("SELECT count(*), coalesce(sum(size), 0) FROM tracking_event")
    return (row[0], row[1]) if row else (0, 0)
