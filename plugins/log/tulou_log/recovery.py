"""What an earlier process left in its ring when it ended without taking leave."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tulou_log import ring as rings
from tulou_log.files import LogFile
from tulou_log.locks import FileLock

_RING = re.compile(r"ring(?:\.(p\d+))?\Z")


def settle(ring: rings.Ring, file: LogFile) -> bool:
    """Numbers go on where file and ring ended, and what the file has already is not kept twice.

    Whether something in the ring was damaged. Raises `OSError`.
    """
    file.open()
    last = file.last_number()
    left, damaged = ring.recover()
    ring.skip_to(max([last, *(number for number, _ in left)]))
    ring.drop_until(last)
    return damaged


def adopt_orphans(folder: Path, capacity: int) -> int:
    """Put away what other processes left that have died: their rings' records and their files."""
    adopted = 0
    with suppress(OSError):
        for path in sorted(folder.iterdir()):
            match = _RING.match(path.name)
            if match and match[1]:
                adopted += _adopt(folder, path, match[1], capacity)
    return adopted


def _adopt(folder: Path, path: Path, owner: str, capacity: int) -> bool:
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    with suppress(OSError):
        if not lock.take():
            return False
        try:
            ring = rings.in_file(path, capacity)
            file = LogFile(folder, owner=owner)
            settle(ring, file)
            lines = _lines(ring)
            if lines:
                file.append(b"".join(lines), file.path.stat().st_mtime)
            ring.close()
            file.roll(file.path.stat().st_mtime)
            file.close()
            for each in (file.path, path, path.with_name(f"{path.name}.lock")):
                each.unlink(missing_ok=True)
            return True
        finally:
            lock.release()
    return False


def _lines(ring: rings.Ring) -> Sequence[bytes]:
    return [line for _, line in ring.take(ring.capacity)[0]]


def peek(path: Path) -> list[bytes]:
    """The lines in a ring's file that no file has yet, without touching anything."""
    with suppress(OSError, ValueError):
        return [line for _, line in rings.look(path)]
    return []
