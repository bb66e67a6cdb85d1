"""Standard output that somebody may close, and that may not know every character."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, TextIO, cast


def show_every_character() -> None:
    """What the terminal's encoding does not have is shown as its code instead of raising; without a
    standard output (``>&-``) what is said goes nowhere."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Raises `OSError` now instead of when the interpreter ends, which would be told as a defect."""
    if sys.stdout is not None:
        sys.stdout.flush()


def give_up_if_broken() -> None:
    """Throw away what cannot be written, so that the interpreter does not try again at its end."""
    try:
        flush()
    except OSError:
        _drop(sys.stdout)


@contextmanager
def lasting() -> Iterator[None]:
    """Inside the block a reader that goes away takes nothing with it: an app is more than what it says."""
    if sys.stdout is None:
        yield
        return
    with redirect_stdout(cast(TextIO, _Lasting(sys.stdout))):
        yield


class _Lasting:
    """A stream whose reader may leave; what is written after that goes nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            _drop(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            _drop(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _drop(stream: TextIO) -> None:
    with suppress(OSError, ValueError), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
