"""A profile between plain and encrypted, each file by way of a finished copy: a crash at any step
leaves the old file or the new one, and doing it again finishes what is left."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import apsw

from tulou_contracts.storage import StorageCorrupt, StorageError
from tulou_store.connections import PARTS, Place, connect, open_writer
from tulou_store.faults import full, of_sqlite, of_system
from tulou_store.files import sync_folder
from tulou_store.journal import Journal, Plain
from tulou_store.keys import Either, Keys, is_plain

_SPARE = 16 * 1024 * 1024


def convert(folder: Path, keys: Keys, encrypt: bool, log: logging.Logger) -> None:
    """Bring everything in a store's folder to one form. Raises `StorageFull`, `StorageError`.

    Copies from before migrations and files that can be rebuilt are removed; a damaged database is
    repaired first. Raises `StorageCorrupt` when nothing of it can be read.
    """
    try:
        try:
            convert_database(folder / "profile.db", keys.database, encrypt)
        except StorageCorrupt:
            _repair(folder / "profile.db", None if encrypt else keys.database, log)
            convert_database(folder / "profile.db", keys.database, encrypt)
        for path in sorted((folder / "documents").glob("*.json")) + _only_logs(folder / "documents"):
            _convert_documents(path, keys, encrypt, log)
        for name in ("rebuildable", "before-migrations"):
            if (folder / name).exists():
                shutil.rmtree(folder / name)
        left = sorted(path.name for path in folder.glob("*.damaged-*"))
        if encrypt and left:
            log.warning("these files are not encrypted, remove them when they are not needed any more: %s",
                        ", ".join(left))
    except OSError as error:
        raise of_system(error, folder) from error


def convert_database(path: Path, key: bytes, encrypt: bool) -> None:
    """Change the form of a database that nobody has open; rowids that no column names may change."""
    draft = path.with_name(path.name + ".converting")
    for part in (draft, draft.with_name(draft.name + "-journal")):
        part.unlink(missing_ok=True)
    plain = is_plain(path)
    if plain is None or plain is not encrypt:
        return
    if shutil.disk_usage(path.parent).free < 3 * path.stat().st_size + _SPARE:
        raise full(path)
    try:
        _empty_the_log(path, None if encrypt else key)
        shutil.copyfile(path, draft)
        connection = connect(draft, None if encrypt else key)
        try:
            connection.execute("PRAGMA journal_mode = DELETE").fetchall()
            if encrypt:
                connection.execute("PRAGMA cipher = 'aegis'").fetchall()
            text = f"raw:{key.hex()}" if encrypt else ""
            connection.execute(f"PRAGMA rekey = \"{text}\"" if encrypt else "PRAGMA rekey = ''").fetchall()
        finally:
            connection.close(True)
        _verify(draft, key if encrypt else None)
    except (apsw.CorruptError, apsw.NotADBError) as error:
        draft.unlink(missing_ok=True)
        raise StorageCorrupt(f"{path} is damaged") from error
    except apsw.Error as error:
        draft.unlink(missing_ok=True)
        raise of_sqlite(error, path) from error
    with open(draft, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(draft, path)
    sync_folder(path.parent)


def _repair(path: Path, key: bytes | None, log: logging.Logger) -> None:
    place = Place(path, key=key, log=log)
    place.suspect()
    connection, _ = open_writer(place)
    connection.close()


def _empty_the_log(path: Path, key: bytes | None) -> None:
    """What the write-ahead log still holds belongs to the old form."""
    connection = connect(path, key)
    try:
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    finally:
        connection.close(True)
    for suffix in PARTS[:2]:
        part = path.with_name(path.name + suffix)
        if part.exists() and part.stat().st_size:
            raise StorageError(f"{part} is in use by another program: close it and start again")


def _verify(path: Path, key: bytes | None) -> None:
    connection = connect(path, key)
    try:
        if connection.execute("PRAGMA quick_check(1)").fetchall() != [("ok",)]:
            raise apsw.CorruptError("the copy is not sound")
    finally:
        connection.close(True)


def _only_logs(folder: Path) -> list[Path]:
    """Sets so young that all of them is in the log."""
    bases = (path.with_name(path.name.removesuffix(".log")) for path in folder.glob("*.json.log"))
    return sorted(base for base in bases if not base.exists())


def _convert_documents(path: Path, keys: Keys, encrypt: bool, log: logging.Logger) -> None:
    try:
        tables, story = Journal(path, Either(keys.documents)).read()
    except StorageCorrupt as error:
        log.error("%s", error)
        return
    if story:
        log.warning("%s", story)
    if tables is not None:
        target = Journal(path, keys.documents if encrypt else Plain())
        target.write(tables)
        target.forget_previous()
