"""The whole app as a person starts it, and real browsers in front of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


class Demo:
    """`tulou demo` in a process of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tulou_shell.demo", "--data", str(folder), "--no-browser", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line)
                self._news.notify_all()

    def links(self, count: int = 2) -> list[str]:
        """The newest entry links, as soon as `count` were printed."""
        def found() -> list[str]:
            return re.findall(r"http://127\.0\.0\.1:\d+/enter\?code=\S+", "".join(self.lines))

        with self._news:
            ready = self._news.wait_for(lambda: len(found()) >= count or self.process.poll() is not None, 60)
        assert ready and len(found()) >= count, "".join(self.lines)
        return found()[-2:]

    def stop(self, sign: int = signal.SIGTERM) -> int:
        self.process.send_signal(sign)
        return self.process.wait(30)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    started: list[Demo] = []

    def start(*arguments: str, folder: Path | None = None) -> Demo:
        started.append(Demo(folder or tmp_path / "demo", *arguments))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait(10)
