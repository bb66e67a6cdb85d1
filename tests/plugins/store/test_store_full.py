"""No room, and no right to write: a sentence, nothing lost, and all well again afterwards."""

import os
import subprocess
import sys
from functools import partial

import pytest

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


async def test_nine_tenths_of_the_quota_are_told_once(open_store):
    events = []
    async with open_store(quota_mb=2, publish=events.append) as store:
        database = await store.database("kit", NOTES)
        await fill(database)
        (event,) = events
        assert 0.9 * event.allowed < event.used <= event.allowed == 2 * 1024 * 1024
        for _ in range(40):
            await database.write(lambda tx: tx.execute("DELETE FROM kit_note"))
        await fill(database)
        assert len(events) == 2


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
        assert sorted(kept) == [name for name, outcome in zip("a_b_c", outcomes) if outcome == 1]


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


IN_THE_WAY = """
import apsw, sys
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


async def test_another_program_in_the_way(store, tmp_path):
    database = await store.database("kit", NOTES)
    await database.write(add("before"))
    store.profile.writer._connection.set_busy_timeout(10)
    # a program of its own: within one process POSIX locks do not conflict
    command = [sys.executable, "-c", IN_THE_WAY, tmp_path / "profile.db"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(StorageError, match="in use by another program"):
            await database.write(add("blocked"))
        other.stdin.close()
    await database.write(add("after"))
    assert await database.read(texts) == ["before", "after"]


@pytest.mark.parametrize("unfinished", [False, True])
def test_a_check_looks_only_so_a_disk_that_cannot_be_written_is_no_fault(small_disk, tmp_path, unfinished):
    make = ("import os, sys, trio\nfrom tulou import Composition, Kernel\n"
            "from tulou_contracts.storage import Storage\n"
            "from tulou_contracts.testing.storage import NOTES, add\n"
            "async def main():\n"
            "    async with Kernel(Composition.of('store'), profile=sys.argv[1]).running() as kernel:\n"
            "        database = await kernel.service(Storage).database('kit', NOTES)\n"
            "        await database.write(add('字'))\n"
            "        os._exit(0) if sys.argv[2] else None\n"
            "trio.run(main)\n")
    profile = small_disk / "我 的#?%41"
    subprocess.run([sys.executable, "-c", make, profile, "killed" if unfinished else ""], check=True)
    assert (profile / "store" / "profile.db-wal").exists() is unfinished
    assert mount("-o", "remount,ro", small_disk)
    for name, answer in (("check", "nothing wrong"), ("usage", "kit")):
        done = subprocess.run([sys.executable, "-m", "tulou", "store", name, profile], capture_output=True,
                              text=True, cwd=tmp_path)
        assert done.returncode == 0 and answer in done.stdout, done
    done = subprocess.run([sys.executable, "-m", "tulou", "store", "compact", profile], capture_output=True,
                          text=True, cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr


def test_a_limit_on_the_size_of_files_is_no_room(tmp_path):
    program = ("import resource, sys, trio\nfrom pathlib import Path\nfrom tulou_store.service import Store\n"
               "from tulou_contracts.storage import StorageFull\n"
               "from tulou_contracts.testing.storage import NOTES, add\n"
               "async def main():\n"
               "    async with (store := Store(Path(sys.argv[1]))).running():\n"
               "        database = await store.database('kit', NOTES)\n"
               "        await database.write(add('kept'))\n"
               "        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, -1))\n"
               "        try:\n"
               "            for _ in range(50): await database.write(add('满' * 20_000))\n"
               "        except StorageFull as error:\n"
               "            print(error)\n"
               "trio.run(main)\n")
    pytest.importorskip("resource")
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0 and "no room" in done.stdout, done
