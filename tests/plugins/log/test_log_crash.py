"""What was logged before the process was killed is there at the next start, once and in order."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
from tulou_log import ring as rings
from tulou_log.config import Config
from tulou_log.reading import read, stored
from tulou_log.recorder import Recorder
from tulou_log.recovery import peek

from tulou_contracts.logs import LogFilter

SCRIPT = Path(__file__).with_name("crash_logger.py")
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")


def killed_after(folder: Path, seconds: float, *, flush_ms: int = 1, threads: int = 2) -> dict[int, int]:
    """Run the script for a while and kill it; who said what last, as far as it could tell us."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), str(flush_ms), str(threads)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    out = process.stdout.fileno()
    said = os.read(out, 1 << 16)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        said += os.read(out, 1 << 16)
    process.send_signal(signal.SIGKILL)
    while more := os.read(out, 1 << 16):
        said += more
    process.wait()
    process.stdout.close()
    last: dict[int, int] = {}
    for line in said.rpartition(b"\n")[0].decode().splitlines():
        who, number = map(int, line.split())
        last[who] = number
    return last


def told(folder: Path) -> dict[str, list[int]]:
    """By module, what the files and the ring say, in their order."""
    found = defaultdict(list)
    for line in read(folder, LogFilter()):
        if line.module.startswith("worker"):
            found[line.module].append(line.arguments[1])
    return found


def reopened(folder: Path) -> Recorder:
    recorder = Recorder(folder, Config(ring_kb=256, flush_ms=1))
    recorder.open()
    return recorder


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_missing_after_kill_9(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    folder = tmp_path / "log"
    last = killed_after(folder, rng.uniform(0.02, 0.5), flush_ms=rng.choice((1, 50)), threads=1 + seed % 3)
    before = told(folder)
    recorder = reopened(folder)
    assert recorder.unclean
    recorder.close()
    after = told(folder)
    for who, number in last.items():
        for found in (before, after):  # a reader need not wait for the next start
            numbers = found[f"worker{who}"]
            assert numbers[:number + 1] == list(range(number + 1))
            assert numbers == list(range(len(numbers)))
    again = reopened(folder)
    assert not again.unclean
    again.close()
    assert told(folder) == after


def test_nothing_is_missing_when_each_start_is_killed(tmp_path: Path) -> None:
    total = 0
    for _ in range(3):
        total += sum(number + 1 for number in killed_after(tmp_path / "log", 0.05, threads=1).values())
    recorder = reopened(tmp_path / "log")
    recorder.close()
    numbers = [line.number for line in read(tmp_path / "log", LogFilter())]
    assert len(numbers) >= total
    assert numbers == sorted(set(numbers))


def test_a_torn_line_at_the_end_of_the_file_is_written_anew(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    last = killed_after(folder, 0.1, flush_ms=1, threads=1)
    recorder = reopened(folder)
    recorder.close()
    expected = told(folder)
    with open(folder / "log.jsonl", "r+b") as file:
        file.seek(0, os.SEEK_END)
        file.write(b'{"number":999999,"time":"20')
    recorder = reopened(folder)
    recorder.close()
    assert told(folder) == expected
    assert last[0] <= expected["worker0"][-1]


def test_a_damaged_record_ends_what_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    ring = rings.in_file(path, 64 << 10)
    for number in range(1, 11):
        ring.append(b"record %d\n" % number, number)
    ring.close()
    content = bytearray(path.read_bytes())
    place = content.index(b"record 7")
    content[place:place + 8] = b"RECORD 7"
    path.write_bytes(content)
    assert [line for line in peek(path)] == [b"record %d\n" % number for number in range(1, 7)]
    ring = rings.in_file(path, 64 << 10)
    left, damaged = ring.recover()
    assert damaged and [number for number, _ in left] == list(range(1, 7))
    ring.append(b"record 11\n", 11)
    assert [number for number, _ in ring.take()[0]] == [1, 2, 3, 4, 5, 6, 11]
    ring.close()


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 5000, b"\xff" * 100_000, os.urandom(70_000)])
def test_a_ring_that_is_none_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "ring").write_bytes(content)
    recorder = reopened(folder)
    recorder.close()
    assert list(stored(folder)) == []


def test_what_a_dead_second_process_left_is_put_away(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    first = reopened(folder)
    last = killed_after(folder, 0.1, threads=1)  # while the first has the profile
    first.close()
    assert list(folder.glob("ring.p*"))
    again = reopened(folder)
    again.close()
    assert not list(folder.glob("ring.p*")) and not list(folder.glob("log.p*"))
    assert told(folder)["worker0"][:last[0] + 1] == list(range(last[0] + 1))
