"""No room, and no right to write: a sentence, nothing lost, and all well again afterwards."""

import os
import subprocess
from functools import partial

import pytest
import trio

from tulou_contracts.storage import StorageError, StorageFull
from tulou_contracts.testing.storage import NOTES, add, gather, texts

FILLER = "满" * 20_000


def mount(*arguments):
    return subprocess.run(["mount", *arguments], capture_output=True).returncode == 0


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.name != "posix" or os.geteuid() != 0 or not mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", folder):
        pytest.skip("mounting a file system needs root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def fill(database):
    """Write until nothing fits any more; how many did."""
    for number in range(1000):
        try:
            await database.write(add(FILLER))
        except StorageFull as error:
            return number, str(error)
    raise AssertionError("it never got full")


async def test_a_quota_stops_writes_and_keeps_the_rest(open_store):
    async with open_store(quota_mb=1) as store:
        database = await store.database("kit", NOTES)
        count, sentence = await fill(database)
        assert count > 3 and "no room" in sentence and "profile.db" in sentence
        assert len(await database.read(texts)) == count
        await database.write(lambda tx: tx.execute("DELETE FROM kit_note"))
        await database.write(add("again"))
        assert await database.read(texts) == ["again"]


async def test_a_work_that_does_not_fit_is_undone_alone_or_says_so(open_store):
    async with open_store(quota_mb=1) as store:
        database = await store.database("kit", NOTES)

        def huge(tx):
            add("half")(tx)
            for _ in range(100):
                add(FILLER)(tx)

        outcomes = await gather(
            *[partial(database.write, work) for work in (add("a"), huge, add("b"), huge, add("c"))]
        )
        kept = await database.read(texts)
        assert isinstance(outcomes[1], StorageFull) and isinstance(outcomes[3], StorageFull)
        assert sorted(kept) == sorted(
            name for name, outcome in zip("a_b_c", outcomes) if outcome == 1
        )


async def test_a_work_that_swallows_the_fault_cannot_write_outside_a_transaction(open_store):
    async with open_store(quota_mb=1) as store:
        database = await store.database("kit", NOTES)

        def stubborn(tx):
            for _ in range(200):
                try:
                    add(FILLER)(tx)
                except StorageError:
                    pass
            raise ValueError

        with pytest.raises(ValueError):
            await database.write(stubborn)
        assert await database.read(texts) == []


async def test_a_full_disk(open_store, small_disk):
    async with open_store(small_disk) as store:
        database = await store.database("kit", NOTES)
        documents = await store.documents("settings")
        await documents.put("a", {"n": 1})
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(100_000))
        count, sentence = await fill(database)
        assert count > 3 and "no room" in sentence and "free some space" in sentence
        assert len(await database.read(texts)) == count
        with pytest.raises(OSError), (small_disk / "rest").open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
        with pytest.raises(StorageFull, match="settings.json"):
            await documents.put("b", {"text": FILLER})
        assert await documents.all() == {"a": {"n": 1}}
        ballast.unlink()
        await documents.put("b", {"n": 2})
    async with open_store(small_disk) as store:
        database = await store.database("kit", NOTES)
        assert len(await database.read(texts)) == count
        assert await (await store.documents("settings")).all() == {"a": {"n": 1}, "b": {"n": 2}}


async def test_a_disk_full_from_the_start(open_store, small_disk):
    with pytest.raises(OSError), (small_disk / "rest").open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    async with open_store(small_disk) as store:
        with pytest.raises(StorageFull, match="no room"):
            await store.database("kit", NOTES)
        (small_disk / "rest").unlink()
        database = await store.database("kit", NOTES)
        await database.write(add("now"))
        assert await database.read(texts) == ["now"]


async def test_a_read_only_disk(open_store, small_disk):
    async with open_store(small_disk) as store:
        await (await store.database("kit", NOTES)).write(add("kept"))
        await (await store.documents("settings")).put("a", {"n": 1})
    assert mount("-o", "remount,ro", small_disk)
    async with open_store(small_disk) as store:
        with pytest.raises(StorageFull, match="cannot be written"):
            await store.database("kit", NOTES)
        documents = await store.documents("settings")
        assert await documents.all() == {"a": {"n": 1}}
        with pytest.raises(StorageFull, match="cannot be written"):
            await documents.put("a", {"n": 2})
        with pytest.raises(StorageFull, match="cannot be written"):
            await documents.delete("a")
        assert await documents.all() == {"a": {"n": 1}}
    assert mount("-o", "remount,rw", small_disk)
    async with open_store(small_disk) as store:
        assert await (await store.database("kit", NOTES)).read(texts) == ["kept"]


async def test_another_program_in_the_way(store, tmp_path, monkeypatch):
    import sqlite3

    database = await store.database("kit", NOTES)
    await database.write(add("before"))
    other = sqlite3.connect(tmp_path / "profile.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.profile.writer._connection.set_busy_timeout(10)
    try:
        with trio.fail_after(60), pytest.raises(StorageError, match="in use by another program"):
            await database.write(add("blocked"))
    finally:
        other.close()
    await database.write(add("after"))
    assert await database.read(texts) == ["before", "after"]
