"""The message archive (XEP-0313): rows with a dense number for each owner, and paging over them.

The number (`seq`) counts 1, 2, 3, ... in each archive, in the order of commits, and is the archive
id that clients see. `at` never runs backwards within an archive even when the clock does, so a
point in time is found by bisection and needs no index of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tulou_contracts.storage import Reader, Row, Transaction

PAGE_SIZE = 1 << 20
"""A page is cut short beyond this many characters of stanzas, whatever was asked for."""
PENDING_PAGE = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One archived stanza; `at` in microseconds since 1970 UTC, `stanza` its serialised form."""

    seq: int
    at: int
    stanza: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One message for one archive. `pending`: somebody still has to take it."""

    owner: str
    peer: str
    stanza: str
    pending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a client asks of its archive; None everywhere means everything, from the oldest."""

    peer: str | None = None
    start: int | None = None
    end: int | None = None
    after: int | None = None
    before: int | None = None
    backwards: bool = False
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Page:
    """A page, oldest first. `complete`: nothing is left beyond it in the direction of paging."""

    entries: Sequence[Entry]
    complete: bool
    count: int
    index: int


class UnknownArchiveId(Exception):
    """The query pages from an id that the archive does not hold (item-not-found, XEP-0059)."""


@dataclass(slots=True)
class _Head:
    last: int
    at: int


@dataclass(slots=True)
class Append:
    """A batch for a transaction: numbers the copies of each owner and stores them together."""

    copies: Sequence[Copy]
    now: int
    heads: dict[str, _Head] = field(default_factory=dict)

    def __call__(self, transaction: Transaction) -> list[Entry | None]:
        """An entry for each copy, in order; None for a copy whose owner does not exist (any more)."""
        self.heads.clear()  # a transaction may be run again after a failure
        entries = [self._entry(transaction, copy) for copy in self.copies]
        kept = [(copy, entry) for copy, entry in zip(self.copies, entries) if entry is not None]
        transaction.execute_many(
            "INSERT INTO server_archive (owner, seq, peer, at, stanza) VALUES (?, ?, ?, ?, ?)",
            [(copy.owner, entry.seq, copy.peer, entry.at, copy.stanza) for copy, entry in kept],
        )
        transaction.execute_many(
            "INSERT INTO server_pending (owner, seq) VALUES (?, ?)",
            [(copy.owner, entry.seq) for copy, entry in kept if copy.pending],
        )
        transaction.execute_many(
            "UPDATE server_account SET archive_last = ?, archive_at = ? WHERE name = ?",
            [(head.last, head.at, owner) for owner, head in self.heads.items()],
        )
        return entries

    def _entry(self, transaction: Transaction, copy: Copy) -> Entry | None:
        head = self.heads.get(copy.owner)
        if head is None:
            row = transaction.one(
                "SELECT archive_last, archive_at FROM server_account WHERE name = ?", (copy.owner,)
            )
            if row is None:
                return None
            head = self.heads[copy.owner] = _Head(row[0], row[1])
        head.last += 1
        head.at = max(head.at, self.now)
        return Entry(head.last, head.at, copy.stanza)


def clear_pending(transaction: Transaction, taken: Iterable[tuple[str, int]]) -> None:
    """Note that clients have taken these messages (owner, seq)."""
    transaction.execute_many(
        "DELETE FROM server_pending WHERE owner = ? AND seq = ?", list(taken)
    )


def pending(
    reader: Reader, owner: str, after: int, size: int, also: Sequence[int] = ()
) -> list[Entry]:
    """Messages that nobody has taken, oldest first; a page of about `size` characters.

    Those with the (rising) numbers `also` are among them, taken or not.
    """
    some = also[:PENDING_PAGE]
    marks = ", ".join("?" * len(some))
    rows = reader.query(
        "SELECT seq, at, stanza FROM server_archive WHERE owner = ? AND seq IN ("
        "  SELECT seq FROM ("
        "    SELECT seq FROM server_pending WHERE owner = ? AND seq > ? ORDER BY seq LIMIT ?)"
        f"  UNION SELECT seq FROM server_archive WHERE owner = ? AND seq IN ({marks})"
        " ) ORDER BY seq LIMIT ?",
        (owner, owner, after, PENDING_PAGE, owner, *some, PENDING_PAGE),
    )
    return _within(rows, size)


