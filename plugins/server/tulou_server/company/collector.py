"""What clients reported, stored: events by id, log reports by content; bounded in room."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tulou_contracts.storage import Database, Reader, Transaction
from tulou_server.company.reports import Event, Unacceptable

_SLICE = 500
"""Old events removed at once when room is needed."""
_OVERHEAD = 200
"""Bytes that an event takes besides its texts, roughly."""


class Taken(NamedTuple):
    """What became of the events of a report."""

    accepted: int
    duplicates: int


class LogReport(NamedTuple):
    """A log report without its body."""

    number: int
    account: str
    received_at: int
    content_type: str
    encoding: str
    size: int


class Collector:
    """The store of both collectors; quotas are in bytes."""

    def __init__(
        self, database: Database, now: Callable[[], int], *,
        quota_events: int, quota_logs: int, keep_logs: int,
    ) -> None:
        self._database = database
        self._now = now
        self._quota_events = quota_events
        self._quota_logs = quota_logs
        self._keep_logs = keep_logs

    async def take_events(self, account: str, events: Sequence[Event]) -> Taken:
        """Store those that are new; durable when it returns. Raises `StorageError`."""
        now = self._now()

        def work(transaction: Transaction) -> Taken:
            fresh, room = [], 0
            for event in events:
                fresh_here = transaction.execute(
                    "INSERT OR IGNORE INTO company_event (account, id, name, received_at, text)"
                    " VALUES (?, ?, ?, ?, ?)", (account, event.id, event.name, now, event.text))
                if fresh_here:
                    fresh.append(event)
                    room += _room(event)
            counts = Counter(event.name for event in fresh)
            transaction.execute_many(
                "INSERT INTO company_count (collector, name, count) VALUES ('events', ?, ?)"
                " ON CONFLICT (collector, name) DO UPDATE SET count = count + excluded.count",
                [*counts.items()])
            self._make_room(transaction, room)
            return Taken(len(fresh), len(events) - len(fresh))

        return await self._database.write(work)

    def _make_room(self, transaction: Transaction, added: int) -> None:
        """The oldest events go when the room is used up; what is used is kept beside them."""
        used = _meta(transaction, "events-bytes") + added
        while used > self._quota_events:
            rows = transaction.query(
                "SELECT number, length(CAST(text AS BLOB)) + length(id) + length(name) FROM company_event"
                " ORDER BY number LIMIT ?", (_SLICE,))
            if not rows:
                used = 0
                break
            gone = 0
            for number, size in rows:
                gone, used = number, used - size - _OVERHEAD
                if used <= self._quota_events * 9 // 10:
                    break
            transaction.execute("DELETE FROM company_event WHERE number <= ?", (gone,))
        transaction.execute(
            "INSERT INTO company_meta (key, value) VALUES ('events-bytes', ?)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value", (str(max(used, 0)),))

    async def take_log(self, account: str, body: bytes, content_type: str, encoding: str) -> int:
        """Store a log report; its number, which is the former one when it came before.

        Raises `Unacceptable` when there is no room, `StorageError`.
        """
        now, digest = self._now(), hashlib.sha256(body).hexdigest()

        def work(transaction: Transaction) -> int:
            row = transaction.one(
                "SELECT number FROM company_log WHERE account = ? AND digest = ?", (account, digest))
            if row is not None:
                return int(row[0])
            transaction.execute(
                "DELETE FROM company_log WHERE account = ? AND number NOT IN"
                " (SELECT number FROM company_log WHERE account = ? ORDER BY number DESC LIMIT ?)",
                (account, account, self._keep_logs - 1))
            used = transaction.one("SELECT COALESCE(SUM(size), 0) FROM company_log")
            if used is not None and used[0] + len(body) > self._quota_logs:
                raise Unacceptable(507, "there is no room for log reports until an administrator clears some")
            transaction.execute(
                "INSERT INTO company_log"
                " (account, received_at, content_type, encoding, size, digest, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (account, now, content_type[:100], encoding[:20], len(body), digest, body))
            transaction.execute(
                "INSERT INTO company_count (collector, name, count) VALUES ('logs', ?, 1)"
                " ON CONFLICT (collector, name) DO UPDATE SET count = count + 1", (account,))
            number = transaction.one("SELECT MAX(number) FROM company_log")
            return int(number[0]) if number else 0

        return await self._database.write(work)

    async def counts(self, collector: str) -> Mapping[str, int]:
        """How much was taken: events by name, log reports by account."""
        return await self._database.read(lambda reader: {
            str(name): int(count) for name, count in reader.query(
                "SELECT name, count FROM company_count WHERE collector = ? ORDER BY name", (collector,))})

    async def logs(self) -> Sequence[LogReport]:
        """The log reports that are kept, oldest first."""
        def work(reader: Reader) -> list[LogReport]:
            return [LogReport(*row) for row in reader.query(
                "SELECT number, account, received_at, content_type, encoding, size FROM company_log"
                " ORDER BY number")]

        return await self._database.read(work)

    async def log(self, number: int) -> bytes | None:
        """The body of a log report."""
        row = await self._database.read(lambda reader: reader.one(
            "SELECT body FROM company_log WHERE number = ?", (number,)))
        return None if row is None else bytes(row[0])

    async def clear_logs(self) -> int:
        """Remove every log report; how many there were."""
        return await self._database.write(lambda transaction: transaction.execute("DELETE FROM company_log"))


def _room(event: Event) -> int:
    return len(event.text.encode()) + len(event.id) + len(event.name) + _OVERHEAD


def _meta(transaction: Transaction, key: str) -> int:
    row = transaction.one("SELECT value FROM company_meta WHERE key = ?", (key,))
    return int(row[0]) if row else 0
