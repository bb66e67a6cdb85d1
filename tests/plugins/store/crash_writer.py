"""Run by test_store_crash: writes pairs from many producers, and says which were acknowledged."""

import os
import sys
from pathlib import Path

import trio
from tulou_store.service import Store

from tulou_contracts.storage import Migration

PAIRS = Migration(1, "CREATE TABLE kit_half (pair TEXT, side INTEGER, filler TEXT)")
ORDERED = Migration(2, "CREATE TABLE kit_step (producer INTEGER, step INTEGER)")


def pair(producer, step, filler):
    def work(tx):
        name = f"{producer}-{step}"
        tx.execute("INSERT INTO kit_half VALUES (?, 0, ?)", (name, filler))
        if step % 5 == 4:
            raise ValueError("this one never counts")
        tx.execute("INSERT INTO kit_half VALUES (?, 1, ?)", (name, filler))
        tx.execute("INSERT INTO kit_step VALUES (?, ?)", (producer, step))

    return work


def say(line):
    os.write(1, f"{line}\n".encode())  # one write: a kill leaves whole lines or nothing


async def produce(database, producer):
    step = 0
    while True:
        try:
            await database.write(pair(producer, step, "塔楼" * (step % 50)))
            say(f"{producer}-{step}")
        except ValueError:
            pass
        step += 1


async def remember(store):
    documents = await store.documents("state")
    count = 0
    while True:
        count += 1
        await documents.put("count", {"n": count, "filler": "土" * (count % 300)})
        say(f"document {count}")


async def main(folder):
    store = Store(Path(folder))
    async with store.running(), trio.open_nursery() as nursery:
        database = await store.database("kit", [PAIRS, ORDERED])
        say("ready")
        nursery.start_soon(remember, store)
        for producer in range(20):
            nursery.start_soon(produce, database, producer)


if __name__ == "__main__":
    trio.run(main, sys.argv[1])
