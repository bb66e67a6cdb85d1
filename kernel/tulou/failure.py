"""Failures in words: what went wrong, and at which line of the plugin."""

from __future__ import annotations

import os
from types import TracebackType

from tulou.errors import TulouError
from tulou.flow import leaves


def root(error: BaseException) -> BaseException:
    """The error inside groups of one, in which every nursery wraps what it raises."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def is_the_plugins(error: BaseException) -> bool:
    """Whether an error ends the plugin it comes from, and not the app.

    A plugin may not end the app, so its SystemExit is an error like any; a KeyboardInterrupt is not
    the plugin's, and a cancellation alone is no error.
    """
    import trio

    parts = [each for each in leaves(error) if not isinstance(each, trio.Cancelled)]
    return bool(parts) and all(isinstance(each, (Exception, SystemExit)) for each in parts)


def sentence(error: BaseException | None) -> str:
    """An error for people; an error that is a sentence already stands by itself."""
    if error is None:
        return ""
    error = root(error)
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(sentence(each) for each in error.exceptions)
    if isinstance(error, TulouError):
        return str(error)
    text = str(error)
    foreign = "no running event loop" in text or "framework like asyncio" in text
    return f"{type(error).__name__}: {text}" + (" (Tulou runs on trio, not on asyncio)" if foreign else "")


def place(error: BaseException, package: str) -> str:
    """``package/file.py:18 in function``: the innermost line of a package that the error came through.

    Empty when it came through none.
    """
    found = ""
    trace: TracebackType | None = root(error).__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_globals.get("__name__", "").partition(".")[0] == package:
            found = f"{_short(frame.f_code.co_filename)}:{trace.tb_lineno} in {frame.f_code.co_name}"
        trace = trace.tb_next
    return found


def _short(path: str) -> str:
    """The file with its folder, which is enough to find it."""
    return os.path.join(os.path.basename(os.path.dirname(path)), os.path.basename(path))
