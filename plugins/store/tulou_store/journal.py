"""A set of tables in a file that survives a crash at any byte, and notices damage.

``NAME.json`` holds all of it (a `SafeFile`). A change is one line appended to ``NAME.json.log`` and
synced; when the log has grown long, everything is written anew and the log begins again. The former
file and its log are kept, as ``.previous``: together they say the same as the file that follows.

A log begins with the fingerprint of the content that it goes on from, so it is never replayed on
another one, however a crash left the four files.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from tulou_contracts.storage import StorageCorrupt, StorageError
from tulou_store.faults import of_system
from tulou_store.files import SafeFile, copy_aside, free_name, sync_folder

Tables = dict[str, dict[str, dict[str, Any]]]

_LEAST = 64 * 1024
"""Bytes of log that are never too many."""
_MARK = 16  # characters of a line's digest


class Coding(Protocol):
    """How texts are put on the disk: as they are, or sealed."""

    def encode(self, text: str) -> str:
        """One line, as stored."""

    def decode(self, stored: str, path: Path) -> str:
        """The text. Raises `StorageError` when the key is not the right one."""

    def fingerprint(self, text: str) -> str:
        """Tells contents apart without showing them."""

    def knows(self, text: str, fingerprint: str) -> bool:
        """Whether it is this text's."""


class Plain:
    """The texts themselves."""

    def encode(self, text: str) -> str:
        """As it is."""
        return text

    def decode(self, stored: str, path: Path) -> str:
        """As it is. Raises `StorageCorrupt` for a sealed one."""
        if stored.startswith("~"):
            raise StorageCorrupt(f"{path} is encrypted, and this profile has encrypt = false")
        return stored

    def fingerprint(self, text: str) -> str:
        """SHA-256."""
        return hashlib.sha256(text.encode()).hexdigest()

    def knows(self, text: str, fingerprint: str) -> bool:
        """Whether it is this text's."""
        return fingerprint == self.fingerprint(text)


dumps: Callable[[Any], str] = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
"""Compact JSON, on one line."""


