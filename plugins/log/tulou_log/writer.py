"""The thread that takes records out of the ring and into files.

It never stops for a disk: while nothing can be written, the ring keeps the newest records, counts those
it had to give up, and the count is told as soon as there is room again.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from tulou.errors import TulouError
from tulou_contracts.logs import LogsError
from tulou_log.files import DAY, LogFile, compress, leftovers, sweep
from tulou_log.handler import RingHandler
from tulou_log.rendering import LEVELS

_log = logging.getLogger("tulou.plugin.log")

RETRY = (0.5, 5.0)
"""Seconds until the disk is tried again: at first, and at most."""
IDLE = 2.0
"""Seconds between looks at what others may have changed."""
JUMP = 60.0
"""Seconds between two clocks that are worth a line."""


class Envelope(Protocol):
    """How lines are put into a file."""

    def wrap(self, lines: Sequence[tuple[int, bytes]], *, new: bool) -> bytes | None:
        """The bytes to append, to a `new` file or one that goes on; None: it cannot be done now."""

    def failed(self) -> None:
        """What was wrapped last is not in the file."""

    def end(self) -> bytes:
        """What to append to a file at last."""


class Plain:
    """As they are."""

    def wrap(self, lines: Sequence[tuple[int, bytes]], *, new: bool) -> bytes | None:
        """One after another."""
        return b"".join([line for _, line in lines])

    def failed(self) -> None:
        """Nothing is remembered."""

    def end(self) -> bytes:
        """Nothing."""
        return b""


class Writer:
    """`start` it, `wake` it when there is something, `stop` it: then everything is in files, if the
    disk lets it. `told` gets every batch of lines; `look` is called now and then; both from the thread."""

    def __init__(
        self, file: LogFile, *, total: int, days: float, flush: float = 0.05,
        envelope: Envelope | None = None,
        told: Callable[[Sequence[bytes]], None] = lambda lines: None,
        look: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = file
        self._total, self._days, self._flush = total, days, flush
        self._envelope = envelope or Plain()
        self._told = told
        self._look = look
        self._clock, self._monotonic = clock, monotonic
        self._between = clock() - monotonic()
        self._sweep_ages = True
        self._swept = 0.0
        self._work = threading.Event()
        self._hurry = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._shown = 0
        self._pace = threading.Lock()
        self.handler: RingHandler
        self.trouble = ""
        """Why nothing can be written now, in words; empty when all is well."""

    def start(self, handler: RingHandler) -> None:
        """Begin, with what the ring still holds."""
        self.handler = handler
        self._shown = handler.ring.number
        handler.idle = False
        self._work.set()
        self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
        self._thread.start()

    def wake(self, hurry: bool) -> None:
        """There is something to write; with `hurry`, do not wait for more."""
        if hurry:
            self._hurry.set()
        self._work.set()

    def stop(self, timeout: float = 10.0) -> bool:
        """Write what is left and end; whether the thread has ended in time."""
        self._stopping.set()
        self.wake(True)
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def flush(self) -> bool:
        """Write now what there is, in the caller's thread; whether all of it is in a file."""
        with self._pace:
            while self._drain():
                pass
            return not self.handler.ring.pending

    def close(self) -> LogFile:
        """Close the file, which is answered; after `stop`."""
        with suppress(OSError):
            self._end_file(self._clock())
        self._file.close()
        return self._file

    # -- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        if not self._file.owner:  # others' files may be somebody else's work just now
            for path in leftovers(self._file.folder):
                self._compress(path.name)
        delay = RETRY[0]
        while True:
            self._work.wait(IDLE)
            self._work.clear()
            self._attempt(self._look)
            if not self._stopping.is_set():
                self._hurry.wait(self._flush)
            self._hurry.clear()
            self.flush()
            if self._stopping.is_set():
                return
            if self.trouble:  # look again later, for what waits wakes nobody a second time
                self._stopping.wait(delay)
                self._work.set()
                delay = min(RETRY[1], delay * 2)
            else:
                delay = RETRY[0]

    def _tell(self, lines: Sequence[tuple[int, bytes]]) -> None:
        fresh = [line for number, line in lines if number > self._shown]
        if fresh:
            self._shown = lines[-1][0]
            self._attempt(lambda: self._told(fresh))

    def _drain(self) -> bool:
        """Write one batch; whether there may be more."""
        handler = self.handler
        with handler.guard:
            self._note_jump()
            taken, behind = handler.ring.take()
            if not taken:
                handler.ring.written(behind)
                handler.idle = True
                return False
            lost = handler.ring.lost
            start = handler.ring.tail
        self._tell(taken)
        lines = list(taken)
        if lost:
            lines.insert(0, (0, self._line(30, "%d records were given up before they could be written",
                                           lost, taken[0][0])))
        try:
            self._write(lines)
        except (OSError, TulouError) as error:
            self._envelope.failed()
            self._file.close()  # the next attempt opens it anew, wherever it is then
            with handler.guard:
                handler.ring.not_written()
            if not self.trouble:
                self.trouble = getattr(error, "strerror", None) or str(error)
                _log.warning("nothing can be written to the log's files now, the newest records stay in"
                             " memory: %s", error)
            return False
        with handler.guard:
            handler.ring.written(behind)
            handler.ring.lost -= lost
            if not isinstance(self._envelope, Plain):
                handler.ring.wipe(start, behind)
        self.trouble = ""
        return True

    def _write(self, lines: Sequence[tuple[int, bytes]]) -> None:
        now = self._clock()
        if self._file.is_due(sum(len(line) for _, line in lines), now):
            self._end_file(now)
            closed = self._file.roll(now)
            if closed is not None and closed.suffix == ".jsonl":
                self._compress(closed.name)
            self._swept = 0.0
        content = self._envelope.wrap(lines, new=not self._file.size)
        if content is None:
            raise LogsError("nobody can seal the files now; the plugin 'crypto' would")
        self._file.append(content, now)
        self._sweep(now)

    def _end_file(self, now: float) -> None:
        end = self._envelope.end()
        if end:
            self._file.append(end, now)

    def _compress(self, name: str) -> None:
        try:
            compress(self._file.folder / name)
        except OSError:
            pass  # it stays as it is, and is tried again at the next start

    def _sweep(self, now: float) -> None:
        if abs(now - self._swept) > DAY / 24:
            self._swept = now
            days = self._days if self._sweep_ages else float("inf")
            sweep(self._file.folder, total=self._total, days=days, now=now)

    def _note_jump(self) -> None:
        """Tell that the clock was moved; and then delete nothing for its age any more: who knows."""
        between = self._clock() - self._monotonic()
        moved = between - self._between
        if abs(moved) < JUMP:
            return
        self._between = between
        if moved > DAY:
            self._sweep_ages = False
        ring = self.handler.ring
        number = ring.number + 1
        ring.append(self._line(30, "the clock was moved by %d seconds", int(moved), number), number)

    def _line(self, level: int, message: str, value: int, number: int) -> bytes:
        now = self._clock()
        try:
            at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(now)))
        except (ValueError, OverflowError, OSError):
            at = "1970-01-01T00:00:00"
        line = {"number": number, "time": f"{at}.{int(now % 1 * 1e6):06d}Z", "level": LEVELS[level],
                "logger": "tulou.plugin.log", "message": message, "arguments": [value]}
        return json.dumps(line).encode() + b"\n"

    @staticmethod
    def _attempt(call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:  # what others do with lines must not end the writing
            pass
