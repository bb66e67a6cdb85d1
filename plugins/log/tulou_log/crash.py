"""What the interpreter notes when a fault of its own kills it (`faulthandler`)."""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tulou_log.files import text_of

NOTE = "crash.txt"
FORMER = "crash-last.txt"


@contextmanager
def noting(folder: Path, wanted: bool) -> Iterator[str]:
    """Let it note into the folder within the block; what it noted at the end of the last run, if
    anything. Where somebody has turned the notes on already, they stay his."""
    former = _former(folder)
    if not wanted or faulthandler.is_enabled():
        yield former
        return
    try:
        file = open(folder / NOTE, "wb")
    except OSError:
        yield former
        return
    with file:
        faulthandler.enable(file)
        try:
            yield former
        finally:
            faulthandler.disable()
    with suppress(OSError):
        (folder / NOTE).unlink()


def _former(folder: Path) -> str:
    """The note of the last run; it stays in a file of its own until the next one."""
    path = folder / NOTE
    try:
        if not path.stat().st_size:
            return ""
        path.replace(folder / FORMER)
    except OSError:
        return ""
    return text_of(folder / FORMER)
