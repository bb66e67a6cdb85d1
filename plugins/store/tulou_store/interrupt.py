"""Ctrl-C in the commands: what was begun is undone or finished in order, then the command ends.

Python's own way, an exception wherever the program happens to be, would leave threads without word that
they are to end. A second Ctrl-C kills; what is on the disk then is as after a crash, which is safe.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import FrameType
from typing import TypeVar

import trio

T = TypeVar("T")
_INTERRUPTED = 128 + signal.SIGINT


def run(work: Callable[[], Awaitable[T]]) -> T:
    """`trio.run`. Raises KeyboardInterrupt when Ctrl-C came before `work` had its result."""
    if threading.current_thread() is not threading.main_thread():
        return trio.run(_all, work)  # signals come to the main thread only
    scope, came = trio.CancelScope(), False
    token: trio.lowlevel.TrioToken | None = None

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal came
        if came:
            with suppress(OSError):
                os.write(2, b"tulou: killed\n")
            os._exit(_INTERRUPTED)
        came = True
        if token is not None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(scope.cancel)

    results: list[T] = []

    async def inside() -> None:
        nonlocal token
        token = trio.lowlevel.current_trio_token()
        if came:
            scope.cancel()
        with scope:
            results.append(await work())

    former = signal.signal(signal.SIGINT, handle)
    try:
        trio.run(inside)
    finally:
        signal.signal(signal.SIGINT, former)
    if not results:
        raise KeyboardInterrupt
    return results[0]


async def _all(work: Callable[[], Awaitable[T]]) -> T:
    return await work()


def look() -> None:
    """In a thread that `trio.to_thread` began, raises `trio.Cancelled` when nobody waits any more."""
    with suppress(RuntimeError):  # in another one
        trio.from_thread.check_cancelled()


def look_and_go_on() -> bool:
    """`look`, as SQLite's handler of progress."""
    look()
    return False
