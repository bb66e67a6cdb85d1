"""A connection that only looks, also on a disk that cannot be written."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import apsw

from tulou_store.connections import connect
from tulou_store.interrupt import look_and_go_on

_BUSY_MS = 5_000
_STEPS = 100_000  # of SQLite's, between two looks whether anybody still waits


def looking(path: Path, key: bytes | None) -> apsw.Connection:
    """Raises SQLite's errors."""
    connection = connect(path, key, apsw.SQLITE_OPEN_READONLY)
    _patient(connection)
    return connection


@contextmanager
def looked_at(path: Path, key: bytes | None) -> Iterator[apsw.Connection]:
    """`looking`; without the shared-memory file, where that cannot be made. Raises also OSError."""
    if os.access(path.parent, os.W_OK):
        connection = looking(path, key)
        try:
            yield connection
        finally:
            connection.close(True)
        return
    log = path.with_name(path.name + "-wal")
    if not log.exists() or not log.stat().st_size:
        with _unchanging(path, key) as connection:
            yield connection
        return
    with tempfile.TemporaryDirectory(prefix="tulou-look-") as folder:  # what the log holds counts too
        copy = Path(folder, path.name)
        for each in (path, log):
            shutil.copyfile(each, copy.with_name(each.name))
        connection = looking(copy, key)
        try:
            yield connection
        finally:
            connection.close(True)


@contextmanager
def _unchanging(path: Path, key: bytes | None) -> Iterator[apsw.Connection]:
    """As nobody can write it, SQLite needs no lock and no shared memory for it."""
    connection = connect(f"file:{quote(str(path.resolve()))}?immutable=1", key,
                         apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    _patient(connection)
    try:
        yield connection
    finally:
        connection.close(True)


def _patient(connection: apsw.Connection) -> None:
    connection.set_busy_timeout(_BUSY_MS)
    connection.set_progress_handler(look_and_go_on, _STEPS)
