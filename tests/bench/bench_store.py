"""What a durable write costs: 256 producers that share commits, against a transaction for each.

The peer is plain SQLite on the same disk with the same settings (WAL, synchronous FULL) and rows.
``TULOU_BENCH_FOLDER`` names a folder on the disk to be measured, where /tmp is kept in memory.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import quantiles

import apsw
import trio
from tulou_store.service import Store

from tests.bench.harness import Measurement, reported_in_turn
from tulou_contracts.storage import Migration, Transaction

PRODUCERS = 256
SHARED_WRITES = 80  # a producer and round
ALONE_WRITES = 1_000  # a round
BATCH = 500
FASTER = 15.0
SLOWEST = 0.015  # seconds
TABLE = "CREATE TABLE kit_message (id INTEGER PRIMARY KEY, sender TEXT, body TEXT)"
INSERT = "INSERT INTO kit_message (sender, body) VALUES (?, ?)"
BODY = "明天上午十点在三楼会议室开会，请带上季度报告。See you there!"


def measure() -> Iterator[Measurement]:
    """The store's figures; each side reports its seconds a row."""
    waits: list[float] = []
    medians = reported_in_turn(
        {
            "tulou": lambda: in_folder(lambda folder: trio.run(shared, folder, waits)),
            "a transaction a row": lambda: in_folder(lambda folder: plain(folder, ALONE_WRITES, 1)),
            f"{BATCH} rows a transaction": lambda: in_folder(
                lambda folder: plain(folder, PRODUCERS * SHARED_WRITES, BATCH)
            ),
        },
        rounds=5,
    )
    floor = medians["a transaction a row"]
    ratio = floor / medians["tulou"]
    bound = {"no producers at all": floor / medians[f"{BATCH} rows a transaction"]}
    name = f"durable writes of {PRODUCERS} producers, times faster than a transaction each"
    yield Measurement(name, ratio, f">= {FASTER:g}", ratio >= FASTER, bound, medians)

    slowest = quantiles(waits, n=20)[-1]
    name = f"durable write, p95 of {PRODUCERS} producers / 15 ms"
    yield Measurement(name, slowest / SLOWEST, "<= 1", slowest <= SLOWEST, {}, {"p95": slowest})


def in_folder(side: Callable[[Path], float]) -> float:
    """Run one side in a new folder."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TULOU_BENCH_FOLDER")) as name:
        return side(Path(name))


def insert(sender: str) -> Callable[[Transaction], int]:
    """A work that stores one message."""
    return lambda tx: tx.execute(INSERT, (sender, BODY))


async def shared(folder: Path, waits: list[float]) -> float:
    """Seconds a row of our store; what each producer waited for each goes into `waits`."""
    store = Store(folder)
    async with store.running():
        database = await store.database("kit", [Migration(1, TABLE)])

        async def producer(number: int) -> None:
            work = insert(f"user-{number}@example.org")
            for _ in range(SHARED_WRITES):
                begin = time.perf_counter()
                await database.write(work)
                waits.append(time.perf_counter() - begin)

        begin = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for number in range(PRODUCERS):
                nursery.start_soon(producer, number)
        return (time.perf_counter() - begin) / PRODUCERS / SHARED_WRITES


def plain(folder: Path, rows: int, batch: int) -> float:
    """Seconds a row of plain SQLite, with `batch` rows in each durable transaction."""
    connection = apsw.Connection(str(folder / "plain.db"))
    for sql in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", TABLE):
        connection.execute(sql).fetchall()
    begin = time.perf_counter()
    for first in range(0, rows, batch):
        connection.execute("BEGIN IMMEDIATE")
        for number in range(first, min(first + batch, rows)):
            connection.execute(INSERT, (f"user-{number}@example.org", BODY))
        connection.execute("COMMIT")
    seconds = (time.perf_counter() - begin) / rows
    connection.close()
    return seconds
