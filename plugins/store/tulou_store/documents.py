"""Small documents: TinyDB over a file that survives crashes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import tinydb
import trio
from tinydb.storages import Storage as TinyStorage
from tinydb.table import Document as TinyDocument
from tinydb.table import Table

from tulou_contracts.storage import Document, StorageCorrupt, StorageError
from tulou_store.files import SafeFile

T = TypeVar("T")


class FileStorage(TinyStorage):
    """TinyDB's storage in a `SafeFile`; the text is read once, and kept as what the disk holds."""

    def __init__(self, path: Path, log: logging.Logger) -> None:
        self._file = SafeFile(path)
        self._text, story = self._file.read()
        if story:
            log.warning("%s", story)

    def read(self) -> dict[str, dict[str, Any]] | None:
        """The tables, a fresh copy; None when there is no file yet."""
        if self._text is None:
            return None
        try:
            tables: dict[str, dict[str, Any]] = json.loads(self._text)
        except ValueError as error:  # a sound digest over something else: not our file
            raise StorageCorrupt(f"{self._file.path} does not hold documents: {error}") from error
        return tables

    def write(self, data: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace the tables, durably."""
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        self._file.write(text)
        self._text = text


class _ByKey(Table):
    document_id_class = str  # type: ignore[assignment]  # the key of a document is its id


class _Base(tinydb.TinyDB):
    table_class = _ByKey


class DocumentSet:
    """The contract's `Documents`. `threads` false: file operations happen in the loop."""

    def __init__(self, path: Path, log: logging.Logger, threads: bool = True) -> None:
        self._path = path
        self._log = log
        self._threads = threads
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
        return await self._call(lambda: {_id(each): dict(each) for each in self._table().all()})

    async def _call(self, function: Callable[[], T]) -> T:
        async with self._lock:
            if self._threads:
                return await trio.to_thread.run_sync(function)
            return function()

    def _open(self) -> None:
        if self._base is None:
            self._base = _Base(self._path, self._log, storage=FileStorage)

    def _table(self) -> Table:
        if self._base is None:
            raise StorageError("the store has stopped: nothing was changed")
        return self._base.table("documents", cache_size=0)

    def _get(self, key: str) -> Document | None:
        found = self._table().get(doc_id=key)  # type: ignore[call-overload]
        return None if found is None else dict(found)

    def _put(self, key: str, document: Document) -> None:
        table = self._table()

        def replace(old: Any) -> None:
            old.clear()
            old.update(document)

        if table.contains(doc_id=key):  # type: ignore[arg-type]
            table.update(replace, doc_ids=[key])  # type: ignore[list-item]
        else:
            table.insert(TinyDocument(document, doc_id=key))  # type: ignore[arg-type]

    def _delete(self, key: str) -> None:
        table = self._table()
        if table.contains(doc_id=key):  # type: ignore[arg-type]
            table.remove(doc_ids=[key])  # type: ignore[list-item]

    def close(self) -> None:
        """Refuse further calls."""
        self._base = None


def _id(document: Any) -> str:
    return str(document.doc_id)


def _copied(key: str, document: Document) -> Document:
    """What will be read back. Raises `StorageError` for what JSON cannot hold."""
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
        (key + text).encode()
        copy = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise StorageError(f"document {key!r} cannot be stored as JSON: {error}") from error
    if not isinstance(copy, dict):
        raise StorageError(f"document {key!r} must be a dict, not {type(document).__name__}")
    return copy
