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
_KEY = "CASE report WHEN '' THEN CAST(number AS TEXT) ELSE report END"
_FORGET = (
    f"DELETE FROM company_log WHERE account = ? AND {_KEY} NOT IN (SELECT {_KEY} FROM company_log"
    f" WHERE account = ? GROUP BY {_KEY} ORDER BY MAX(number) DESC LIMIT ?)"
)
"""All but an account's newest reports."""


class Taken(NamedTuple):
    """What became of the events of a report."""

    accepted: int
    duplicates: int


class LogPart(NamedTuple):
    """A log report as it travels, or one of its parts."""

    body: bytes
    content_type: str = ""
    encoding: str = ""
    report: str = ""
    """What its parts have in common; empty when it is whole."""
    place: int = 1


class LogReport(NamedTuple):
    """A log report without its body; `number` is its first part's."""

    number: int
    account: str
    received_at: int
    content_type: str
    encoding: str
    size: int
    parts: int


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

    async def take_log(self, account: str, part: LogPart) -> int:
        """Store a part of a log report; its number, which is the former one when it came before.

        Raises `Unacceptable` when there is no room, `StorageError`.
        """
        now, digest = self._now(), hashlib.sha256(part.body).hexdigest()

        def work(transaction: Transaction) -> int:
            row = transaction.one(
                "SELECT number FROM company_log WHERE account = ? AND digest = ?", (account, digest))
            if row is not None:
                return int(row[0])
            begun = transaction.one(
                "SELECT 1 FROM company_log WHERE account = ? AND report = ? AND report != ''",
                (account, part.report))
            transaction.execute(
                "INSERT INTO company_log"
                " (account, received_at, content_type, encoding, size, digest, body, report, part)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (account, now, part.content_type, part.encoding, len(part.body), digest, part.body,
                 part.report, part.place))
            number = transaction.one("SELECT MAX(number) FROM company_log")
            transaction.execute(_FORGET, (account, account, self._keep_logs))
            self._check_room(transaction, account)
            if begun is None:
                transaction.execute(
                    "INSERT INTO company_count (collector, name, count) VALUES ('logs', ?, 1)"
                    " ON CONFLICT (collector, name) DO UPDATE SET count = count + 1", (account,))
            return int(number[0]) if number else 0

        return await self._database.write(work)

    def _check_room(self, transaction: Transaction, account: str) -> None:
        """One account may take a quarter of all, so that it does not keep the others out."""
        row = transaction.one(
            "SELECT COALESCE(SUM(size), 0), COALESCE(SUM(CASE account WHEN ? THEN size END), 0)"
            " FROM company_log", (account,))
        if row is not None and (row[0] > self._quota_logs or row[1] > self._quota_logs // 4):
            raise Unacceptable(507, "there is no room for log reports until an administrator clears some")

    async def counts(self, collector: str) -> Mapping[str, int]:
        """How much was taken: events by name, log reports by account."""
        return await self._database.read(lambda reader: {
            str(name): int(count) for name, count in reader.query(
                "SELECT name, count FROM company_count WHERE collector = ? ORDER BY name", (collector,))})

    async def logs(self) -> Sequence[LogReport]:
        """The log reports that are kept, oldest first."""
        def work(reader: Reader) -> list[LogReport]:
            return [LogReport(*row) for row in reader.query(
                "SELECT MIN(number), account, MAX(received_at), MIN(content_type), MIN(encoding),"
                f" SUM(size), COUNT(*) FROM company_log GROUP BY account, {_KEY} ORDER BY MIN(number)")]

        return await self._database.read(work)

    async def log(self, number: int) -> bytes | None:
        """A whole log report, its parts one after the other (parts of gzip make one gzip)."""
        def work(reader: Reader) -> bytes | None:
            row = reader.one("SELECT account, report FROM company_log WHERE number = ?", (number,))
            if row is None:
                return None
            parts = reader.query(
                "SELECT body FROM company_log"
                " WHERE number = ? OR (account = ? AND report = ? AND report != '') ORDER BY part, number",
                (number, *row))
            return b"".join(bytes(each[0]) for each in parts)

        return await self._database.read(work)

    async def clear_logs(self) -> int:
        """Remove every log report; how many there were."""
        return await self._database.write(lambda transaction: transaction.execute("DELETE FROM company_log"))


def _room(event: Event) -> int:
    return len(event.text.encode()) + len(event.id) + len(event.name) + _OVERHEAD


def _meta(transaction: Transaction, key: str) -> int:
    row = transaction.one("SELECT value FROM company_meta WHERE key = ?", (key,))
    return int(row[0]) if row else 0
