"""The files of one writer: one that grows, and closed ones, kept within a total and an age.

``log.jsonl`` grows; when it is full or the day ends it becomes ``log-DAY-NUMBER.jsonl`` and then
``.jsonl.gz``. A second process on the profile writes ``log.pPID.jsonl``. Sealed files are called
``.sealed`` instead of ``.jsonl``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

DAY = 86400
_CLOSED = re.compile(r"log-(\d{8})-(\d{6})(?:-p\d+)?\.(?:jsonl|sealed)(?:\.gz)?\Z")
_GROWING = re.compile(r"log(?:\.p\d+)?\.(?:jsonl|sealed)\Z")
_KEPT_ANYWAY = 2
"""So many of the newest closed files stay however old they are: the clock may be wrong."""


class LogFile:
    """The file that grows. All methods may raise `OSError`; what was asked is then not done, and
    may be asked again."""

    def __init__(self, folder: Path, *, owner: str = "", ending: str = "jsonl", limit: int = 5 << 20) -> None:
        self.folder = folder
        self.owner = owner
        """Empty for the process that the profile belongs to, else its number."""
        self._ending = ending
        self._limit = limit
        self.path = folder / (f"log.{owner}.{ending}" if owner else f"log.{ending}")
        self._descriptor: int | None = None
        self.size = 0
        self.day = ""

    def open(self) -> None:
        """Go on with the file as it is, without a line at its end that is not whole."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(
            self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
            | getattr(os, "O_BINARY", 0), 0o600)
        self.size = os.fstat(self._descriptor).st_size
        if self.size:
            self.day = _day(os.stat(self.path).st_mtime)
            self._cut_torn_line()

    def _cut_torn_line(self) -> None:
        if self._ending != "jsonl":
            return
        with open(self.path, "rb") as file:
            file.seek(max(0, self.size - (1 << 20)))
            end = file.read()
        torn = len(end) - (end.rfind(b"\n") + 1)
        if torn:
            self._cut(self.size - torn)

    def _cut(self, size: int) -> None:
        assert self._descriptor is not None
        os.ftruncate(self._descriptor, size)
        self.size = size

    def last_number(self) -> int:
        """The number of the newest line, 0 when there is none (or it cannot be told)."""
        if not self.size or self._ending != "jsonl":
            return 0
        with open(self.path, "rb") as file:
            file.seek(max(0, self.size - (1 << 17)))
            lines = file.read().splitlines()
        for line in reversed(lines):
            with suppress(ValueError, KeyError, TypeError):
                return int(json.loads(line)["number"])
        return 0

    def is_due(self, more: int, now: float) -> bool:
        """Whether a new file should begin before `more` bytes are added."""
        if self._descriptor is not None and not os.fstat(self._descriptor).st_nlink:
            self.close()  # somebody deleted it: what is written there, nobody will read
        if self._descriptor is None:
            self.open()
        return bool(self.size) and (self.size + more > self._limit or _day(now) != self.day)

    def append(self, content: bytes, now: float) -> None:
        """All of it or nothing."""
        if self._descriptor is None:
            self.open()
        descriptor = self._descriptor
        assert descriptor is not None
        if not self.size:
            self.day = _day(now)
        before = self.size
        rest = memoryview(content)
        try:
            while rest:
                done = os.write(descriptor, rest)
                self.size += done
                rest = rest[done:]
        except OSError:
            with suppress(OSError):
                self._cut(before)
            raise

    def roll(self, now: float) -> Path | None:
        """Close the file under a name of its own and begin another; the closed one, if it held anything."""
        self.close()
        closed = None
        if self.path.exists() and self.path.stat().st_size:
            closed = self.folder / self._free_name(self.day or _day(now))
            self.path.rename(closed)
        self.open()
        return closed

    def _free_name(self, day: str) -> str:
        """Names sort by age: the number grows over all days, for a clock may jump back."""
        numbers = [int(match[2]) for match in map(_CLOSED.match, os.listdir(self.folder)) if match]
        owner = f"-{self.owner}" if self.owner else ""
        return f"log-{day}-{max(numbers, default=0) + 1:06d}{owner}.{self._ending}"

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _day(moment: float) -> str:
    try:
        return time.strftime("%Y%m%d", time.localtime(moment))
    except (ValueError, OverflowError, OSError):
        return "19700101"


def compress(path: Path) -> None:
    """Replace a closed file by its gzip, whole or not at all. Raises `OSError`."""
    import gzip

    done = path.with_name(f"{path.name}.gz")
    half = path.with_name(f"{path.name}.gz.new")
    try:
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(path, "rb") as source, open(descriptor, "wb") as raw, gzip.GzipFile(
                path.name, "wb", 6, raw, mtime=0) as target:
            shutil.copyfileobj(source, target, 1 << 16)
        stat = path.stat()
        os.utime(half, (stat.st_atime, stat.st_mtime))
        half.replace(done)
        path.unlink()
    except OSError:
        with suppress(OSError):
            half.unlink()
        raise


def closed_files(folder: Path) -> list[Path]:
    """Closed files, oldest first."""
    found = [(int(match[2]), name) for name in _names(folder) if (match := _CLOSED.match(name))]
    return [folder / name for _, name in sorted(found)]


def all_files(folder: Path) -> list[Path]:
    """Every log file, oldest first, those that grow last."""
    return closed_files(folder) + growing_files(folder)


def growing_files(folder: Path) -> list[Path]:
    """Files that processes write to, or did when they died."""
    return sorted(folder / name for name in _names(folder) if _GROWING.match(name))


def _names(folder: Path) -> Iterator[str]:
    with suppress(OSError):
        yield from os.listdir(folder)


def sweep(folder: Path, *, total: int, days: float, now: float) -> int:
    """Delete the oldest closed files beyond `total` bytes or older than `days`; how many went."""
    closed = closed_files(folder)
    sizes = {path: _stat(path) for path in all_files(folder)}
    whole = sum(size for size, _ in sizes.values())
    gone = 0
    for place, path in enumerate(closed):
        size, newest = sizes[path]
        old = now - newest > days * DAY and place < len(closed) - _KEPT_ANYWAY
        if whole > total or old:
            with suppress(OSError):
                path.unlink()
                gone += 1
                whole -= size
    return gone


def _stat(path: Path) -> tuple[int, float]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0.0
    return found.st_size, found.st_mtime


def leftovers(folder: Path) -> list[Path]:
    """Closed files that were to be compressed when the process ended; half-made ones are removed."""
    for name in list(_names(folder)):
        if name.startswith("log-") and name.endswith(".gz.new"):
            with suppress(OSError):
                (folder / name).unlink()
    return [path for path in closed_files(folder) if path.suffix == ".jsonl"]


def text_of(path: Path, longest: int = 1 << 18) -> str:
    """A small file's text, empty when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(longest)
    except OSError:
        return ""
