"""Conformance of `Storage`: what every room relies on.

Subclass the suite in a test module and define its fixture::

    class TestMine(StorageConformance):
        @pytest.fixture
        def open_storage(self, tmp_path):
            return lambda: MyStorage.opened(tmp_path)   # an async context manager giving a Storage

`open_storage` may be called several times in one test, one after the other: the data stays. An
implementation that cannot be opened again defines the fixture `storage` alone; the tests that
need a second opening are then skipped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tulou_contracts.storage import (
    Database,
    Document,
    Migration,
    MigrationFailed,
    Reader,
    Row,
    Storage,
    StorageError,
    Transaction,
)

OpenStorage = Callable[[], AbstractAsyncContextManager[Storage]]

NOTES = (
    Migration(1, "CREATE TABLE kit_note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)"),
    Migration(2, "ALTER TABLE kit_note ADD COLUMN stars INTEGER NOT NULL DEFAULT 0"),
)
"""A schema for tests, in the namespace ``kit``."""

STORED_VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8")),
    st.binary(),
)
"""What a column gives back as it was put in."""


class Oops(Exception):
    """Raised by works in these tests."""


def add(text: str) -> Callable[[Transaction], int]:
    """A work that inserts one note."""
    return lambda tx: tx.execute("INSERT INTO kit_note (text) VALUES (?)", (text,))


def texts(view: Reader) -> list[str]:
    """All notes in order of insertion."""
    return [text for (text,) in view.query("SELECT text FROM kit_note ORDER BY id")]


async def gather(*calls: Callable[[], Any]) -> list[Any]:
    """Run all at once; results, or the exceptions raised, in order."""
    outcomes: list[Any] = [None] * len(calls)

    async def one(index: int) -> None:
        try:
            outcomes[index] = await calls[index]()
        except Exception as error:
            outcomes[index] = error

    async with trio.open_nursery() as nursery:
        for index in range(len(calls)):
            nursery.start_soon(one, index)
    return outcomes


class _Fixtures:
    @pytest.fixture
    def open_storage(self) -> OpenStorage:
        pytest.skip("this implementation cannot be opened twice")

    @pytest.fixture
    async def storage(self, open_storage: OpenStorage) -> AsyncIterator[Storage]:
        async with open_storage() as opened:
            yield opened

    @pytest.fixture
    async def database(self, storage: Storage) -> Database:
        return await storage.database("kit", NOTES)


class DatabaseConformance(_Fixtures):
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


class MigrationConformance(_Fixtures):
    """Schemas of namespaces."""

    async def test_steps_run_once_in_order(self, open_storage: OpenStorage) -> None:
        for upto in (1, 1, 2, 2):
            async with open_storage() as storage:
                database = await storage.database("kit", NOTES[:upto])
                await database.write(add(f"with {upto}"))
        async with open_storage() as storage:
            database = await storage.database("kit", NOTES)
            assert await database.read(texts) == ["with 1", "with 1", "with 2", "with 2"]

    async def test_a_newer_schema_is_refused_naming_both_versions(self, open_storage: OpenStorage) -> None:
        async with open_storage() as storage:
            await storage.database("kit", NOTES)
        async with open_storage() as storage:
            with pytest.raises(MigrationFailed, match=r"(?s)2.*1"):
                await storage.database("kit", NOTES[:1])
            await (await storage.database("kit", NOTES)).write(add("still fine"))

    async def test_a_failing_step_is_named_and_nothing_is_changed(self, storage: Storage) -> None:
        broken = (*NOTES, Migration(3, "CREATE TABLE kit_more (id); INSERT INTO kit_nowhere VALUES (1)"))
        with pytest.raises(MigrationFailed, match="3"):
            await storage.database("kit", broken)
        fixed = (*NOTES, Migration(3, "CREATE TABLE kit_more (id)"))
        database = await storage.database("kit", fixed)
        assert await database.read(lambda view: view.query("SELECT * FROM kit_more")) == []

    @pytest.mark.parametrize("versions", [(1, 3), (1, 1), (2, 1), (0, 1), (2,)])
    async def test_gaps_and_repetitions_are_refused(self, storage: Storage, versions: tuple[int]) -> None:
        with pytest.raises(MigrationFailed):
            await storage.database("kit", [Migration(version, "SELECT 1") for version in versions])

    async def test_a_step_cannot_commit_by_itself(self, storage: Storage) -> None:
        script = "CREATE TABLE kit_early (id); COMMIT; SELECT * FROM kit_nowhere"
        with pytest.raises(MigrationFailed):
            await storage.database("kit", [Migration(1, script)])
        database = await storage.database("kit", [Migration(1, "CREATE TABLE kit_early (id)")])
        assert await database.read(lambda view: view.query("SELECT * FROM kit_early")) == []

    async def test_namespaces_are_versioned_apart_and_share_transactions(self, storage: Storage) -> None:
        notes = await storage.database("kit", NOTES)
        keys = await storage.database("kit2", [Migration(1, "CREATE TABLE kit2_key (id)")])

        def work(tx: Transaction) -> None:
            add("sealed")(tx)
            tx.execute("INSERT INTO kit2_key VALUES (1)")
            raise Oops

        with pytest.raises(Oops):
            await notes.write(work)
        assert await notes.read(texts) == []
        assert await keys.read(lambda view: view.query("SELECT * FROM kit2_key")) == []


class DocumentsConformance(_Fixtures):
    """Small documents."""

    async def test_put_get_replace_delete(self, storage: Storage) -> None:
        documents = await storage.documents("settings")
        assert await documents.get("窗口") is None
        await documents.put("窗口", {"宽": 800, "old": True})
        await documents.put("窗口", {"宽": 900, "nested": {"list": [1, 2.5, None, "字"]}})
        await documents.put("", {})
        expected: dict[str, Document] = {"窗口": {"宽": 900, "nested": {"list": [1, 2.5, None, "字"]}}, "": {}}
        assert await documents.all() == expected
        assert await documents.get("窗口") == expected["窗口"]
        await documents.delete("窗口")
        await documents.delete("never there")
        assert await documents.all() == {"": {}}

    async def test_sets_are_apart_and_the_same_name_is_the_same_set(self, storage: Storage) -> None:
        one, other = await storage.documents("one"), await storage.documents("other")
        await one.put("a", {"n": 1})
        assert await other.all() == {}
        assert await (await storage.documents("one")).all() == {"a": {"n": 1}}

    async def test_documents_stay(self, open_storage: OpenStorage) -> None:
        async with open_storage() as storage:
            await (await storage.documents("settings")).put("语言", {"code": "zh"})
        async with open_storage() as storage:
            assert await (await storage.documents("settings")).all() == {"语言": {"code": "zh"}}

    async def test_what_is_handed_out_or_in_is_a_copy(self, storage: Storage) -> None:
        documents = await storage.documents("settings")
        given: Document = {"list": [1]}
        await documents.put("a", given)
        given["list"].append(2)
        got = await documents.get("a")
        assert got == {"list": [1]}
        got["list"].append(3)
        (await documents.all())["a"]["list"].append(4)
        assert await documents.get("a") == {"list": [1]}

    @pytest.mark.parametrize(
        "document", [{"a": object()}, {"a": float("nan")}, {"a": "\ud800"}, {"a": b"bytes"}, ["no dict"]]
    )
    async def test_what_json_cannot_hold_is_refused(self, storage: Storage, document: Any) -> None:
        documents = await storage.documents("settings")
        await documents.put("a", {"n": 1})
        with pytest.raises(StorageError):
            await documents.put("a", document)
        assert await documents.all() == {"a": {"n": 1}}

    async def test_puts_at_the_same_time_all_stay(self, storage: Storage) -> None:
        documents = await storage.documents("settings")
        calls = [partial(documents.put, str(n), {"n": n}) for n in range(10)]
        assert await gather(*calls) == [None] * 10
        assert await documents.all() == {str(n): {"n": n} for n in range(10)}

    @pytest.mark.parametrize("name", ["", "../up", "a/b", "a\\b", ".", "a\x00b"])
    async def test_names_that_lead_elsewhere_are_refused(self, storage: Storage, name: str) -> None:
        with pytest.raises(StorageError):
            await storage.documents(name)


class StorageConformance(DatabaseConformance, MigrationConformance, DocumentsConformance):
    """All of it."""