class Journal:
    """The four files of one set; one thread at a time."""

    def __init__(self, path: Path, coding: Coding | None = None, least: int = _LEAST) -> None:
        self.path = path
        self._coding = coding or Plain()
        self._least = least
        self._file = SafeFile(path)
        self._log = path.with_name(path.name + ".log")
        self._log_before = path.with_name(path.name + ".log.previous")
        self._base = ""  # fingerprint of what the log goes on from
        self._base_size = 0
        self._length = 0  # bytes of the log that count
        self._whole = False  # the log cannot be gone on with: write everything

    # -- reading

    def read(self) -> tuple[Tables | None, str]:
        """The tables (None: there is no file), and a sentence when something had to be repaired.

        Raises `StorageCorrupt` when nothing sound is there, `StorageError`.
        """
        try:
            return self._read()
        except OSError as error:
            raise of_system(error, self.path) from error

    def _read(self) -> tuple[Tables | None, str]:
        stored, story = self._stored()
        text = "{}" if stored is None else self._coding.decode(stored, self.path)
        tables = self._loaded(text)
        self._base_size = len(text)
        found = stored is not None
        for log in (self._log_before, self._log):
            lines = _lines(log)
            if lines is None or not self._coding.knows(dumps(tables), lines[0].decode("ascii", "replace")):
                if log == self._log and lines is not None and not story:
                    story = self._foreign(lines[0].decode("ascii", "replace"))
                continue
            found = True
            damage = self._replay(log, lines[1:], tables)
            story = story or damage
            if log == self._log:
                self._base, self._length = lines[0].decode(), log.stat().st_size
        if not self._length:  # a log of another content, or none
            self._base = self._coding.fingerprint(dumps(tables))
            lost = self._log_before.exists() and not self._log.exists() and bool(story)
            self._whole = self._whole or lost
        return (tables if found else None), story

    def _stored(self) -> tuple[str | None, str]:
        """The file; when it is lost, nothing, if a log begins with nothing."""
        try:
            return self._file.read()
        except StorageCorrupt as error:
            firsts = [(_lines(log) or [b""])[0].decode("ascii", "replace")
                      for log in (self._log_before, self._log)]
            if any(self._coding.knows("{}", first) for first in firsts):
                damaged = str(error).partition(", and no sound")[0]
                return None, f"{damaged}: its changes were read from the log"
            self._set_logs_aside()
            raise

    def _set_logs_aside(self) -> None:
        for log in (self._log_before, self._log):
            if log.exists():
                log.rename(free_name(log, "damaged"))

    def _foreign(self, first: str) -> str:
        """A log that does not go on from the content: left from before it was written, or damaged."""
        former = self._file.former()
        texts = ["{}"] if former is None else [self._coding.decode(former, self.path)]
        if any(self._coding.knows(text, first) for text in texts):
            return ""
        self._whole = True
        return (f"{self._log} is damaged: nobody can say what it goes on from, so its changes are not used;"
                f" a copy is {copy_aside(self._log)}")

    def _loaded(self, text: str) -> Tables:
        try:
            tables: Tables = json.loads(text)
        except ValueError as error:  # a sound digest over something else: not our file
            raise StorageCorrupt(f"{self.path} does not hold documents: {error}") from error
        return tables

    def _replay(self, log: Path, lines: list[bytes], tables: Tables) -> str:
        *lines, rest = lines  # after the last line break: nothing, or what a crash cut short
        bad = 0
        for line in lines:
            mark, _, body = line.partition(b" ")
            if _mark(body) != mark:
                bad += 1
                continue
            table, key, document = json.loads(self._coding.decode(body.decode(), log))
            if document is None:
                tables.get(table, {}).pop(key, None)
            else:
                tables.setdefault(table, {})[key] = document
        if rest and not bad:
            self._cut(log, log.stat().st_size - len(rest))
        if not bad:
            return ""
        self._whole = True
        copy = copy_aside(log)
        return f"{log} is damaged: {bad} of {len(lines)} changes cannot be read; a copy is {copy}"

    def _cut(self, log: Path, size: int) -> None:
        try:
            os.truncate(log, size)
        except OSError:
            self._whole = True  # a disk that is read-only: reading goes on

    # -- writing

    def change(self, tables: Tables, table: str, key: str) -> None:
        """Make durable that `tables[table][key]` is another one, or gone.

        Raises `StorageFull`, `StorageError`; then nothing was changed.
        """
        if self._whole:
            self.write(tables)
            return
        body = self._coding.encode(dumps([table, key, tables.get(table, {}).get(key)])).encode()
        try:
            self._append(_mark(body) + b" " + body + b"\n")
        except OSError as error:
            raise of_system(error, self.path) from error
        if self._length > max(self._least, 2 * self._base_size):
            with suppress(StorageError):  # the change is safe; the next one tries again
                self.write(tables)

    def _append(self, line: bytes) -> None:
        new = self._length == 0
        if new:
            self._rotate()
            line = self._base.encode() + b"\n" + line
        descriptor = os.open(self._log, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            os.lseek(descriptor, self._length, os.SEEK_SET)
            _write_all(descriptor, line)
            os.fsync(descriptor)
        except OSError:
            self._undo(descriptor)
            raise
        finally:
            os.close(descriptor)
        if new:
            sync_folder(self._log.parent)
        self._length += len(line)

    def _undo(self, descriptor: int) -> None:
        """What failed is taken back, and the next change writes everything: after a failed sync
        nobody can say what of the log is on the disk."""
        self._whole = True
        try:
            os.ftruncate(descriptor, self._length)
        except OSError:
            pass  # the half line has no proper end: reading stops before it

    def _rotate(self) -> None:
        if self._log.exists():
            os.replace(self._log, self._log_before)

    def write(self, tables: Tables) -> None:
        """Write everything anew. Raises `StorageFull`, `StorageError`."""
        text = dumps(tables)
        self._file.write(self._coding.encode(text))
        self._base, self._base_size = self._coding.fingerprint(text), len(text)
        self._length, self._whole = 0, False

    def forget_previous(self) -> None:
        """Remove the former version: it is in a form that should not stay."""
        try:
            for path in (self._file.previous, self._log_before, self._log):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise of_system(error, self.path) from error


def _lines(log: Path) -> list[bytes] | None:
    if not log.exists():
        return None
    lines = log.read_bytes().split(b"\n")
    return lines if len(lines) > 1 else None  # not even a whole first line: a crash at the beginning


def _mark(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:_MARK].encode()


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data):]
