"""Lines as another process writes them: files that grow, are renamed and begun anew."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tulou_log.files import growing_files
from tulou_log.reading import parse
from tulou_log.recovery import peek


class Follower:
    """Begins at the end of what is there; `news` answers what was added since the last call."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[Path, BinaryIO] = {}
        self._rests: dict[Path, bytes] = {}
        self._newest = 0
        for path in growing_files(folder):
            file = self._begin(path)
            if file is not None:
                file.seek(0, os.SEEK_END)

    def seen(self, number: int) -> None:
        """Lines up to this one have been shown."""
        self._newest = max(self._newest, number)

    def news(self) -> Iterator[bytes]:
        """Whole lines only; a file's last part is read after it was renamed, for it is still open."""
        for path in {*growing_files(self._folder), *self._open}:
            yield from self._more(path)
            if self._is_another(path):
                self._close(path)
                if self._begin(path) is not None:
                    yield from self._more(path)

    def rest(self) -> Iterator[bytes]:
        """What only the ring holds: the app has died, or its disk is full."""
        for raw in peek(self._folder / "ring"):
            line = parse(raw)
            if line is not None and line.number > self._newest:
                yield raw

    def _begin(self, path: Path) -> BinaryIO | None:
        try:
            file = open(path, "rb")
        except OSError:
            return None
        self._open[path] = file
        return file

    def _more(self, path: Path) -> Iterator[bytes]:
        file = self._open.get(path) or self._begin(path)
        if file is None:
            return
        content = self._rests.pop(path, b"") + file.read()
        lines = content.splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            self._rests[path] = lines.pop()
        yield from lines

    def _is_another(self, path: Path) -> bool:
        try:
            there = path.stat()
            here = os.fstat(self._open[path].fileno())
        except (OSError, KeyError):
            return path in self._open
        return (there.st_ino, there.st_dev) != (here.st_ino, here.st_dev)

    def _close(self, path: Path) -> None:
        self._rests.pop(path, None)
        file = self._open.pop(path, None)
        if file is not None:
            file.close()

    def close(self) -> None:
        """Let go of the files."""
        for path in tuple(self._open):
            self._close(path)
