"""Opening the database file: settings, and what happens to one that is damaged."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import apsw

from tulou_contracts.storage import StorageCorrupt
from tulou_store.faults import of_sqlite, of_system, read_only
from tulou_store.statements import Gate

_BUSY_MS = 5_000
_STATEMENTS = 200
_WAL_KEPT = 16 * 1024 * 1024  # bytes; a larger log is cut after a checkpoint
_PAGE = 4096


@dataclass(frozen=True, slots=True)
class Place:
    """Where the database lies and how large it may grow (MiB; 0: as the disk allows)."""

    path: Path
    quota_mb: int = 0

    @property
    def suspicion(self) -> Path:
        """A file that says: damage was met while in use, so check everything when opening."""
        return self.path.with_name(self.path.name + ".check")

    def suspect(self) -> None:
        """Have the file checked when it is opened next."""
        with suppress(OSError):
            self.suspicion.touch()


def open_writer(place: Place) -> tuple[apsw.Connection, Gate]:
    """The one connection that writes.

    Raises `StorageCorrupt` after the damaged file was moved aside (opening again starts an empty
    one), `StorageFull`, `StorageError`.
    """
    try:
        connection = apsw.Connection(str(place.path), statementcachesize=_STATEMENTS)
    except apsw.Error as error:
        raise of_sqlite(error, place.path) from error
    try:
        return connection, _prepare(connection, place)
    except (apsw.CorruptError, apsw.NotADBError) as error:
        connection.close(True)
        raise StorageCorrupt(_moved(place)) from error
    except apsw.Error as error:
        connection.close(True)
        raise of_sqlite(error, place.path) from error
    except BaseException:
        connection.close(True)
        raise


def open_reader(place: Place) -> apsw.Connection:
    """A connection that only reads. Raises `StorageError`."""
    flags = apsw.SQLITE_OPEN_READONLY
    try:
        connection = apsw.Connection(str(place.path), flags=flags, statementcachesize=_STATEMENTS)
        connection.set_busy_timeout(_BUSY_MS)
        connection.execute("PRAGMA query_only = 1")
    except apsw.Error as error:
        raise of_sqlite(error, place.path) from error
    return connection


def _prepare(connection: apsw.Connection, place: Place) -> Gate:
    connection.set_busy_timeout(_BUSY_MS)
    if connection.readonly("main"):
        raise read_only(place.path)
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = 1",
        f"journal_size_limit = {_WAL_KEPT}",
        f"max_page_count = {place.quota_mb * 1024 * 1024 // _PAGE or 0xFFFFFFFE}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.execute(
        "CREATE TABLE IF NOT EXISTS store_migration"
        " (namespace TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID"
    )
    _check(connection, place)
    gate = Gate()
    connection.authorizer = gate
    return gate


def _check(connection: apsw.Connection, place: Place) -> None:
    """Look at every page, but only after damage was met: it takes seconds for a large file."""
    if not place.suspicion.exists():
        return
    if connection.execute("PRAGMA quick_check(1)").fetchall() != [("ok",)]:
        raise apsw.CorruptError("quick_check found damage")
    place.suspicion.unlink(missing_ok=True)


def _moved(place: Place) -> str:
    path = place.path
    number = 1
    while (copy := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    try:
        for suffix in ("-wal", "-shm", ""):  # the log goes with its file, never to a new one
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(copy.with_name(copy.name + suffix))
        place.suspicion.unlink(missing_ok=True)
    except OSError as error:
        raise of_system(error, path) from error
    return (
        f"{path} is damaged and was moved to {copy}: the next start begins with an empty one;"
        " keep the copy, much of it may be recovered"
    )
