"""Files: closed by size and day, packed, swept; disks that are full, read-only or gone; clocks that jump."""

from __future__ import annotations

import gzip
import logging
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from log_kit import lines, until
from tulou_log import files
from tulou_log import handler as handlers
from tulou_log import ring as rings
from tulou_log.config import Config
from tulou_log.files import LogFile, closed_files, compress, sweep
from tulou_log.handler import PATIENCE, RingHandler
from tulou_log.reading import read
from tulou_log.recorder import Recorder
from tulou_log.redaction import Redactor
from tulou_log.rendering import Renderer
from tulou_log.writer import Writer

from tulou_contracts.logs import LogFilter

DAY = 86400.0


def record(text: str = "number %d", *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("tulou.plugin.subject", 20, "", 1, text, arguments, None)


class Clock:
    """Two clocks that a test moves."""

    def __init__(self) -> None:
        self.wall = 1_700_000_000.0
        self.steady = 0.0

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


def writer_on(folder: Path, clock: Clock, *, capacity: int = 1 << 16, **settings: float) -> RingHandler:
    """A writer whose thread is not started: a test calls `flush`."""
    made = Writer(LogFile(folder, limit=int(settings.pop("limit", 1 << 20))),
                  total=int(settings.pop("total", 1 << 30)), days=settings.pop("days", 14),
                  clock=lambda: clock.wall, monotonic=lambda: clock.steady)
    handler = RingHandler(rings.in_memory(capacity), Renderer(Redactor(b"k" * 32)), made.wake)
    made.handler = handler
    handler.writer = made
    return handler


def test_a_full_file_is_closed_packed_and_complete(tmp_path: Path) -> None:
    handler = writer_on(tmp_path, Clock(), limit=20_000)
    for each in range(500):
        handler.handle(record("number %d", each))
        if each % 10 == 0:
            handler.writer.flush()
    handler.writer.flush()
    closed = closed_files(tmp_path)
    assert len(closed) >= 3 and all(each.name.endswith(".jsonl.gz") for each in closed)
    assert all(len(gzip.decompress(each.read_bytes())) <= 20_000 for each in closed)
    assert [each.arguments[0] for each in read(tmp_path, LogFilter())] == list(range(500))


def test_a_new_day_begins_a_new_file(tmp_path: Path) -> None:
    clock = Clock()
    handler = writer_on(tmp_path, clock)
    for _ in range(3):
        handler.handle(record())
        handler.writer.flush()
        clock.pass_(DAY)
    days = [each.name.split("-")[1] for each in closed_files(tmp_path)]
    assert len(days) == 2 and days == sorted(set(days))


def test_the_oldest_files_go_when_all_are_too_large_together(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"log-20260101-{number:06d}.jsonl").write_bytes(b"x" * 1000)
    assert sweep(tmp_path, total=3500, days=1e9, now=time.time()) == 7
    assert [each.name[13:19] for each in closed_files(tmp_path)] == ["000007", "000008", "000009"]


def test_old_files_go_but_for_the_two_newest(tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / f"log-20260101-{number:06d}.jsonl"
        path.write_bytes(b"x")
        os.utime(path, (1e9, 1e9))
    (tmp_path / "photo.jpg").write_bytes(b"not ours")
    sweep(tmp_path, total=1 << 30, days=14, now=2e9)
    assert len(closed_files(tmp_path)) == 2
    assert (tmp_path / "photo.jpg").exists()


def test_a_clock_that_jumps_is_told_and_deletes_nothing(tmp_path: Path) -> None:
    clock = Clock()
    handler = writer_on(tmp_path, clock, days=14)
    for number in range(5):
        path = tmp_path / f"log-20231114-{number:06d}.jsonl"
        path.write_bytes(b"{}\n")
        os.utime(path, (clock.wall, clock.wall))
    clock.wall += 3650 * DAY
    handler.handle(record("after the jump"))
    handler.writer.flush()
    clock.wall -= 3650 * DAY
    handler.handle(record("and back"))
    handler.writer.flush()
    assert len(closed_files(tmp_path)) >= 5
    told = [each for each in read(tmp_path, LogFilter()) if each.module == "log"]
    assert [each.arguments for each in told] == [[3650 * 86400], [-3650 * 86400]]
    numbers = [each.number for each in read(tmp_path, LogFilter())]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("moment", [-1e12, 0.0, 1e18, float(1 << 62)])
def test_an_absurd_clock_harms_nobody(tmp_path: Path, moment: float) -> None:
    clock = Clock()
    handler = writer_on(tmp_path, clock)
    clock.wall = moment
    strange = record("when")
    strange.created = moment
    handler.handle(strange)
    assert handler.writer.flush()
    assert "when" in (tmp_path / "log.jsonl").read_text("utf-8")


def test_on_a_full_disk_the_newest_stay_and_the_loss_is_told(tmp_path: Path) -> None:
    clock = Clock()
    handler = writer_on(tmp_path, clock)
    (tmp_path / "log.jsonl").symlink_to("/dev/full")
    sent = 5000
    for each in range(sent):
        handler.handle(record("number %d", each))
        if each % 100 == 0:
            assert not handler.writer.flush()
    assert "space" in handler.writer.trouble
    (tmp_path / "log.jsonl").unlink()
    assert handler.writer.flush() and not handler.writer.trouble
    found = lines(tmp_path)
    kept = [each["arguments"][0] for each in found if each["logger"] == "tulou.plugin.subject"]
    assert kept == list(range(sent - len(kept), sent)) and len(kept) > 100
    told = sum(each["arguments"][0] for each in found if "given up" in each["message"])
    assert told == sent - len(kept)


def test_a_disk_that_fills_in_the_middle_of_a_line_leaves_no_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = writer_on(tmp_path, Clock())
    handler.handle(record("first"))
    handler.writer.flush()
    write, room = os.write, [30]

    def short(descriptor: int, content: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        done = write(descriptor, content[:room[0]])
        room[0] -= done
        return done

    with monkeypatch.context() as patched:
        patched.setattr(files.os, "write", short)
        handler.handle(record("second"))
        assert not handler.writer.flush()
    assert [each["message"] for each in lines(tmp_path)] == ["first"]
    handler.writer.flush()
    assert [each.message for each in read(tmp_path, LogFilter())] == ["first", "second"]


@pytest.mark.parametrize("place", ["/proc/nowhere/log", "/dev/null/log"])
def test_where_no_file_can_be_everything_works_in_memory(place: str, log: logging.Logger) -> None:
    seen: list[bytes] = []
    recorder = Recorder(Path(place), Config(ring_kb=64, flush_ms=1), told=seen.extend)
    recorder.open()
    for each in range(2000):
        log.info("number %d", each)
    until(lambda: bool(recorder.writer.trouble) and len(seen) > 10)
    recorder.close()
    assert recorder.problems and not recorder.handler.ring.durable


def test_a_folder_that_is_deleted_is_made_anew(tmp_path: Path) -> None:
    import shutil

    handler = writer_on(tmp_path / "log", Clock())
    handler.handle(record("before"))
    handler.writer.flush()
    shutil.rmtree(tmp_path / "log")
    handler.handle(record("after"))
    handler.writer.flush()
    assert [each["message"] for each in lines(tmp_path / "log")] == ["after"]


def test_packing_leaves_the_file_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log-20260101-000001.jsonl"
    path.write_bytes(b"{}\n" * 1000)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.shutil, "copyfileobj", full)
    with pytest.raises(OSError):
        compress(path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_second_process_writes_files_of_its_own(tmp_path: Path, log: logging.Logger) -> None:
    first = Recorder(tmp_path, Config(ring_kb=64, flush_ms=1))
    first.open()
    second = Recorder(tmp_path, Config(ring_kb=64, flush_ms=1))
    second.open()
    log.info("both hear it")
    second.close()
    first.close()
    assert {each.message for each in read(tmp_path, LogFilter())} >= {"both hear it"}
    owned = [each.name for each in closed_files(tmp_path)]
    assert len(owned) == 1 and f"-p{os.getpid()}" in owned[0]
    assert lines(tmp_path)[-1]["message"] == "both hear it"


def test_a_forked_child_leaves_the_ring_alone(tmp_path: Path, log: logging.Logger) -> None:
    recorder = Recorder(tmp_path, Config(ring_kb=64, flush_ms=1))
    recorder.open()
    child = os.fork()
    if not child:
        log.info("from the child")
        os._exit(0)
    os.waitpid(child, 0)
    log.info("from the parent")
    recorder.close()
    assert [each.message for each in read(tmp_path, LogFilter())] == ["from the parent"]


def test_a_flood_from_many_threads_loses_nothing(
    tmp_path: Path, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "PATIENCE", 60.0)  # the machine may be busy
    recorder = Recorder(tmp_path, Config(ring_kb=64, flush_ms=50))
    recorder.open()
    streams = [each for each in logging.getLogger().handlers if isinstance(each, logging.StreamHandler)]
    for each in streams:
        logging.getLogger().removeHandler(each)

    def say(who: int) -> None:
        for number in range(3000):
            log.info("%d says %d", who, number)

    threads = [threading.Thread(target=say, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in streams:
        logging.getLogger().addHandler(each)
    recorder.close()
    said: dict[int, list[int]] = {}
    for line in read(tmp_path, LogFilter()):
        assert "given up" not in line.message
        said.setdefault(line.arguments[0], []).append(line.arguments[1])
    assert said == {who: list(range(3000)) for who in range(4)}


def test_a_writer_that_gets_nowhere_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    clock.steady = 1.0
    monkeypatch.setattr(handlers, "time", SimpleNamespace(
        monotonic=lambda: clock.steady, sleep=clock.pass_))
    handler = writer_on(tmp_path, Clock())  # nobody drains
    for each in range(5000):
        handler.handle(record("number %d", each))
    assert PATIENCE <= clock.steady - 1.0 < 2 * PATIENCE
    assert handler.ring.lost > 3000
