"""Bringing a namespace's schema up to date: all missing steps in one transaction, or none."""

from __future__ import annotations

import re
from collections.abc import Sequence

import apsw

from tulou_contracts.storage import Migration, MigrationFailed, StorageError, StorageFull
from tulou_store.connections import Place
from tulou_store.faults import CALL_ERRORS, of_sqlite
from tulou_store.statements import Gate, check_rollback, own

_NAMESPACE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_RESERVED = frozenset({"store", "sqlite"})


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
) -> None:
    """Run the steps this file has not seen. Raises `MigrationFailed`, `StorageFull`."""
    last = len(migrations)
    try:
        own(connection, "BEGIN IMMEDIATE")
        known = _version(connection, namespace)
        if known > last:
            raise MigrationFailed(
                f"the data of {namespace!r} in {place.path} has schema version {known}, this program"
                f" knows only up to {last}: install a newer program; nothing was changed"
            )
        for migration in migrations[known:]:
            _step(connection, gate, place, namespace, migration)
        if known != last:
            connection.execute("REPLACE INTO store_migration VALUES (?, ?)", (namespace, last))
        own(connection, "COMMIT")
    except CALL_ERRORS as error:
        raise of_sqlite(error, place.path) from error
    finally:
        if connection.in_transaction:
            own(connection, "ROLLBACK")


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
    except (*CALL_ERRORS, StorageError) as error:
        fault = error if isinstance(error, StorageError) else of_sqlite(error, place.path)
        if isinstance(fault, StorageFull):
            raise fault from error
        raise MigrationFailed(
            f"migration {migration.version} of {namespace!r} failed, nothing was changed: {fault}"
        ) from error
    finally:
        gate.own, gate.prefix = True, ""
