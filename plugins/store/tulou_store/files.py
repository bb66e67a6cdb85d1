"""A text file that survives a crash at any moment, and notices damage.

The first line holds the SHA-256 of the rest. A change is written beside, synced, and renamed into
place; the version before it is kept as ``NAME.previous``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from tulou_contracts.storage import StorageCorrupt
from tulou_store.faults import of_system


class SafeFile:
    """One such file; one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.previous = path.with_name(path.name + ".previous")
        self._new = path.with_name(path.name + ".new")

    def read(self) -> tuple[str | None, str]:
        """The text (None: there is no file), and a sentence when something had to be repaired.

        A damaged file is moved aside, and the previous version serves. Raises `StorageCorrupt`
        when there is no sound one, `StorageError`.
        """
        try:
            return self._read()
        except OSError as error:
            raise of_system(error, self.path) from error

    def _read(self) -> tuple[str | None, str]:
        # a crash between the two renames leaves only the previous version: the last one confirmed
        moved: list[Path] = []
        for path in (self.path, self.previous):
            if path.exists():
                text = _checked(path.read_bytes())
                if text is not None:
                    return text, self._story(moved)
                moved.append(_move_aside(path))
        if moved:
            copies = " and ".join(str(copy) for copy in moved)
            raise StorageCorrupt(
                f"{self.path} is damaged, and no sound earlier version is there: moved to {copies};"
                " the next start begins with an empty one"
            )
        return None, ""

    def former(self) -> str | None:
        """The version before, when it is there and sound."""
        return _checked(self.previous.read_bytes()) if self.previous.exists() else None

    def _story(self, moved: list[Path]) -> str:
        if not moved:
            return ""
        return (
            f"{self.path} is damaged and was moved to {moved[0]}: the version before the last"
            " change is used"
        )

    def write(self, text: str) -> None:
        """Replace the file; durable on return. Raises `StorageFull`, `StorageError`."""
        try:
            self._write(text.encode())
        except OSError as error:
            raise of_system(error, self.path) from error

    def _write(self, body: bytes) -> None:
        try:
            with open(self._new, "wb") as file:
                file.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self._new.unlink(missing_ok=True)
            raise
        if self.path.exists():
            os.replace(self.path, self.previous)
        os.replace(self._new, self.path)
        sync_folder(self.path.parent)


def _checked(content: bytes) -> str | None:
    digest, _, body = content.partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        return None
    return body.decode()


def _move_aside(path: Path) -> Path:
    copy = free_name(path, "damaged")
    path.rename(copy)
    return copy


def copy_aside(path: Path) -> Path:
    """Keep a copy of a damaged file that stays in use."""
    copy = free_name(path, "damaged")
    shutil.copyfile(path, copy)
    return copy


def free_name(path: Path, why: str) -> Path:
    """``NAME.why-N``, beside, with the first number that is free."""
    number = 1
    while (copy := path.with_name(f"{path.name}.{why}-{number}")).exists():
        number += 1
    return copy


def sync_folder(folder: Path) -> None:
    """Make renames and new files in a folder durable."""
    if os.name == "nt":
        return  # a folder cannot be opened there; the rename itself is journalled
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
