"""Which SQL a work may run: one statement, never one that ends the transaction of others."""

from __future__ import annotations

import re

import apsw

from tulou_contracts.storage import StorageError

_PRAGMAS = frozenset(
    "data_version foreign_key_check foreign_key_list index_info index_list index_xinfo"
    " integrity_check quick_check table_info table_list table_xinfo".split()
)
_CREATES_TABLE = frozenset(
    {apsw.SQLITE_CREATE_TABLE, apsw.SQLITE_CREATE_VIEW, apsw.SQLITE_CREATE_VTABLE}
)
_ROLLBACK = re.compile(r"\b(OR|CONFLICT)\s+ROLLBACK\b|\bRAISE\s*\(\s*ROLLBACK\b", re.IGNORECASE)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_REMEMBERED = 1000


class Gate:
    """SQLite's authorizer of one connection: asked about each action when SQL is prepared.

    `own` is true while the store runs statements of its own. `prefix` is set while a namespace
    migrates: the tables it creates must begin so.
    """

    def __init__(self) -> None:
        self.own = True
        self.prefix = ""

    def __call__(self, action: int, first: str | None, *_: str | None) -> int:
        if self.own:
            return apsw.SQLITE_OK
        if action in (apsw.SQLITE_TRANSACTION, apsw.SQLITE_SAVEPOINT):
            raise StorageError(
                f"{first} is refused: the store commits for everyone together;"
                " raise an exception to undo what this work did"
            )
        if action in (apsw.SQLITE_ATTACH, apsw.SQLITE_DETACH):
            raise StorageError("ATTACH and DETACH are refused: a profile has one database")
        if action == apsw.SQLITE_PRAGMA and (first or "").lower() not in _PRAGMAS:
            raise StorageError(f"PRAGMA {first} is refused: the store keeps its own settings")
        if self.prefix and action in _CREATES_TABLE and not (first or "").startswith(self.prefix):
            raise StorageError(f"table {first!r} must be named {self.prefix}..., after its namespace")
        return apsw.SQLITE_OK


class Checker:
    """Refuses what the authorizer does not see; remembers the texts it has passed."""

    def __init__(self) -> None:
        self._passed: set[str] = set()

    def check(self, sql: str) -> None:
        """Raises `StorageError` for several statements, or a conflict clause that ends everything."""
        if sql in self._passed:
            return
        check_rollback(sql)
        _check_single(sql)
        if len(self._passed) >= _REMEMBERED:
            self._passed.clear()
        self._passed.add(sql)


def check_rollback(sql: str) -> None:
    """A ROLLBACK conflict clause would take the works of others along."""
    if _ROLLBACK.search(_QUOTED.sub("", sql)):
        raise StorageError(
            "a ROLLBACK conflict clause is refused: it would undo the works of others; use ABORT"
        )


def _check_single(sql: str) -> None:
    end = sql.find(";")
    while end >= 0:
        rest = sql[end + 1 :].strip()
        if not rest:
            return
        if apsw.complete(sql[: end + 1]):
            raise StorageError(f"one statement at a time, please: {rest[:60]!r} follows the first")
        end = sql.find(";", end + 1)


def own(connection: apsw.Connection, sql: str) -> None:
    """Run a statement of the store's: BEGIN, COMMIT and the like.

    Outside the statement cache, because what is prepared once does not meet the authorizer again:
    a work that runs the same text would pass.
    """
    connection.execute(sql, can_cache=False)
