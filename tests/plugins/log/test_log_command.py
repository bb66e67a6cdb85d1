"""`tulou logs`, as a person types it, while an app writes and after it died."""

from __future__ import annotations

import gzip
import json
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tulou_log import command
from tulou_log.config import Config
from tulou_log.following import Follower
from tulou_log.levels import Levels
from tulou_log.reading import parse, read
from tulou_log.recorder import Recorder

from tulou.correlation import correlated
from tulou_contracts.logs import LogFilter, LogsError, Personal, Verbosity


@pytest.fixture
def profile(tmp_path: Path, log: logging.Logger) -> Path:
    recorder = Recorder(tmp_path / "log", Config(ring_kb=64, flush_ms=1))
    recorder.open()
    log.info("one %d", 1)
    with correlated("act-1"):
        log.error("two \x1b[31m %s", Personal("li@example.org"), extra={"size": 3})
    logging.getLogger("tulou.plugin.other").warning("three 你好")
    recorder.close()
    return tmp_path


def run(*arguments: Any) -> int:
    return command.main([str(each) for each in arguments])


def test_it_shows_what_fits(profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def shown(*arguments: str) -> str:
        assert run("--profile", profile, *arguments) == 0
        return capsys.readouterr().out

    everything = shown()
    assert "subject: one 1" in everything and "other: three 你好" in everything
    assert "two \\x1b[31m <person:" in everything and "size=3 [act-1]" in everything
    assert "\x1b" not in everything, "no colours but on a terminal, and never others'"
    assert "one" not in shown("--level", "warning")
    assert shown("--plugin", "other").count("\n") == 1
    assert shown("--correlation", "act-1").count("\n") == 1
    assert shown("--text", "你好").count("\n") == 1
    assert shown("--since", "1h") == everything
    assert shown("--since", "2999-01-01") == ""
    assert shown("-n", "1").count("\n") == 1
    levels = [json.loads(each)["level"] for each in shown("--json").splitlines()]
    assert levels == ["info", "error", "warning"]


@pytest.mark.parametrize("text", ["yesterday", "10", "-5m", "2026-13-01", "99999999999d"])
def test_a_time_that_is_none_is_told(profile: Path, text: str) -> None:
    with pytest.raises(LogsError, match="write it as"):
        run("--profile", profile, f"--since={text}")


def test_where_there_are_no_logs_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(LogsError, match="no logs"):
        run("--profile", tmp_path)


def test_levels_are_shown_set_and_taken_back(profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("level", "--profile", profile, "im", "debug") == 0
    assert run("level", "--profile", profile) == 0
    assert "im: debug" in capsys.readouterr().out
    told = [each for each in read(profile / "log", LogFilter(module="log"))]
    assert "sets <text> to" in told[-1].message or "sets im to debug" in told[-1].message
    assert run("level", "--profile", profile, "im", "default") == 0
    levels = Levels(profile / "log" / "levels.json", Verbosity.INFO)
    levels.load()
    assert levels.own == {}
    with pytest.raises(LogsError):
        run("level", "--profile", profile, "two words", "debug")


def test_a_running_app_follows_a_level_set_elsewhere(tmp_path: Path) -> None:
    levels = Levels(tmp_path / "levels.json", Verbosity.INFO)
    levels.load()
    levels.apply()
    try:
        other = Levels(tmp_path / "levels.json", Verbosity.INFO)
        other.load()
        other.set("im", Verbosity.DEBUG)
        assert levels.look() and not levels.look()
        assert logging.getLogger("tulou.plugin.im").isEnabledFor(logging.DEBUG)
    finally:
        levels.restore()


def test_a_report_is_written_and_never_over_another(
    profile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = profile / "report.gz"
    assert run("report", "--profile", profile, "--preview") == 0
    preview = capsys.readouterr().out
    assert "你好" not in preview and "li@" not in preview
    assert run("report", "--profile", profile, "-o", target) == 0
    first, written = preview.splitlines(), gzip.decompress(target.read_bytes()).decode().splitlines()
    assert written[1:] == first[1:], "but for the report's own id, the same"
    with pytest.raises(LogsError, match="there already"):
        run("report", "--profile", profile, "-o", target)


def test_it_follows_through_a_new_file(tmp_path: Path, log: logging.Logger) -> None:
    folder = tmp_path / "log"
    recorder = Recorder(folder, Config(ring_kb=64, flush_ms=1, file_mb=1))
    recorder.open()
    log.info("number %d", -1)
    recorder.writer.flush()
    follower = Follower(folder)
    done, seen = threading.Event(), []

    def say() -> None:
        for each in range(9000):  # more than one file
            log.info("number %d with some words that fill the file sooner than numbers do", each)
            if each % 500 == 0:
                recorder.writer.flush()
        recorder.writer.flush()
        done.set()

    thread = threading.Thread(target=say)
    thread.start()
    end = time.monotonic() + 60
    while len(seen) < 9000 and time.monotonic() < end:
        finished = done.is_set()
        seen += [line.arguments[0] for line in map(parse, follower.news()) if line and line.arguments]
        if finished and len(seen) < 9000:
            time.sleep(0.01)
    thread.join()
    recorder.close()
    follower.close()
    assert seen == list(range(9000))


def test_the_command_is_there(profile: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "tulou", "logs", "--profile", str(profile)], text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "one 1" in done.stdout


@pytest.mark.parametrize("more", ["", "--json", "level"])
def test_a_closed_output_is_no_defect(profile: Path, more: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m tulou logs {more} --profile "$1" >&-', sys.executable, str(profile)],
        text=True, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_whose_logs_is_asked_with_the_option_that_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LogsError, match="--profile .*anna.* -c office"):
        run()
