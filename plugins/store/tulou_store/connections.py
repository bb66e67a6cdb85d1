"""Opening a database file: its settings, its key, and the check of one that may be damaged."""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from tulou_contracts.storage import Repair, StorageCorrupt, StorageRepaired
from tulou_store.faults import of_sqlite, of_system, read_only
from tulou_store.files import free_name, sync_folder
from tulou_store.statements import Gate

_BUSY_MS = 5_000
_STATEMENTS = 200
_WAL_KEPT = 16 * 1024 * 1024  # bytes; a larger log is cut after a checkpoint
_PAGE = 4096
_STEPS = 1_000  # pages or rows between two looks at the clock
PARTS = ("-wal", "-shm", "")
"""Suffixes of the files of one database; the log goes before its file, never to a new one."""

OWN_TABLES = (
    "CREATE TABLE IF NOT EXISTS store_migration"
    " (namespace TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS store_state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database lies, and how it is to be treated."""

    path: Path
    quota_mb: int = 0
    """How large it may grow, in MiB; 0: as the disk allows."""
    key: bytes | None = None
    """32 bytes: the file is encrypted. None: it is not."""
    rebuildable: bool = False
    """What it holds can be made again: synced less, never repaired."""
    check_seconds: float = 0.5
    """How long the check after an unclean end may take; one that takes longer is given up."""
    log: logging.Logger = field(default=logging.getLogger("tulou.store"))
    news: list[object] = field(default_factory=list)
    """Events to be published by the loop."""

    @property
    def suspicion(self) -> Path:
        """A file that says: damage was met while in use, so check everything when opening."""
        return self.path.with_name(self.path.name + ".check")

    def suspect(self) -> None:
        """Have the file checked when it is opened next."""
        with suppress(OSError):
            self.suspicion.touch()

    def parts(self) -> list[Path]:
        """The files there are."""
        every = [self.path.with_name(self.path.name + suffix) for suffix in PARTS]
        return [part for part in every if part.exists()]


def open_writer(place: Place) -> tuple[apsw.Connection, Gate]:
    """The one connection that writes.

    A damaged file is moved aside; what can be read of it goes on in a new one. Raises
    `StorageCorrupt` when nothing can (opening again starts empty), `StorageFull`, `StorageError`.
    """
    unclean = _has_log(place)
    try:
        return _opened(place, unclean)
    except (apsw.CorruptError, apsw.NotADBError) as error:
        if place.rebuildable:
            raise StorageCorrupt(f"{place.path} is damaged") from error
        return _repaired(place)


def _opened(place: Place, unclean: bool) -> tuple[apsw.Connection, Gate]:
    """Raises SQLite's own errors for damage, the contract's for all else."""
    try:
        connection = connect(place.path, place.key)
    except apsw.Error as error:
        raise of_sqlite(error, place.path) from error
    try:
        return connection, _prepare(connection, place, unclean)
    except (apsw.CorruptError, apsw.NotADBError):
        connection.close(True)
        raise
    except apsw.Error as error:
        connection.close(True)
        raise of_sqlite(error, place.path) from error
    except BaseException:
        connection.close(True)
        raise


def connect(path: Path | str, key: bytes | None, flags: int = 0) -> apsw.Connection:
    """A connection that knows the key. Raises SQLite's errors."""
    flags = flags or apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    connection = apsw.Connection(str(path), flags=flags, statementcachesize=_STATEMENTS)
    if key is not None:
        give_key(connection, key)
    return connection


def give_key(connection: apsw.Connection, key: bytes, schema: str = "main") -> None:
    """AEGIS with a raw key: nothing has to be derived, so opening costs no time."""
    connection.execute(f"PRAGMA {schema}.cipher = 'aegis'").fetchall()
    connection.execute(f"PRAGMA {schema}.key = \"raw:{key.hex()}\"").fetchall()


def open_reader(place: Place) -> apsw.Connection:
    """A connection that only reads. Raises `StorageError`."""
    try:
        connection = connect(place.path, place.key, apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(_BUSY_MS)
        connection.execute("PRAGMA query_only = 1")
    except apsw.Error as error:
        raise of_sqlite(error, place.path) from error
    return connection


def _prepare(connection: apsw.Connection, place: Place, unclean: bool) -> Gate:
    connection.set_busy_timeout(_BUSY_MS)
    if connection.readonly("main"):
        raise read_only(place.path)
    for pragma in (
        "journal_mode = WAL",
        f"synchronous = {'NORMAL' if place.rebuildable else 'FULL'}",
        "foreign_keys = 1",
        f"journal_size_limit = {_WAL_KEPT}",
        f"max_page_count = {place.quota_mb * 1024 * 1024 // _PAGE or 0xFFFFFFFE}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    for sql in OWN_TABLES:
        connection.execute(sql)
    _tell_of_loss(connection, place)
    _check(connection, place, unclean)
    gate = Gate()
    connection.authorizer = gate
    return gate


def _has_log(place: Place) -> bool:
    """A proper end leaves no write-ahead log."""
    try:
        return place.path.with_name(place.path.name + "-wal").stat().st_size > 0
    except OSError:
        return False


def _check(connection: apsw.Connection, place: Place, unclean: bool) -> None:
    """Look at the pages: at every one when damage was met, else as many as there is time for."""
    suspected = place.suspicion.exists()
    if not suspected and not unclean:
        return
    end = float("inf") if suspected else time.monotonic() + place.check_seconds
    connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        sound = connection.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)]
    except apsw.InterruptError:
        place.log.info("%s was not closed properly; it is too large to be checked whole while starting:"
                       " `tulou store check` does", place.path)
        return
    finally:
        connection.set_progress_handler(None)
    if not sound:
        raise apsw.CorruptError("quick_check found damage")
    place.suspicion.unlink(missing_ok=True)


def _repaired(place: Place) -> tuple[apsw.Connection, Gate]:
    path = place.path
    copy = set_aside(place, "damaged")
    draft = path.with_name(path.name + ".recovering")
    from tulou_store.salvage import salvage  # hardly ever needed

    try:
        draft.unlink(missing_ok=True)
        found = salvage(copy, draft, lambda name: connect(name, place.key))
        if found is None:
            draft.unlink(missing_ok=True)
            remember_loss(path.parent, path, copy)
            raise StorageCorrupt(
                f"{path} is damaged, nothing in it can be read, and it was moved to {copy}: the next start"
                " begins with an empty one; keep the copy, or go back to a backup"
            )
        repair = Repair(file=str(path), kept_as=str(copy), rows=found.rows, lost=found.lost)
        note(draft, place.key, repair)
        draft.rename(path)
        sync_folder(path.parent)
        opened = _opened(place, False)
    except apsw.Error as error:
        raise of_sqlite(error, path) from error
    except OSError as error:
        raise of_system(error, path) from error
    what = f"; of {', '.join(repair.lost)} some may be missing" if repair.lost else ""
    place.log.error("%s was damaged and is kept as %s; %d rows were recovered%s",
                    path, copy, repair.rows, what)
    place.news.append(StorageRepaired(repair=repair))
    return opened


def remember_loss(folder: Path, path: Path, kept_as: Path) -> None:
    """Have the next, empty database tell every namespace what became of the former one."""
    repair = Repair(file=str(path), kept_as=str(kept_as), rows=0, lost=("*",))
    try:
        _loss(folder).write_text(_as_text(repair), "utf-8")
    except OSError as error:
        raise of_system(error, path) from error


def _loss(folder: Path) -> Path:
    return folder / "lost.json"


def _tell_of_loss(connection: apsw.Connection, place: Place) -> None:
    """The row is found by namespaces that have no version yet."""
    loss = _loss(place.path.parent)
    if place.rebuildable or not loss.exists():
        return
    with suppress(ValueError, OSError):
        text = loss.read_text("utf-8")
        repair = repair_from(text)
        connection.execute("INSERT OR REPLACE INTO store_state VALUES ('repair *', ?)", (text,))
        place.news.append(StorageRepaired(repair=repair))
    loss.unlink(missing_ok=True)


def _as_text(repair: Repair) -> str:
    return json.dumps({"file": repair.file, "kept_as": repair.kept_as, "rows": repair.rows,
                       "lost": repair.lost}, ensure_ascii=False)


def repair_from(text: str) -> Repair:
    """As it was noted. Raises ValueError."""
    table = json.loads(text)
    return Repair(file=table["file"], kept_as=table["kept_as"], rows=table["rows"],
                  lost=tuple(table["lost"]))


def note(draft: Path, key: bytes | None, repair: Repair) -> None:
    """Every namespace is told of the repair until it has dealt with it."""
    connection = connect(draft, key)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        with connection:
            for sql in OWN_TABLES:
                connection.execute(sql)
            connection.execute("INSERT OR REPLACE INTO store_state SELECT 'repair ' || namespace, ?"
                               " FROM store_migration", (_as_text(repair),))
    finally:
        connection.close(True)


def set_aside(place: Place, why: str) -> Path:
    """Move a database out of the way, as ``NAME.why-N``. Raises `StorageError`."""
    copy = free_name(place.path, why)
    try:
        for part in place.parts():
            part.rename(copy.with_name(copy.name + part.name.removeprefix(place.path.name)))
        place.suspicion.unlink(missing_ok=True)
    except OSError as error:
        raise of_system(error, place.path) from error
    return copy
