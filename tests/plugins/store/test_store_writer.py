"""Group commit: sharing, isolation, cancelling, stopping."""

import threading
from functools import partial

import apsw
import pytest
import trio
import trio.testing
from tulou_store.config import Config
from tulou_store.service import Store

from tulou_contracts.storage import Migration, StorageError, Transaction
from tulou_contracts.testing.storage import NOTES, Oops, add, gather, texts


class Valve:
    """Keeps the writer thread busy inside a work until opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def work(self, tx: Transaction) -> str:
        self.entered.set()
        assert self.open.wait(30)
        return "through"

    async def wait_entered(self) -> None:
        await trio.to_thread.run_sync(self.entered.wait)


@pytest.fixture
async def threaded(tmp_path):
    store = Store(tmp_path, Config(threads=True))
    async with store.running():
        yield store


async def test_256_producers_share_commits(store):
    database = await store.database("kit", NOTES)

    async def producer(number):
        for _ in range(4):
            await database.write(add(str(number)))

    async with trio.open_nursery() as nursery:
        for number in range(256):
            nursery.start_soon(producer, number)
    writer = store.profile.writer
    assert writer.works == 1024
    assert writer.commits < writer.works / 8
    assert len(await database.read(texts)) == 1024


async def test_a_batch_is_never_larger_than_configured(open_store):
    async with open_store(batch=10) as store:
        database = await store.database("kit", NOTES)
        await gather(*[partial(database.write, add(str(number))) for number in range(100)])
        assert store.profile.writer.commits >= 10


async def test_an_acknowledged_write_is_committed_and_visible_elsewhere(store, tmp_path):
    database = await store.database("kit", NOTES)
    await database.write(add("甲"))
    other = apsw.Connection(str(tmp_path / "profile.db"), flags=apsw.SQLITE_OPEN_READONLY)
    assert other.execute("SELECT text FROM kit_note").fetchall() == [("甲",)]
    assert other.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    other.close()


async def test_nothing_is_acknowledged_before_the_commit(threaded, monkeypatch):
    monkeypatch.setattr("tulou_store.writer._LONGEST", float("inf"))
    database = await threaded.database("kit", NOTES)
    valve, acknowledged = Valve(), []

    async def write(work):
        acknowledged.append(await database.write(work))

    async with trio.open_nursery() as nursery:
        first = Valve()
        nursery.start_soon(write, first.work)
        await first.wait_entered()  # the next two will share a transaction
        nursery.start_soon(write, add("early"))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(write, valve.work)
        await trio.testing.wait_all_tasks_blocked()
        first.open.set()
        await valve.wait_entered()
        await trio.testing.wait_all_tasks_blocked()
        assert acknowledged == ["through"]
        assert await database.read(texts) == []
        valve.open.set()
    assert acknowledged[0] == "through" and set(acknowledged[1:]) == {1, "through"}


async def test_a_write_cancelled_while_it_waits_is_left_out(threaded):
    database = await threaded.database("kit", NOTES)
    valve = Valve()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(database.write, valve.work)
        await valve.wait_entered()
        with trio.CancelScope() as scope:
            nursery.start_soon(cancel_when_blocked, scope)
            await database.write(add("never begun"))
        assert scope.cancelled_caught
        nursery.start_soon(database.write, add("after"))
        valve.open.set()
    assert await database.read(texts) == ["after"]


async def test_a_write_cancelled_after_it_began_is_kept_whole(threaded):
    database = await threaded.database("kit", NOTES)
    valve = Valve()

    def work(tx):
        add("one")(tx)
        valve.work(tx)
        add("two")(tx)

    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            nursery.start_soon(cancel_when_entered, scope, valve)
            await database.write(work)
        assert scope.cancelled_caught
        valve.open.set()
    await database.write(add("three"))
    assert await database.read(texts) == ["one", "two", "three"]


async def cancel_when_blocked(scope):
    await trio.testing.wait_all_tasks_blocked()
    scope.cancel()


async def cancel_when_entered(scope, valve):
    await valve.wait_entered()
    scope.cancel()


async def test_a_cancelled_caller_writes_nothing(store):
    database = await store.database("kit", NOTES)
    with trio.CancelScope() as scope:
        scope.cancel()
        await database.write(add("no"))
    assert await database.read(texts) == []


async def test_stopping_finishes_what_was_accepted(open_store):
    outcomes = []

    async def write(database, number):
        outcomes.append(await database.write(add(str(number))))

    async with trio.open_nursery() as callers:
        async with open_store() as store:
            database = await store.database("kit", NOTES)
            for number in range(50):
                callers.start_soon(write, database, number)
            await trio.lowlevel.checkpoint()
    assert outcomes == [1] * 50
    async with open_store() as store:
        database = await store.database("kit", NOTES)
        assert len(await database.read(texts)) == 50


async def test_stopping_by_cancellation_finishes_what_was_accepted_too(open_store):
    outcomes = []

    async def write(database, number):
        outcomes.append(await database.write(add(str(number))))

    async with trio.open_nursery() as callers:
        with trio.CancelScope() as life:
            async with open_store() as store:
                database = await store.database("kit", NOTES)
                for number in range(50):
                    callers.start_soon(write, database, number)
                await trio.lowlevel.checkpoint()
                life.cancel()
                await trio.sleep_forever()
    assert outcomes == [1] * 50


async def test_a_stopped_store_refuses_with_a_sentence(open_store):
    async with open_store() as store:
        database = await store.database("kit", NOTES)
        documents = await store.documents("settings")
    for call in (
        lambda: database.write(add("late")),
        lambda: database.read(texts),
        lambda: store.database("kit", NOTES),
        lambda: store.documents("settings"),
        lambda: documents.put("a", {}),
        lambda: documents.get("a"),
    ):
        with pytest.raises(StorageError, match="has stopped"):
            await call()


async def test_stopping_leaves_one_file_and_no_log(open_store, tmp_path):
    async with open_store() as store:
        database = await store.database("kit", NOTES)
        await database.write(add("x"))
        await database.read(texts)
    assert [path.name for path in tmp_path.iterdir()] == ["profile.db"]


async def test_a_write_inside_a_write_is_refused_instead_of_waiting_for_itself(threaded):
    database = await threaded.database("kit", NOTES)

    def work(tx):
        trio.from_thread.run(database.write, add("inner"))

    with trio.fail_after(30), pytest.raises(StorageError, match="inside a write"):
        await database.write(work)


async def test_an_async_work_is_refused(store):
    database = await store.database("kit", NOTES)

    async def work(tx):
        raise AssertionError

    with pytest.raises(StorageError, match="plain function"):
        await database.write(work)
    with pytest.raises(StorageError, match="plain function"):
        await database.read(work)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT OR ROLLBACK INTO kit_note (id, text) VALUES (1, 'x')",
        "CREATE TABLE kit_bad (id INTEGER UNIQUE ON CONFLICT ROLLBACK)",
        "CREATE TRIGGER kit_bad BEFORE INSERT ON kit_note BEGIN SELECT RAISE( ROLLBACK, 'no'); END",
        "PRAGMA synchronous = OFF",
        "PRAGMA writable_schema = 1",
        "ATTACH ':memory:' AS other",
        "VACUUM",
        "SAVEPOINT work",
        "RELEASE work",
        "ROLLBACK TO work",
        "BEGIN IMMEDIATE",
    ],
)
async def test_statements_that_reach_beyond_the_work_are_refused(store, sql):
    database = await store.database("kit", NOTES)
    await database.write(add("x"))

    def sly(tx):
        add("undone")(tx)
        tx.execute(sql)

    outcomes = await gather(
        partial(database.write, add("before")),
        partial(database.write, sly),
        partial(database.write, add("after")),
    )
    assert isinstance(outcomes[1], StorageError)
    assert outcomes[0] == outcomes[2] == 1
    assert sorted(await database.read(texts)) == ["after", "before", "x"]


async def test_words_in_quotes_are_no_statements(store):
    database = await store.database("kit", NOTES)
    text = "insert or rollback; on conflict rollback;"
    await database.write(lambda tx: tx.execute(f"INSERT INTO kit_note (text) VALUES ('{text}');"))
    assert await database.read(texts) == [text]


async def test_a_deferred_violation_harms_only_its_author(store):
    tables = """
        CREATE TABLE kit_parent (id INTEGER PRIMARY KEY);
        CREATE TABLE kit_child (parent REFERENCES kit_parent DEFERRABLE INITIALLY DEFERRED);
    """
    database = await store.database("kit", [Migration(1, tables)])

    def orphan(tx):
        tx.execute("INSERT INTO kit_child VALUES (99)")

    def family(tx):
        tx.execute("INSERT INTO kit_child VALUES (1)")
        tx.execute("INSERT INTO kit_parent VALUES (1)")

    outcomes = await gather(*[partial(database.write, work) for work in (orphan, family, orphan)])
    assert [isinstance(each, StorageError) for each in outcomes] == [True, False, True]
    rows = await database.read(lambda view: view.query("SELECT parent FROM kit_child"))
    assert rows == [(1,)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError])
async def test_no_exception_of_a_work_stops_the_writer(store, error):
    database = await store.database("kit", NOTES)

    def work(tx):
        add("undone")(tx)
        raise error

    with pytest.raises(error):
        await database.write(work)
    await database.write(add("next"))
    assert await database.read(texts) == ["next"]


async def test_a_virtual_clock_does_not_run_while_the_store_works_inline(tmp_path, autojump_clock):
    store = Store(tmp_path, Config(threads=False))
    async with store.running():
        before = trio.current_time()
        database = await store.database("kit", NOTES)
        await gather(*[partial(database.write, add(str(number))) for number in range(20)])
        assert len(await database.read(texts)) == 20
        await (await store.documents("settings")).put("a", {})
        assert trio.current_time() == before


async def test_stores_of_several_profiles_run_side_by_side(open_store, tmp_path):
    folders = [tmp_path / name for name in ("a", "b", "c")]
    async with trio.open_nursery() as nursery:
        for folder in folders:
            folder.mkdir()
            nursery.start_soon(live, open_store, folder)


async def live(open_store, folder):
    async with open_store(folder) as store:
        database = await store.database("kit", NOTES)
        for _ in range(5):
            await database.write(add(folder.name))
        assert await database.read(texts) == [folder.name] * 5


async def test_fts5_works_in_a_namespace(store):
    script = "CREATE VIRTUAL TABLE kit_fts USING fts5(text, tokenize='trigram')"
    database = await store.database("kit", [Migration(1, script)])
    insert = "INSERT INTO kit_fts VALUES ('土楼里的消息')"
    await gather(*[partial(database.write, lambda tx: tx.execute(insert)) for _ in range(3)])
    found = await database.read(lambda v: v.one("SELECT count(*) FROM kit_fts WHERE kit_fts MATCH '土楼里'"))
    assert found == (3,)


@pytest.mark.parametrize("name", ["", "Im", "im-x", "1im", "im_", "store", "sqlite", "消息", "im;"])
async def test_unfit_namespaces_are_refused(store, name):
    with pytest.raises(StorageError, match="namespace"):
        await store.database(name, [])


async def test_a_table_without_its_namespace_is_refused(store):
    with pytest.raises(StorageError, match="must be named kit_"):
        await store.database("kit", [Migration(1, "CREATE TABLE message (id)")])


async def test_the_error_of_one_statement_names_it(store):
    database = await store.database("kit", NOTES)
    with pytest.raises(StorageError, match=r"no such table: kit_nope .*SELECT \* FROM kit_nope"):
        await database.read(lambda view: view.query("SELECT *\n  FROM kit_nope"))


async def test_oops_after_catching_a_failure(store):
    database = await store.database("kit", NOTES)

    def work(tx):
        try:
            tx.execute("INSERT INTO kit_note (text) VALUES (NULL)")
        except StorageError:
            add("caught")(tx)
        raise Oops

    with pytest.raises(Oops):
        await database.write(work)
    assert await database.read(texts) == []