def select(reader: Reader, owner: str, query: Query) -> Page:
    """One page of an archive. Raises `UnknownArchiveId`."""
    last = _last(reader, owner)
    for anchor in (query.after, query.before):
        if anchor is not None and not _holds(reader, owner, anchor):
            raise UnknownArchiveId(str(anchor))
    low, high = _time_bounds(reader, owner, query, last)
    count = _count(reader, owner, query.peer, low, high)
    page_low = low if query.after is None else max(low, query.after + 1)
    page_high = high if query.before is None else min(high, query.before - 1)
    entries, complete = _fetch(reader, owner, query, page_low, page_high)
    index = _count(reader, owner, query.peer, low, entries[0].seq - 1) if entries else 0
    return Page(entries, complete, count, index)


def _fetch(
    reader: Reader, owner: str, query: Query, low: int, high: int
) -> tuple[list[Entry], bool]:
    where, parameters = _where(owner, query.peer, low, high)
    order = "DESC" if query.backwards else "ASC"
    rows = reader.query(
        f"SELECT seq, at, stanza FROM server_archive WHERE {where} ORDER BY seq {order} LIMIT ?",
        (*parameters, query.limit + 1),
    )
    entries = _within(rows[: query.limit], PAGE_SIZE)
    complete = len(entries) == len(rows)
    if query.backwards:
        entries.reverse()
    return entries, complete


def _within(rows: Sequence[Row], size: int) -> list[Entry]:
    """The first of `rows` that together are not larger than `size`; one at least."""
    entries: list[Entry] = []
    for row in rows:
        size -= len(row[2])
        if entries and size < 0:
            break
        entries.append(Entry(*row))
    return entries


def _where(owner: str, peer: str | None, low: int, high: int) -> tuple[str, tuple[object, ...]]:
    if peer is None:
        return "owner = ? AND seq BETWEEN ? AND ?", (owner, low, high)
    return "owner = ? AND peer = ? AND seq BETWEEN ? AND ?", (owner, peer, low, high)


def _last(reader: Reader, owner: str) -> int:
    row = reader.one("SELECT archive_last FROM server_account WHERE name = ?", (owner,))
    return int(row[0]) if row else 0


def _holds(reader: Reader, owner: str, seq: int) -> bool:
    return reader.one(
        "SELECT 1 FROM server_archive WHERE owner = ? AND seq = ?", (owner, seq)
    ) is not None


def _count(reader: Reader, owner: str, peer: str | None, low: int, high: int) -> int:
    if high < low:
        return 0
    if peer is None:
        return high - low + 1  # the numbers are dense
    where, parameters = _where(owner, peer, low, high)
    row = reader.one(f"SELECT count(*) FROM server_archive WHERE {where}", parameters)
    return int(row[0]) if row else 0


def _time_bounds(reader: Reader, owner: str, query: Query, last: int) -> tuple[int, int]:
    low, high = 1, last
    if query.start is not None:
        low = _first_from(reader, owner, query.start, last)
    if query.end is not None:
        high = _first_from(reader, owner, query.end + 1, last) - 1
    return low, high


def _first_from(reader: Reader, owner: str, at: int, last: int) -> int:
    """The first number whose time is not before `at`; ``last + 1`` when there is none."""
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        row = reader.one(
            "SELECT at FROM server_archive WHERE owner = ? AND seq = ?", (owner, middle)
        )
        if row is not None and row[0] < at:
            low = middle + 1
        else:
            high = middle
    return low
