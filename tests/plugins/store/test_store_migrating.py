"""Migrations: a copy from before, refusal of what is newer, and what a failure or a kill leaves."""

import logging
import subprocess
import sys

import apsw
import pytest
from tulou_store import migrations as module

from tulou_contracts.storage import Migration, MigrationFailed, StorageFull
from tulou_contracts.testing.storage import NOTES, add, texts


def upcase(tx):
    for number, text in tx.query("SELECT id, text FROM kit_note"):
        tx.execute("UPDATE kit_note SET text = ? WHERE id = ?", (text.upper(), number))


WITH_WORK = (*NOTES, Migration(3, "ALTER TABLE kit_note ADD COLUMN more TEXT", upcase))


def rows(path):
    connection = apsw.Connection(str(path))
    found = connection.execute("SELECT text FROM kit_note ORDER BY id").fetchall()
    connection.close()
    return [text for (text,) in found]


def copies(folder):
    return sorted(path.name for path in (folder / "before-migrations").glob("*"))


async def begin(open_store):
    async with open_store() as store:
        database = await store.database("kit", NOTES)
        for text in ("a", "塔楼"):
            await database.write(add(text))


async def test_a_step_may_be_a_function_and_a_copy_from_before_is_kept(open_store, tmp_path):
    await begin(open_store)
    assert not (tmp_path / "before-migrations").exists()  # nothing was migrated but an empty file
    async with open_store() as store:
        assert await (await store.database("kit", WITH_WORK)).read(texts) == ["A", "塔楼"]
    assert copies(tmp_path) == ["kit-2-to-3.db"]
    assert rows(tmp_path / "before-migrations" / "kit-2-to-3.db") == ["a", "塔楼"]


async def test_only_the_newest_copy_is_kept_once_a_migration_succeeds(open_store, tmp_path):
    await begin(open_store)
    bad = Migration(3, work=lambda tx: tx.execute("nonsense"))
    for _ in range(3):
        async with open_store() as store:
            with pytest.raises(MigrationFailed, match="3.*nonsense"):
                await store.database("kit", (*NOTES, bad))
    assert copies(tmp_path) == ["kit-2-to-3.db"]
    good = (*WITH_WORK, Migration(4, "SELECT 1"))
    async with open_store() as store:
        await store.database("kit", good)
    assert copies(tmp_path) == ["kit-2-to-4.db"]


@pytest.mark.parametrize("work", [
    lambda tx: 1 / 0,
    lambda tx: tx.execute("COMMIT"),
    lambda tx: tx.execute("CREATE TABLE im_message (id)"),
    lambda tx: [upcase(tx), tx.execute("INSERT INTO kit_nowhere VALUES (1)")],
], ids=["defect", "commit", "foreign table", "half done"])
async def test_a_function_that_fails_changes_nothing(open_store, work):
    await begin(open_store)
    async with open_store() as store:
        with pytest.raises(MigrationFailed, match="nothing was changed"):
            await store.database("kit", (*NOTES, Migration(3, "ALTER TABLE kit_note ADD COLUMN m", work)))
        assert await (await store.database("kit", NOTES)).read(texts) == ["a", "塔楼"]


async def test_no_room_for_the_copy_is_told_and_nothing_is_migrated(open_store, monkeypatch):
    await begin(open_store)
    usage = module.snapshots.shutil.disk_usage
    async with open_store() as store:
        with monkeypatch.context() as patch:
            patch.setattr(module.snapshots.shutil, "disk_usage", lambda path: usage(path)._replace(free=10))
            with pytest.raises(StorageFull, match="no room"):
                await store.database("kit", WITH_WORK)
        assert await (await store.database("kit", NOTES)).read(texts) == ["a", "塔楼"]


async def test_a_long_migration_says_that_it_goes_on(open_store, monkeypatch, caplog):
    await begin(open_store)
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    monkeypatch.setattr(module, "_STEPS", 10)
    with caplog.at_level(logging.INFO):
        async with open_store() as store:
            await store.database("kit", WITH_WORK)
    assert "from version 2 to 3, for 0 seconds now" in caplog.text
    assert "was brought from version 2 to 3 in" in caplog.text


KILLED = """
import os, sys, trio
from pathlib import Path
from tulou_store.service import Store
from tulou_contracts.storage import Migration
from tulou_contracts.testing.storage import NOTES

def work(tx):
    for number in range(20000):
        tx.execute("INSERT INTO kit_note (text) VALUES (?)", ("half " * 100,))
    print("half", flush=True)
    sys.stdin.read()

async def main():
    store = Store(Path(sys.argv[1]))
    async with store.running():
        await store.database("kit", (*NOTES, Migration(3, "CREATE TABLE kit_new (id)", work)))

trio.run(main)
"""


async def test_a_kill_in_the_middle_leaves_the_former_state(open_store, tmp_path):
    await begin(open_store)
    command = [sys.executable, "-c", KILLED, tmp_path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"half\n"
        process.kill()
    async with open_store() as store:
        assert await (await store.database("kit", NOTES)).read(texts) == ["a", "塔楼"]
        await store.database("kit", (*NOTES, Migration(3, "CREATE TABLE kit_new (id)")))
