"""Bringing a namespace's schema up to date: all missing steps in one transaction, or none."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import apsw

from tulou_contracts.storage import (
    Migration,
    MigrationFailed,
    StorageCorrupt,
    StorageError,
    StorageFull,
    Transaction,
)
from tulou_store import snapshots
from tulou_store.connections import Place
from tulou_store.faults import CALL_ERRORS, of_sqlite
from tulou_store.statements import Checker, Gate, check_rollback, own
from tulou_store.views import WriteView, plain

_NAMESPACE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_RESERVED = frozenset({"store", "sqlite"})
_PATIENCE = 5.0
"""Seconds between two words about a migration."""
_STEPS = 100_000


def check(namespace: str, migrations: Sequence[Migration]) -> None:
    """Raises `MigrationFailed` unless the name is fit and the versions count 1, 2, 3, ..."""
    if not _NAMESPACE.match(namespace) or namespace in _RESERVED:
        raise MigrationFailed(
            f"namespace {namespace!r}: use lower-case words joined by '_', e.g. 'im'"
            f" (not {' or '.join(sorted(_RESERVED))})"
        )
    for expected, migration in enumerate(migrations, 1):
        if migration.version != expected:
            raise MigrationFailed(
                f"namespace {namespace!r}: migration {migration.version} stands where"
                f" {expected} should: versions count 1, 2, 3, ... without gap or repetition"
            )


def migrate(
    connection: apsw.Connection, gate: Gate, place: Place, namespace: str, migrations: Sequence[Migration]
) -> int:
    """Run the steps this file has not seen, all or none; a copy from before is kept.

    The version that the data had; 0: there was none.

    Raises `MigrationFailed`, `StorageFull`.
    """
    last = len(migrations)
    try:
        known = _version(connection, namespace)
        _check_age(known, last, namespace, place)
        copy = None
        if 0 < known < last and not place.rebuildable:
            copy = snapshots.keep(connection, place, f"{namespace}-{known}-to-{last}")
        own(connection, "BEGIN IMMEDIATE")
        with _telling(connection, place, namespace, known, last):
            for migration in migrations[known:]:
                _step(connection, gate, place, namespace, migration)
        if known != last:
            connection.execute("REPLACE INTO store_migration VALUES (?, ?)", (namespace, last))
        own(connection, "COMMIT")
        if copy is not None:
            snapshots.keep_only(place, copy)
        return known
    except CALL_ERRORS as error:
        raise of_sqlite(error, place.path) from error
    finally:
        if connection.in_transaction:
            own(connection, "ROLLBACK")


def _check_age(known: int, last: int, namespace: str, place: Place) -> None:
    if known > last:
        raise MigrationFailed(
            f"the data of {namespace!r} in {place.path} has schema version {known}, this program"
            f" knows only up to {last}: install a newer program; nothing was changed"
        )


@contextmanager
def _telling(
    connection: apsw.Connection, place: Place, namespace: str, known: int, last: int
) -> Iterator[None]:
    """Say how a long migration goes on; a person may be waiting before an empty window."""
    begin = time.monotonic()
    told = begin

    def tell() -> bool:
        nonlocal told
        if time.monotonic() - told >= _PATIENCE:
            told = time.monotonic()
            place.log.info("the data of %r is being brought from version %d to %d, for %d seconds now",
                           namespace, known, last, told - begin)
        return False

    if known:
        connection.set_progress_handler(tell, _STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None)
    if known != last and known:
        place.log.info("the data of %r was brought from version %d to %d in %.1f seconds",
                       namespace, known, last, time.monotonic() - begin)


def _version(connection: apsw.Connection, namespace: str) -> int:
    sql = "SELECT version FROM store_migration WHERE namespace = ?"
    found = connection.execute(sql, (namespace,)).fetchall()
    version: int = found[0][0] if found else 0  # type: ignore[assignment]  # the column is INTEGER
    return version


def _step(
    connection: apsw.Connection, gate: Gate, place: Place, namespace: str, migration: Migration
) -> None:
    gate.own, gate.prefix = False, f"{namespace}_"
    try:
        check_rollback(migration.script)
        connection.execute(migration.script).fetchall()
        if migration.work is not None:
            _work(connection, place, migration.work)
    except (StorageFull, StorageCorrupt):
        raise
    except Exception as error:
        fault: object = error
        if isinstance(error, CALL_ERRORS):
            fault = of_sqlite(error, place.path)
            if isinstance(fault, StorageFull):
                raise fault from error
        if not isinstance(fault, StorageError):
            fault = f"{type(error).__name__}: {error}"
        raise MigrationFailed(
            f"migration {migration.version} of {namespace!r} failed, nothing was changed: {fault}"
        ) from error
    finally:
        gate.own, gate.prefix = True, ""


def _work(connection: apsw.Connection, place: Place, work: Callable[[Transaction], object]) -> None:
    view = WriteView(connection, place.path, Checker(), lambda: False)
    try:
        plain(work(view))
    finally:
        view.end()
    if not connection.in_transaction:
        raise StorageError("the transaction was undone")
