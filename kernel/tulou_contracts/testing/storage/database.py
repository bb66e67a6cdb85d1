"""Conformance of `Database`: transactions, isolation and errors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings

from tulou_contracts.storage import (
    Database,
    Migration,
    Reader,
    Row,
    Storage,
    StorageError,
    Transaction,
)
from tulou_contracts.testing.storage.fixtures import (
    STORED_VALUES,
    Oops,
    StorageFixtures,
    add,
    gather,
    texts,
)


class DatabaseConformance(StorageFixtures):
    """Transactions, isolation and errors."""

    async def test_what_a_write_returns_is_read_by_the_next_read(self, database: Database) -> None:
        assert await database.write(add("你好，世界")) == 1
        assert await database.read(texts) == ["你好，世界"]

    async def test_a_work_sees_its_own_changes(self, database: Database) -> None:
        def work(tx: Transaction) -> list[str]:
            tx.execute("INSERT INTO kit_note (text) VALUES (:text)", {"text": "甲"})
            return texts(tx)

        assert await database.write(work) == ["甲"]

    async def test_the_numbers_of_changed_rows(self, database: Database) -> None:
        def work(tx: Transaction) -> list[int]:
            insert = "INSERT OR IGNORE INTO kit_note (id, text) VALUES (?, ?)"
            return [
                tx.execute_many(insert, [(1, "a"), (2, "b"), (2, "again")]),
                tx.execute("UPDATE kit_note SET stars = 5"),
                tx.execute("UPDATE kit_note SET stars = 6 WHERE id = 99"),
                tx.execute("CREATE INDEX kit_by_stars ON kit_note (stars)"),
                tx.execute("DELETE FROM kit_note WHERE id = 1"),
                tx.execute_many(insert, []),
            ]

        assert await database.write(work) == [2, 2, 0, 0, 1, 0]

    async def test_one_gives_the_first_row_or_none(self, database: Database) -> None:
        def rows(view: Reader) -> tuple[Row | None, Row | None]:
            return view.one("SELECT 1, 'a' UNION SELECT 2, 'b' ORDER BY 1"), view.one("SELECT 1 WHERE 0")

        assert await database.read(rows) == ((1, "a"), None)

    async def test_a_work_that_raises_leaves_nothing_and_its_exception_comes_out(
        self, database: Database
    ) -> None:
        def work(tx: Transaction) -> None:
            tx.execute("INSERT INTO kit_note (text) VALUES ('half')")
            raise Oops("enough")

        with pytest.raises(Oops, match="enough"):
            await database.write(work)
        assert await database.read(texts) == []

    async def test_a_failing_work_does_not_take_others_along(self, database: Database) -> None:
        def failing(tx: Transaction) -> None:
            add("half")(tx)
            raise Oops

        calls: list[Callable[[], Any]] = []
        for number in range(40):
            work: Callable[[Transaction], Any] = failing if number % 3 == 0 else add(str(number))
            calls.append(partial(database.write, work))
        outcomes = await gather(*calls)
        assert [isinstance(each, Oops) for each in outcomes] == [n % 3 == 0 for n in range(40)]
        kept = await database.read(texts)
        assert sorted(kept, key=int) == [str(n) for n in range(40) if n % 3]

    async def test_a_failed_statement_can_be_caught_and_the_work_goes_on(self, database: Database) -> None:
        def work(tx: Transaction) -> None:
            add("before")(tx)
            with pytest.raises(StorageError):
                tx.execute("INSERT INTO kit_note (text) VALUES (NULL)")
            add("after")(tx)

        await database.write(work)
        assert await database.read(texts) == ["before", "after"]

    @pytest.mark.parametrize(
        ("sql", "parameters"),
        [
            ("SELEKT 1", ()),
            ("SELECT * FROM kit_nowhere", ()),
            ("INSERT INTO kit_note (text) VALUES (?)", ()),
            ("INSERT INTO kit_note (text) VALUES (?)", (object(),)),
            ("INSERT INTO kit_note (text) VALUES (?)", ("\ud800",)),
            ("INSERT INTO kit_note (stars) VALUES (?)", (2**63,)),
            ("INSERT INTO kit_note (text) VALUES (:text)", {"other": 1}),
            ("INSERT INTO kit_note (text) VALUES ('a'); INSERT INTO kit_note (text) VALUES ('b')", ()),
        ],
    )
    async def test_wrong_statements_are_storage_errors(
        self, database: Database, sql: str, parameters: Any
    ) -> None:
        with pytest.raises(StorageError):
            await database.write(lambda tx: tx.execute(sql, parameters))
        assert await database.read(texts) == []

    @pytest.mark.parametrize(
        "sql", ["COMMIT", "END", "ROLLBACK", "BEGIN", "SAVEPOINT mine", "commit -- now", "/* x */ Rollback"]
    )
    async def test_a_work_cannot_end_the_transaction(self, database: Database, sql: str) -> None:
        def work(tx: Transaction) -> None:
            add("undone")(tx)
            tx.execute(sql)

        with pytest.raises(StorageError):
            await database.write(work)
        assert await database.read(texts) == []

    async def test_a_work_that_survives_its_own_commit_is_still_one_transaction(
        self, database: Database
    ) -> None:
        def work(tx: Transaction) -> None:
            add("undone")(tx)
            with pytest.raises(StorageError):
                tx.execute("COMMIT")
            raise Oops

        with pytest.raises(Oops):
            await database.write(work)
        assert await database.read(texts) == []

    async def test_a_read_cannot_change_anything(self, database: Database) -> None:
        with pytest.raises(StorageError):
            await database.read(lambda view: view.query("INSERT INTO kit_note (text) VALUES ('x')"))
        assert await database.read(texts) == []

    async def test_an_exception_comes_out_of_a_read(self, database: Database) -> None:
        def work(view: Reader) -> None:
            raise Oops

        with pytest.raises(Oops):
            await database.read(work)

    async def test_a_transaction_kept_after_its_work_is_refused(self, database: Database) -> None:
        kept = await database.write(lambda tx: tx)
        with pytest.raises(StorageError):
            kept.execute("INSERT INTO kit_note (text) VALUES ('late')")
        view = await database.read(lambda view: view)
        with pytest.raises(StorageError):
            view.query("SELECT 1")
        assert await database.read(texts) == []

    async def test_writes_of_one_task_happen_in_order(self, database: Database) -> None:
        for number in range(20):
            await database.write(add(str(number)))
        assert await database.read(texts) == [str(number) for number in range(20)]

    async def test_a_cancelled_call_neither_breaks_nor_halves_anything(self, database: Database) -> None:
        def pair(number: int) -> Callable[[Transaction], None]:
            def work(tx: Transaction) -> None:
                add(f"{number}")(tx)
                add(f"{number}")(tx)

            return work

        async def impatient(number: int) -> None:
            with trio.CancelScope() as scope:
                if number % 2:
                    scope.cancel()
                await database.write(pair(number))

        async with trio.open_nursery() as nursery:
            for number in range(30):
                nursery.start_soon(impatient, number)
        kept = await database.read(texts)
        assert {text: kept.count(text) for text in kept} == dict.fromkeys(kept, 2)
        assert {str(number) for number in range(0, 30, 2)} <= set(kept)

    async def test_known_hard_values_come_back_as_they_were(self, storage: Storage) -> None:
        table = Migration(1, "CREATE TABLE kit_any (value)")
        database = await storage.database("kit", [table])
        values = ["", "天\x00地", "🀄", b"", bytes(range(256)), 0, -(2**63), 2**63 - 1, 0.1, -1e308, None]

        def work(tx: Transaction) -> None:
            tx.execute_many("INSERT INTO kit_any VALUES (?)", [(value,) for value in values])

        await database.write(work)
        rows = await database.read(lambda view: view.query("SELECT value FROM kit_any ORDER BY rowid"))
        assert [row[0] for row in rows] == values

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(value=STORED_VALUES)
    async def test_any_value_comes_back_as_it_was(self, storage: Storage, value: Any) -> None:
        database = await storage.database("kit", [Migration(1, "CREATE TABLE kit_any (value)")])

        def work(tx: Transaction) -> Any:
            tx.execute("DELETE FROM kit_any")
            tx.execute("INSERT INTO kit_any VALUES (?)", (value,))
            return tx.one("SELECT value FROM kit_any")

        assert await database.write(work) == (value,)
        assert await database.read(lambda view: view.one("SELECT value FROM kit_any")) == (value,)
