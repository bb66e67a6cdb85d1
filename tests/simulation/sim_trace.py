"""What happened in a run, in order: read by people after a failure, compared by machines."""

from __future__ import annotations

import logging
from collections import Counter

import trio


class Trace:
    """Lines of virtual time, who and what. Holds no random ids, so that two runs can be compared."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.lines: list[str] = []
        self.counts: Counter[str] = Counter()
        self._start = trio.current_time()

    @property
    def time(self) -> float:
        """Seconds since the start."""
        return trio.current_time() - self._start

    def note(self, who: str, what: str, detail: str = "") -> None:
        """Write a line; `what` is also counted."""
        self.counts[what] += 1
        self.lines.append(f"{self.time:10.4f}  {who:<10} {what}{' ' if detail else ''}{detail}")

    def text(self, about: str = "") -> str:
        """The trace for people; `about` leaves only the lines that have one of its words, and the faults."""
        words = about.split()
        kept = [line for line in self.lines if not words or any(word in line for word in words)]
        return "\n".join([self.title, *kept])


_EXPECTED = ("the messages room is closed",)
"""What may be logged as an error: the wire says this while an app is being closed."""


class Complaints(logging.Handler):
    """Errors that a room logs: none of them is part of a bad network."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(logging.WARNING)
        self._trace = trace
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep an error; note a warning."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += f" ({record.exc_info[1]!r})"
        self._trace.note(record.name, f"logs {record.levelname.lower()}:", text)
        if record.levelno >= logging.ERROR and not any(words in text for words in _EXPECTED):
            self.errors.append(f"{self._trace.time:.4f} {record.name}: {text}")
