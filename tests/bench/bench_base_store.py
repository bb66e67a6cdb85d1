"""Small documents a second, crash-safe and synced, against TinyDB's own storage, which syncs too.

Both sides serve a trio program: TinyDB is called through `trio.to_thread`, since a sync within the
loop would stop everything else for as long as the disk takes. `TinyDB without a thread` is what it
does when nothing else runs. TinyDB's file does not survive a crash while it is written; ours does.
And what encryption costs durable batches of the database.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from os import environ
from pathlib import Path
from typing import Any

import tinydb
import trio
from tinydb.storages import JSONStorage
from tulou_store.keys import Keys
from tulou_store.service import Store

from tests.bench.bench_store import PRODUCERS, SHARED_WRITES, TABLE, insert
from tests.bench.harness import Measurement, reported_in_turn
from tulou_contracts.storage import Migration

WRITES = 150  # a round and side
ROUNDS = 7


def measure() -> Iterator[Measurement]:
    """Seconds a document of each side, with 10 and with 1,000 documents stored."""
    for count in (10, 1_000):
        medians = reported_in_turn(
            {
                "tulou": lambda: in_folder(lambda folder: trio.run(ours, folder, count)),
                "TinyDB": lambda: in_folder(lambda folder: trio.run(theirs, folder, count)),
                "TinyDB without a thread": lambda: in_folder(lambda folder: alone(folder, count)),
            },
            rounds=ROUNDS,
        )
        ratio = medians["TinyDB"] / medians["tulou"]
        peer = {"TinyDB without a thread": medians["TinyDB"] / medians["TinyDB without a thread"]}
        name = f"documents a second, durable, {count} stored, times those of TinyDB's JSONStorage"
        yield Measurement(name, ratio, ">= 1", ratio >= 1, peer, medians)
    secret = Keys(bytes(range(32)), NoCipher())
    medians = reported_in_turn(
        {
            "encrypted": lambda: in_folder(lambda folder: trio.run(batches, folder, secret)),
            "plain": lambda: in_folder(lambda folder: trio.run(batches, folder, None)),
        },
        rounds=2 * ROUNDS,
    )
    ratio = medians["plain"] / medians["encrypted"]
    name = f"durable writes of {PRODUCERS} producers a second, encrypted / plain"
    yield Measurement(name, ratio, ">= 0.85", ratio >= 0.85, {}, medians)


class NoCipher:
    """The database does without; only documents would need one."""

    new_key = seal = open = derive_key = None


def in_folder(side: Callable[[Path], float]) -> float:
    """Run one side in a new folder."""
    with tempfile.TemporaryDirectory(dir=environ.get("TULOU_BENCH_FOLDER")) as name:
        return side(Path(name))


async def batches(folder: Path, keys: Keys | None) -> float:
    """Seconds a row of the store's database, with many who write at the same time."""
    store = Store(folder, keys=keys)
    async with store.running():
        database = await store.database("kit", [Migration(1, TABLE)])

        async def producer(number: int) -> None:
            work = insert(f"user-{number}@example.org")
            for _ in range(SHARED_WRITES):
                await database.write(work)

        begin = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for number in range(PRODUCERS):
                nursery.start_soon(producer, number)
        return (time.perf_counter() - begin) / PRODUCERS / SHARED_WRITES


def document(number: int) -> dict[str, Any]:
    """A setting of a room."""
    return {"width": 800, "名字": f"文档 {number}", "n": number}


async def ours(folder: Path, count: int) -> float:
    """Documents of the store."""
    store = Store(folder)
    async with store.running():
        documents = await store.documents("settings")
        for number in range(count):
            await documents.put(str(number), document(number))
        begin = time.perf_counter()
        for number in range(WRITES):
            await documents.put(str(number % count), document(number + 1))
        return (time.perf_counter() - begin) / WRITES


async def theirs(folder: Path, count: int) -> float:
    """TinyDB in a thread, as a trio program must call it."""
    table = filled(folder, count)
    begin = time.perf_counter()
    for number in range(WRITES):
        await trio.to_thread.run_sync(change, table, number, count)
    return (time.perf_counter() - begin) / WRITES


def alone(folder: Path, count: int) -> float:
    """TinyDB in a program that does nothing else."""
    table = filled(folder, count)
    begin = time.perf_counter()
    for number in range(WRITES):
        change(table, number, count)
    return (time.perf_counter() - begin) / WRITES


def filled(folder: Path, count: int) -> tinydb.table.Table:
    """A table with as many documents; JSONStorage flushes and syncs each write by itself."""
    table = tinydb.TinyDB(folder / "tiny.json", storage=JSONStorage).table("documents", cache_size=0)
    table.insert_multiple(map(document, range(count)))
    return table


def change(table: tinydb.table.Table, number: int, count: int) -> None:
    """Change one document."""
    table.update(document(number + 1), doc_ids=[number % count + 1])
