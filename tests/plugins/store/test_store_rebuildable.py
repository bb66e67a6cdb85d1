"""Files that can be rebuilt: thrown away rather than repaired, and their owner is told."""

import pytest

from tulou_contracts.storage import Migration, MigrationFailed, StorageError
from tulou_contracts.testing.storage import NOTES, add, texts

NEWER = (*NOTES, Migration(3, "CREATE TABLE kit_more (id)"))


async def fill(open_store):
    async with open_store() as store:
        index = await store.rebuildable("kit", NOTES)
        assert index.stale and index.repair is None
        for _ in range(50):
            await index.write(add("字" * 200))
        await index.filled()
        assert not index.stale


async def stale(open_store, migrations=NOTES):
    async with open_store() as store:
        index = await store.rebuildable("kit", migrations)
        assert (await index.read(texts) == []) is index.stale
        return index.stale


async def test_it_stays_when_nothing_is_wrong_and_is_a_file_of_its_own(open_store, tmp_path):
    await fill(open_store)
    assert not await stale(open_store)
    assert not await stale(open_store, NEWER)
    assert [path.name for path in (tmp_path / "rebuildable").iterdir()] == ["kit.db"]
    assert not (tmp_path / "profile.db").exists()
    async with open_store() as store:
        await store.rebuildable("kit", NEWER)
        assert store._files["kit"].writer._connection.pragma("synchronous") == 1


@pytest.mark.parametrize("spoil", [
    lambda path: path.write_bytes(b"a letter " * 1000),
    lambda path: path.write_bytes(path.read_bytes()[:4096]),
    lambda path: path.unlink(),
], ids=["other file", "cut", "gone"])
async def test_a_damaged_file_is_thrown_away_and_the_owner_fills_it(open_store, tmp_path, spoil):
    await fill(open_store)
    path = tmp_path / "rebuildable" / "kit.db"
    spoil(path)
    path.with_name("kit.db.check").touch()
    assert await stale(open_store)
    assert await stale(open_store)  # the owner has not filled it yet
    assert not list(path.parent.glob("*damaged*"))
    await fill_again(open_store)
    assert not await stale(open_store)


async def fill_again(open_store):
    async with open_store() as store:
        index = await store.rebuildable("kit", NOTES)
        await index.write(add("x"))
        await index.filled()


async def test_a_newer_file_is_thrown_away(open_store):
    async with open_store() as store:
        await (await store.rebuildable("kit", NEWER)).filled()
    assert await stale(open_store)


async def test_a_file_that_a_step_fails_on_is_made_anew_and_a_step_that_always_fails_is_told(open_store):
    await fill(open_store)
    once = (*NOTES, Migration(3, "CREATE TABLE kit_more (id INTEGER CHECK (id > 9));"
                                 "INSERT INTO kit_more SELECT count(*) + 10 - 50 FROM kit_note"))
    async with open_store() as store:
        with pytest.raises(MigrationFailed, match="migration 3"):
            await store.rebuildable("kit", (*NOTES, Migration(3, "nonsense")))
    await fill(open_store)
    once = (*NOTES, Migration(3, work=lambda tx: 1 / len([] if texts(tx) else [1])))
    assert await stale(open_store, once)


async def test_after_the_end_it_refuses(open_store):
    async with open_store() as store:
        pass
    with pytest.raises(StorageError, match="stopped"):
        await store.rebuildable("kit", NOTES)
