"""What a work holds in its hands: a reader, or a transaction, usable only while the work runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import CoroutineType
from typing import Any

import apsw

from tulou_contracts.storage import Parameters, Row, StorageError
from tulou_store.faults import CALL_ERRORS, of_sqlite
from tulou_store.statements import Checker


_OVER = "this work is over: what it needs from the store it must fetch before it returns"


class View:
    """The contract's `Reader`."""

    __slots__ = ("_connection", "_path", "_checker", "_stopped", "_over")

    def __init__(
        self, connection: apsw.Connection, path: Path, checker: Checker, stopped: Callable[[], bool]
    ) -> None:
        self._connection = connection
        self._path = path
        self._checker = checker
        self._stopped = stopped
        self._over = ""

    def end(self) -> None:
        """The work has returned; what it may have kept of us is of no use any more."""
        self._over = _OVER

    def query(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows."""
        self._check(sql)
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except CALL_ERRORS as error:
            raise self._fault(error, sql) from error

    def one(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """The first row, or None."""
        self._check(sql)
        try:
            cursor = self._connection.execute(sql, parameters)
            row: Row | None = cursor.fetchone()
            cursor.close(True)
            return row
        except CALL_ERRORS as error:
            raise self._fault(error, sql) from error

    def _check(self, sql: str) -> None:
        if self._over:
            raise StorageError(self._over)
        if self._stopped():
            raise StorageError("whoever asked has stopped waiting")
        self._checker.check(sql)

    def _fault(self, error: Exception, sql: str) -> StorageError:
        if isinstance(error, (apsw.ReadOnlyError, apsw.AuthError)):
            return StorageError("a read may not change anything: use write")
        return of_sqlite(error, self._path, sql)


class WriteView(View):
    """The contract's `Transaction`."""

    __slots__ = ()

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """One statement; the number of rows it changed."""
        self._check(sql)
        return self._run(sql, parameters)

    def execute_many(self, sql: str, rows: Sequence[Parameters]) -> int:
        """One statement for each of `rows`; the number of rows changed."""
        self._check(sql)
        return sum(self._run(sql, parameters) for parameters in rows)

    def _run(self, sql: str, parameters: Parameters) -> int:
        connection = self._connection
        before = connection.total_changes()
        try:
            connection.execute(sql, parameters).fetchall()
        except CALL_ERRORS as error:
            raise self._fault(error, sql) from error
        # changes() speaks of the last change, which a CREATE or a SELECT leaves as it was
        return connection.changes() if connection.total_changes() != before else 0

    def _fault(self, error: Exception, sql: str) -> StorageError:
        fault = of_sqlite(error, self._path, sql)
        if not self._connection.in_transaction:
            # SQLite gave up the whole transaction: nothing more may run outside of one
            self._over = f"the transaction was undone: {fault}"
        return fault


def plain(result: Any) -> None:
    """Refuse the result of an async function: it would run after the transaction."""
    if isinstance(result, CoroutineType):
        result.close()
        raise StorageError("a work must be a plain function: an async one cannot run in a transaction")
