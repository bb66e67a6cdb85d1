"""What can be read of a damaged database, copied table by table into a new one.

A row on a damaged page is lost; those before and after it are not: reading goes on from the next
key that answers. Indexes are made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import apsw

_LARGEST = 2**63 - 1
_AT_ONCE = 500


class Found(NamedTuple):
    """`rows` recovered, and the tables of which some may be missing."""

    rows: int
    lost: tuple[str, ...]


def salvage(damaged: Path, target: Path, connect: Callable[[Path], apsw.Connection]) -> Found | None:
    """Copy what can be read; None when that is nothing, or the schema versions are among the lost."""
    with closing(connect(damaged)) as source, closing(connect(target)) as draft:
        draft.execute("PRAGMA synchronous = FULL")
        try:
            schema = source.execute(
                "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
                " AND name NOT LIKE 'sqlite_%'").fetchall()
        except apsw.Error:
            return None
        with draft:
            found = _Salvage(source, draft).run(schema)
        return found if found.rows and "store_migration" not in found.lost else None


class _Salvage:
    def __init__(self, source: apsw.Connection, draft: apsw.Connection) -> None:
        self._source = source
        self._draft = draft
        self._rows = 0
        self._lost: list[str] = []

    def run(self, schema: list[Any]) -> Found:
        virtual = [name for _, name, sql in schema if sql.upper().startswith("CREATE VIRTUAL")]
        shadows = tuple(f"{name}_" for name in virtual)
        for kind, name, sql in schema:
            if kind != "table" or (shadows and name.startswith(shadows)):
                continue
            self._draft.execute(sql)
            if f"{name}_" in shadows:
                self._lost.append(name)  # an index over other data: whoever has it fills it
            else:
                self._table(name)
        for kind, name, sql in schema:
            if kind != "table":
                try:
                    self._draft.execute(sql)
                except apsw.Error:  # a unique index over rows that damage made alike
                    self._lost.append(name)
        return Found(self._rows, tuple(self._lost))

    def _table(self, name: str) -> None:
        columns = self._source.execute(f"PRAGMA table_info({_quoted(name)})").fetchall()
        names = [str(row[1]) for row in columns]
        keys = [str(row[1]) for row in sorted(columns, key=lambda row: int(str(row[5]))) if row[5]]
        whole = True
        reader = self._by_key if self._without_rowid(name) else self._by_rowid
        marks = ", ".join("?" * len(names))
        insert = f"INSERT OR IGNORE INTO {_quoted(name)} ({', '.join(map(_quoted, names))}) VALUES ({marks})"
        with_rowid = f"INSERT OR IGNORE INTO {_quoted(name)} (rowid, {', '.join(map(_quoted, names))})" \
                     f" VALUES (?, {marks})"
        for row in reader(name, names, keys):
            if row is None:
                whole = False
                continue
            self._draft.execute(insert if len(row) == len(names) else with_rowid, row)
            self._rows += self._draft.changes()
        if not whole:
            self._lost.append(name)

    def _without_rowid(self, name: str) -> bool:
        found = self._source.execute("SELECT wr FROM pragma_table_list WHERE name = ?", (name,)).fetchall()
        return bool(found and found[0][0])

    def _by_rowid(self, name: str, names: list[str], _: list[str]) -> Iterator[tuple[Any, ...] | None]:
        """Rows with their rowid first; None where some cannot be read."""
        select = f"SELECT rowid, {', '.join(map(_quoted, names))} FROM {_quoted(name)}"
        at, step = -_LARGEST, 1
        while at < _LARGEST:
            before = at
            try:
                for row in self._source.execute(f"{select} WHERE rowid > ? ORDER BY rowid", (at,)):
                    if step > 1:  # back in sound pages: those that were leapt over, from the other end
                        yield from self._backwards(select, int(str(row[0])), before - step)
                        step = 1
                    at = int(str(row[0]))
                    yield row
                return
            except apsw.Error:
                yield None
            step = step * 2 if at == before else 2
            at = min(at + step, _LARGEST) if at > -_LARGEST else self._first(name)

    def _first(self, name: str) -> int:
        """Where to go on when not even the first row can be read."""
        with suppress(apsw.Error):
            row = self._source.execute(f"SELECT max(rowid) FROM {_quoted(name)}").fetchone()
            if row and row[0] is not None:
                return min(0, int(str(row[0])) - 1)
        return _LARGEST

    def _backwards(self, select: str, end: int, begin: int) -> Iterator[tuple[Any, ...]]:
        with suppress(apsw.Error):
            sql = f"{select} WHERE rowid < ? AND rowid > ? ORDER BY rowid DESC"
            yield from self._source.execute(sql, (end, begin))

    def _by_key(self, name: str, names: list[str], keys: list[str]) -> Iterator[tuple[Any, ...] | None]:
        """Rows of a table without rowids; None where some cannot be read."""
        select = f"SELECT {', '.join(map(_quoted, names))} FROM {_quoted(name)}"
        place, first = names.index(keys[0]), _quoted(keys[0])
        ascending, descending = (
            ", ".join(f"{_quoted(key)} {way}" for key in keys) for way in ("ASC", "DESC"))
        where, parameters = "", ()  # type: tuple[str, tuple[Any, ...]]
        while True:
            last: Any = None
            try:
                for row in self._source.execute(f"{select} {where} ORDER BY {ascending}", parameters):
                    last = row[place]
                    yield row
                return
            except apsw.Error:
                yield None
            backwards = f"WHERE {first} = ?" if last is not None else where
            with suppress(apsw.Error):  # the same from the other end, down to the damage
                sql = f"{select} {backwards} ORDER BY {descending}"
                yield from self._source.execute(sql, parameters if last is None else (last,))
            if last is None:
                return
            where, parameters = f"WHERE {first} > ?", (last,)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
