"""kill -9 at any moment: what was acknowledged is there, and no half of anything."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from crash_writer import ORDERED, PAIRS
from tulou_store.service import Store

WRITER = Path(__file__).with_name("crash_writer.py")


def run_and_kill(folder, lines):
    """Let the writer acknowledge `lines` things, kill it, and return everything it acknowledged."""
    with subprocess.Popen([sys.executable, WRITER, folder], stdout=subprocess.PIPE) as process:
        heard = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        heard += process.stdout.readlines()
    assert process.returncode == -9
    return {line.decode().strip() for line in heard if line.endswith(b"\n")} - {"ready"}


async def content(folder):
    store = Store(folder)
    async with store.running():
        database = await store.database("kit", [PAIRS, ORDERED])
        halves = await database.read(lambda v: v.query("SELECT pair, side FROM kit_half"))
        steps = await database.read(lambda v: v.query("SELECT producer, step FROM kit_step ORDER BY rowid"))
        sound = await database.read(lambda v: v.one("PRAGMA integrity_check"))
        count = await (await store.documents("state")).get("count")
    assert sound == ("ok",)
    return halves, steps, (count or {"n": 0})["n"]


@pytest.mark.parametrize("seed", range(6))
async def test_kill_9_loses_nothing_acknowledged(tmp_path, seed):
    rng = random.Random(seed)
    acknowledged = set()
    for _ in range(2):
        lines = rng.randint(1, 1500)
        acknowledged = await trio.to_thread.run_sync(run_and_kill, tmp_path, lines)
        halves, steps, count = await content(tmp_path)
        documents = [int(line.split()[1]) for line in acknowledged if line.startswith("document")]
        pairs = {line for line in acknowledged if not line.startswith("document")}

        sides = {}
        for name, side in halves:
            sides.setdefault(name, []).append(side)
        assert pairs <= sides.keys()
        assert all(sorted(set(found)) == [0, 1] for found in sides.values())
        assert all(len(found) % 2 == 0 for found in sides.values())
        # a producer's writes appear in its order, with nothing missing in between
        for producer in range(20):
            mine = [step for number, step in steps if number == producer]
            expected = [step for step in range(len(mine) * 2) if step % 5 != 4]
            restarts = [index for index, step in enumerate(mine) if step == 0] + [len(mine)]
            for begin, end in zip(restarts, restarts[1:]):
                assert mine[begin:end] == expected[: end - begin]
        assert count >= max(documents, default=0)
        assert count <= max(documents, default=0) + 1 or not documents
