"""Small documents: TinyDB over a file that survives crashes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import tinydb
import trio
from tinydb.storages import Storage as TinyStorage
from tinydb.table import Document as TinyDocument
from tinydb.table import Table

from tulou_contracts.storage import Document, StorageError
from tulou_store.jobs import Job
from tulou_store.journal import Coding, Journal, Tables, dumps
from tulou_store.writer import Writer

T = TypeVar("T")
_TABLE = "documents"


class FileStorage(TinyStorage):
    """TinyDB's storage in a `Journal`; the tables are read once, and kept as what the disk holds."""

    def __init__(self, journal: Journal, log: logging.Logger) -> None:
        self._journal = journal
        self._tables, story = journal.read()
        self._key: str | None = None
        if story:
            log.warning("%s", story)

    @contextmanager
    def changing(self, key: str) -> Iterator[bool]:
        """Only this document changes within the block, so only it is written. Whether it is there."""
        self._key = key
        try:
            yield self._tables is not None and key in self._tables.get(_TABLE, ())
        finally:
            self._key = None

    def read(self) -> Tables | None:
        """The tables; of the documents only the one that changes is a copy. None: nothing yet."""
        if self._tables is None:
            return None
        tables = {name: dict(table) for name, table in self._tables.items()}
        for table in tables.values():
            if self._key is not None and self._key in table:
                table[self._key] = dict(table[self._key])
        return tables

    def write(self, data: Mapping[str, Mapping[str, Any]]) -> None:
        """Make the change durable."""
        tables: Tables = {name: dict(table) for name, table in data.items()}
        if self._key is None:
            self._journal.write(tables)
        else:
            self._journal.change(tables, _TABLE, self._key)
        self._tables = tables


class _ByKey(Table):
    document_id_class = str  # type: ignore[assignment]  # the key of a document is its id


class _Base(tinydb.TinyDB):
    table_class = _ByKey


class DocumentSet:
    """The contract's `Documents`. `desk`: whose thread does the work; None: it happens in the loop."""

    def __init__(
        self, path: Path, log: logging.Logger, desk: Writer | None = None, coding: Coding | None = None
    ) -> None:
        self._journal = Journal(path, coding)
        self._log = log
        self._desk = desk
        self._lock = trio.Lock()
        self._base: _Base | None = None

    async def open(self) -> None:
        """Read the file. Raises `StorageCorrupt` (again: begins empty), `StorageError`."""
        await self._call(self._open)

    async def get(self, key: str) -> Document | None:
        """The document, or None."""
        return await self._call(lambda: self._get(key))

    async def put(self, key: str, document: Document) -> None:
        """Store or replace. Raises `StorageFull`, `StorageError`."""
        copy = _copied(key, document)
        await self._call(lambda: self._put(key, copy))

    async def delete(self, key: str) -> None:
        """Remove; a key that is not there is no error."""
        await self._call(lambda: self._delete(key))

    async def all(self) -> dict[str, Document]:
        """Every document by key."""
        return await self._call(lambda: {_id(each): _copy(each) for each in self._table().all()})

    async def _call(self, function: Callable[[], T]) -> T:
        async with self._lock:
            if self._desk is None:
                return function()
            result: T = await self._desk.submit(Job(lambda _: function(), alone=True))
            return result

    def _open(self) -> None:
        if self._base is None:
            self._base = _Base(self._journal, self._log, storage=FileStorage)

    def _table(self) -> Table:
        if self._base is None:
            raise StorageError("the store has stopped: nothing was changed")
        return self._base.table(_TABLE, cache_size=0)

    def _get(self, key: str) -> Document | None:
        found = self._table().get(doc_id=key)  # type: ignore[call-overload]
        return None if found is None else _copy(found)

    def _put(self, key: str, document: Document) -> None:
        table = self._table()

        def replace(old: Any) -> None:
            old.clear()
            old.update(document)

        with self._changing(key) as known:
            if known:
                table.update(replace, doc_ids=[key])  # type: ignore[list-item]
            else:
                table.insert(TinyDocument(document, doc_id=key))  # type: ignore[arg-type]

    def _delete(self, key: str) -> None:
        table = self._table()
        with self._changing(key) as known:
            if known:
                table.remove(doc_ids=[key])  # type: ignore[list-item]

    def _changing(self, key: str) -> AbstractContextManager[bool]:
        assert self._base is not None  # whoever has its table has it open
        storage = self._base.storage
        assert isinstance(storage, FileStorage)
        return storage.changing(key)

    def close(self) -> None:
        """Refuse further calls."""
        self._base = None


def _id(document: Any) -> str:
    return str(document.doc_id)


def _copy(found: Any) -> Document:
    copy: Document = json.loads(dumps(found))
    return copy


def _copied(key: str, document: Document) -> Document:
    """What will be read back. Raises `StorageError` for what JSON cannot hold."""
    try:
        text = dumps(document)
        (key + text).encode()
        copy = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise StorageError(f"document {key!r} cannot be stored as JSON: {error}") from error
    if not isinstance(copy, dict):
        raise StorageError(f"document {key!r} must be a dict, not {type(document).__name__}")
    return copy
