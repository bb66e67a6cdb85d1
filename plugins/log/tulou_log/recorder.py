"""Ring, handler, writer and files of one process on one profile, put together and taken apart."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tulou_log import ring as rings
from tulou_log.config import Config
from tulou_log.files import LogFile
from tulou_log.handler import RingHandler
from tulou_log.locks import FileLock
from tulou_log.recovery import adopt_orphans, settle
from tulou_log.redaction import Redactor
from tulou_log.rendering import Renderer
from tulou_log.writer import Envelope, Writer

KEY_FILE = "pseudonyms.key"


class Recorder:
    """Keeps what is logged in this process, from `open` to `close`.

    It never raises for a disk: where nothing can be written, records stay in memory, and `problems`
    says so in sentences.
    """

    def __init__(
        self, folder: Path, config: Config, *, second: bool = False, envelope: Envelope | None = None,
        told: Callable[[Sequence[bytes]], None] = lambda lines: None,
        look: Callable[[], None] = lambda: None,
        task_name: Callable[[], str] = lambda: "",
    ) -> None:
        self.folder = folder
        self._config = config
        self._second = second
        self._told, self._look, self._task_name = told, look, task_name
        self._envelope = envelope
        self._lock: FileLock | None = None
        self.problems: list[str] = []
        self.unclean = False
        """Whether the process before this one ended without taking leave."""
        self.handler: RingHandler
        self.renderer: Renderer
        self.writer: Writer

    def open(self) -> None:
        """Record what the root logger is given from now on."""
        config = self._config
        owner = self._place()
        ring = self._ring(owner)
        self.unclean = ring.durable and not ring.clean
        ending = "jsonl" if self._envelope is None else "sealed"
        file = LogFile(self.folder, owner=owner, ending=ending, limit=config.file_mb << 20)
        try:
            if settle(ring, file):
                self.problems.append("records of the last run were damaged and are left out")
        except OSError as error:
            self.problems.append(f"the log file cannot be written now: {error.strerror or error}")
        ring.clean = False
        self.renderer = Renderer(Redactor(self._key()), self._task_name)
        self.writer = Writer(
            file, total=config.total_mb << 20, days=config.days, flush=config.flush_ms / 1000,
            envelope=self._envelope, told=self._told, look=self._look)
        self.handler = RingHandler(ring, self.renderer, self.writer.wake)
        self.writer.start(self.handler)
        logging.getLogger().addHandler(self.handler)

    def close(self) -> None:
        """Write everything, and leave nothing behind that the next one would take for an accident."""
        logging.getLogger().removeHandler(self.handler)
        ended = self.writer.stop()
        with self.handler.guard:
            self.handler.ring.clean = True
            if ended:
                self._leave()
        if self._lock is not None:
            self._lock.release()

    def _leave(self) -> None:
        """A second process leaves a closed file, and nothing to go on with."""
        file = self.writer.close()
        self.handler.retire()
        if file.owner and self._lock is not None:
            with suppress(OSError):
                file.roll(time.time())
                file.close()
                for name in (file.path.name, f"ring.{file.owner}", f"ring.{file.owner}.lock"):
                    (self.folder / name).unlink(missing_ok=True)

    def _place(self) -> str:
        """Which files are ours: the first process on a profile has those without a number."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._second:
                self._lock = FileLock(self.folder / "ring.lock")
                if self._lock.take():
                    adopt_orphans(self.folder, self._config.ring_kb << 10)
                    return ""
            owner = f"p{os.getpid()}"
            self._lock = FileLock(self.folder / f"ring.{owner}.lock")
            self._lock.take()
            return owner
        except OSError as error:
            self._lock = None
            self.problems.append(
                f"logs are kept in memory only: the folder {self.folder.name!r} cannot be used"
                f" ({error.strerror or error})")
            return ""

    def _ring(self, owner: str) -> rings.Ring:
        capacity = self._config.ring_kb << 10
        if self._lock is not None:
            try:
                return rings.in_file(self.folder / (f"ring.{owner}" if owner else "ring"), capacity)
            except (OSError, ValueError) as error:
                self.problems.append(
                    "what is logged would not survive the death of the process now: no room can be had"
                    f" for it ({getattr(error, 'strerror', None) or error})")
        return rings.in_memory(capacity)

    def _key(self) -> bytes:
        """The key of the profile's pseudonyms; for this run only, where none can be kept."""
        path = self.folder / KEY_FILE
        with suppress(OSError, ValueError):
            found = bytes.fromhex(path.read_text("ascii"))
            if len(found) == 32:
                return found
        key = secrets.token_bytes(32)
        with suppress(OSError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(key.hex())
        return key
