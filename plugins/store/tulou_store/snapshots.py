"""Copies of the database from before a migration; the newest is kept until the next one succeeds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import apsw

from tulou_contracts.storage import StorageError
from tulou_store.connections import Place, connect
from tulou_store.faults import full, of_sqlite, of_system
from tulou_store.files import sync_folder

_PAGES = 1000
_SPARE = 16 * 1024 * 1024


def folder_of(place: Place) -> Path:
    """Where the copies lie."""
    return place.path.parent / "before-migrations"


def keep(connection: apsw.Connection, place: Place, label: str) -> Path:
    """Copy the database as it is. Raises `StorageFull`, `StorageError`; then no copy is left."""
    folder = folder_of(place)
    target = folder / f"{label}.db"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        for old in folder.glob("*.new*"):
            old.unlink()
        if shutil.disk_usage(folder).free < place.path.stat().st_size + _SPARE:
            raise full(target)
        copy_database(connection, folder / f"{label}.db.new", place.key)
        os.replace(folder / f"{label}.db.new", target)
        sync_folder(folder)
    except OSError as error:
        raise of_system(error, target) from error
    except apsw.Error as error:
        raise of_sqlite(error, target) from error
    return target


def keep_only(place: Place, newest: Path) -> None:
    """Forget the others: the migration has succeeded."""
    for old in folder_of(place).iterdir():
        if old != newest:
            try:
                old.unlink()
            except OSError as error:
                place.log.warning("%s", of_system(error, old))


def copy_database(
    source: apsw.Connection, target: Path, key: bytes | None, progress: Callable[[], None] = lambda: None
) -> None:
    """A consistent copy with the same key, synced; `source` may be written to meanwhile."""
    target.unlink(missing_ok=True)
    copy = connect(target, key)
    try:
        copy.execute("PRAGMA synchronous = FULL")
        with copy.backup("main", source, "main") as backup:
            while not backup.done:
                backup.step(_PAGES)
                progress()
        copy.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file, no log beside it
    finally:
        copy.close(True)
    with open(target, "rb+") as file:
        os.fsync(file.fileno())
    if not target.stat().st_size:
        raise StorageError(f"nothing could be copied to {target}")
