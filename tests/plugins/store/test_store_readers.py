"""Reads: consistent, concurrent with writes, interruptible."""

import threading

import pytest
import trio
import trio.testing
from tulou_store.config import Config
from tulou_store.service import Store

from tulou_contracts.storage import StorageError
from tulou_contracts.testing.storage import NOTES, add, texts

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
async def store(tmp_path):
    opened = Store(tmp_path, Config(readers=1))
    async with opened.running():
        yield opened


async def test_a_read_sees_one_state_though_writes_go_on(store):
    database = await store.database("kit", NOTES)
    await database.write(add("old"))
    looked, written = threading.Event(), threading.Event()

    def twice(view):
        first = texts(view)
        looked.set()
        assert written.wait(30)
        return first, texts(view)

    async with trio.open_nursery() as nursery:

        async def write():
            await trio.to_thread.run_sync(looked.wait)
            await database.write(add("new"))
            written.set()

        nursery.start_soon(write)
        assert await database.read(twice) == (["old"], ["old"])
    assert await database.read(texts) == ["old", "new"]


async def test_cancelling_interrupts_the_query_and_the_next_one_is_unharmed(store):
    database = await store.database("kit", NOTES)
    with trio.fail_after(60):
        for _ in range(5):
            begun = threading.Event()

            def endless(view, begun=begun):
                begun.set()
                return view.query(ENDLESS)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(database.read, endless)
                await trio.to_thread.run_sync(begun.wait)
                nursery.cancel_scope.cancel()
            assert await database.read(lambda view: view.one("SELECT 1")) == (1,)


async def test_an_interrupted_work_cannot_go_on(store):
    database = await store.database("kit", NOTES)
    begun, reached = threading.Event(), []

    def stubborn(view):
        begun.set()
        try:
            view.query(ENDLESS)
        except StorageError:
            reached.append("caught")
        view.query("SELECT 1")
        reached.append("too far")

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database.read, stubborn)
            await trio.to_thread.run_sync(begun.wait)
            nursery.cancel_scope.cancel()
    assert reached in (["caught"], [])


async def test_a_read_cancelled_before_it_began_never_runs(store):
    database = await store.database("kit", NOTES)
    begun, leave, ran = threading.Event(), threading.Event(), []

    def busy(view):
        begun.set()
        assert leave.wait(30)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(database.read, busy)
        await trio.to_thread.run_sync(begun.wait)
        async with trio.open_nursery() as waiting:
            waiting.start_soon(database.read, lambda view: ran.append(1))
            await trio.testing.wait_all_tasks_blocked()
            waiting.cancel_scope.cancel()
        leave.set()
    await database.read(texts)
    assert ran == []


async def test_the_log_does_not_grow_without_end_while_reads_go_on(store, tmp_path):
    database = await store.database("kit", NOTES)
    for _ in range(60):
        await database.write(add("字" * 100_000))
        await database.read(lambda view: view.one("SELECT count(*) FROM kit_note"))
    assert (tmp_path / "profile.db-wal").stat().st_size < 8_000_000
