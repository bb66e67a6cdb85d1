"""A `Storage` in memory, for tests of rooms that keep something. It passes `StorageConformance`."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import trio

from tulou_contracts.storage import (
    Document,
    Migration,
    MigrationFailed,
    Parameters,
    Reader,
    Repair,
    Row,
    StorageError,
    StorageFull,
    Transaction,
)

T = TypeVar("T")
_REFUSED = frozenset(
    {sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT, sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}
)
_WRONG = (sqlite3.Error, sqlite3.Warning, TypeError, ValueError, OverflowError, KeyError)


class MemoryStorage:
    """Everything in memory and in the loop; the data lives as long as this object.

    Set `full` to have writes raise `StorageFull`.
    """

    def __init__(self) -> None:
        self.full = False
        self.connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=0)
        self.connection.execute("PRAGMA foreign_keys = 1")
        self._versions: dict[str, int] = {}
        self._sets: dict[str, MemoryDocuments] = {}
        self._rebuildable: dict[str, MemoryRebuildable] = {}

    async def database(self, namespace: str, migrations: Sequence[Migration]) -> MemoryDatabase:
        """Open a namespace, bringing its schema up to date."""
        await trio.lowlevel.checkpoint()
        known, last = self._versions.get(namespace, 0), len(migrations)
        if [each.version for each in migrations] != list(range(1, last + 1)):
            raise MigrationFailed(f"{namespace}: versions count 1, 2, 3, ... without gap or repetition")
        if known > last:
            raise MigrationFailed(f"{namespace} has version {known}, this program knows {last}")
        step = 0
        try:
            with self.transaction() as view:
                for migration in migrations[known:]:
                    step = migration.version
                    for statement in _statements(migration.script):
                        view.execute(statement)
                    if migration.work is not None:
                        migration.work(view)
        except StorageError as error:
            raise MigrationFailed(f"{namespace}: migration {step} failed: {error}") from error
        self._versions[namespace] = last
        return MemoryDatabase(self)

    async def documents(self, name: str) -> MemoryDocuments:
        """Open (or create) a set of small documents."""
        await trio.lowlevel.checkpoint()
        if not re.fullmatch(r"[a-z0-9]+([-_][a-z0-9]+)*", name):
            raise StorageError(f"documents {name!r}: use lower-case words joined by '-'")
        return self._sets.setdefault(name, MemoryDocuments(self))

    async def rebuildable(self, name: str, migrations: Sequence[Migration]) -> MemoryRebuildable:
        """Open a namespace that is `stale` until it is filled; it lies beside the others."""
        await self.database(name, migrations)
        return self._rebuildable.setdefault(name, MemoryRebuildable(self))

    @contextmanager
    def transaction(self, *, writing: bool = True) -> Iterator[_View]:
        """A transaction that ends with the block; nothing stays of one that raises."""
        self.connection.execute(f"PRAGMA query_only = {int(not writing)}")
        self.connection.execute("BEGIN")
        view = _View(self.connection)
        self.connection.set_authorizer(_authorize)
        done = False
        try:
            yield view
            done = True
        finally:
            view.over = True
            self.connection.set_authorizer(None)
            self._end(done)

    def _end(self, done: bool) -> None:
        try:
            if done:
                self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise StorageError(str(error)) from error
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def check_room(self) -> None:
        """Raises `StorageFull` when the test says so."""
        if self.full:
            raise StorageFull("there is no room left: nothing was changed")


class MemoryDatabase:
    """The contract's `Database`."""

    def __init__(self, storage: MemoryStorage) -> None:
        self._storage = storage
        self.repair: Repair | None = None

    async def settle_repair(self) -> None:
        """Forget the repair that a test has put there."""
        await trio.lowlevel.checkpoint()
        self.repair = None

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction."""
        await trio.lowlevel.checkpoint()
        self._storage.check_room()
        with self._storage.transaction() as view:
            return work(view)

    async def read(self, work: Callable[[Reader], T]) -> T:
        """Run `work` with a view that cannot change anything."""
        await trio.lowlevel.checkpoint()
        with self._storage.transaction(writing=False) as view:
            return work(view)


class MemoryRebuildable(MemoryDatabase):
    """The contract's `Rebuildable`."""

    def __init__(self, storage: MemoryStorage) -> None:
        super().__init__(storage)
        self.stale = True

    async def filled(self) -> None:
        """It is not stale any more."""
        await trio.lowlevel.checkpoint()
        self.stale = False


class MemoryDocuments:
    """The contract's `Documents`, kept as JSON texts."""

    def __init__(self, storage: MemoryStorage) -> None:
        self._storage = storage
        self._texts: dict[str, str] = {}

    async def get(self, key: str) -> Document | None:
        """The document, or None."""
        return (await self.all()).get(key)

    async def put(self, key: str, document: Document) -> None:
        """Store or replace."""
        await trio.lowlevel.checkpoint()
        self._storage.check_room()
        try:
            text = json.dumps(document, ensure_ascii=False, allow_nan=False)
            (key + text).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise StorageError(f"document {key!r} cannot be stored as JSON: {error}") from error
        if not isinstance(document, dict):
            raise StorageError(f"document {key!r} must be a dict")
        self._texts[key] = text

    async def delete(self, key: str) -> None:
        """Remove; a key that is not there is no error."""
        await trio.lowlevel.checkpoint()
        self._storage.check_room()
        self._texts.pop(key, None)

    async def all(self) -> dict[str, Document]:
        """Every document by key."""
        await trio.lowlevel.checkpoint()
        return {key: json.loads(text) for key, text in self._texts.items()}


class _View:
    """The contract's `Transaction`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.over = False

    def query(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of a SELECT."""
        return self._run(sql, parameters).fetchall()

    def one(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """The first row, or None."""
        rows = self.query(sql, parameters)
        return rows[0] if rows else None

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run one statement; the number of rows it changed."""
        cursor = self._run(sql, parameters)
        cursor.fetchall()
        return max(cursor.rowcount, 0)

    def execute_many(self, sql: str, rows: Sequence[Parameters]) -> int:
        """Run one statement for each of `rows`."""
        return sum(self.execute(sql, parameters) for parameters in rows)

    def _run(self, sql: str, parameters: Parameters) -> sqlite3.Cursor:
        if self.over:
            raise StorageError("this work is over")
        try:
            return self._connection.execute(sql, parameters)
        except _WRONG as error:
            raise StorageError(f"{error} (in: {sql})") from error


def _authorize(action: int, *_: str | None) -> int:
    return sqlite3.SQLITE_DENY if action in _REFUSED else sqlite3.SQLITE_OK


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; `executescript` would commit first."""
    statement = ""
    for part in re.split(r"(?<=;)", script):
        statement += part
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
