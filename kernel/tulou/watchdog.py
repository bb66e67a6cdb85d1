"""Finds out who blocks the event loop.

A thread asks the loop for a sign of life. When none comes in time, the loop's own stack shows the
innermost frame that belongs to a plugin. A plugin that blocks cannot be stopped from inside the
process; it can be named.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType

import trio

from tulou.unit import load_target

log = logging.getLogger("tulou.kernel")

OwnerOf = Callable[[str], str | None]
"""Module name -> plugin name, or None."""


class Watchdog:
    """Watches the loop of the task that enters it, until left.

    `limit` is how long, in seconds, the loop may give no sign of life; `blocked` is told the
    plugin's name (or None) and where it stands, once for each time.
    """

    def __init__(
        self, owner_of: OwnerOf, blocked: Callable[[str | None, str], None], limit: float = 1.0
    ) -> None:
        self._owner_of = owner_of
        self._blocked = blocked
        self._limit = limit
        self._done = threading.Event()
        self._alive = threading.Event()
        self._loop_thread = 0
        self._token: trio.lowlevel.TrioToken | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Watchdog:
        self._loop_thread = threading.get_ident()
        self._token = trio.lowlevel.current_trio_token()
        self._thread = threading.Thread(target=self._watch, name="tulou watchdog", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        assert self._thread is not None
        self._thread.join()

    def _watch(self) -> None:
        assert self._token is not None
        while not self._done.wait(self._limit / 2):
            self._alive.clear()
            try:
                self._token.run_sync_soon(self._alive.set, idempotent=True)
            except trio.RunFinishedError:
                return
            if not self._alive.wait(self._limit) and not self._done.is_set():
                self._name_the_culprit()
                while not self._alive.wait(self._limit / 2) and not self._done.is_set():
                    continue

    def _name_the_culprit(self) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        if frame is None:
            return
        importing = _importing(frame)
        if importing is not None:  # once a start and without remedy at run time: no fault
            log.warning("importing plugin %r took more than %g s", importing, self._limit)
            return
        plugin, where = self._culprit(frame)
        log.error("the event loop has been blocked for more than %g s by %s at %s", self._limit,
                  f"plugin {plugin!r}" if plugin else "code outside any plugin", where)
        self._blocked(plugin, where)

    def _culprit(self, innermost: FrameType) -> tuple[str | None, str]:
        frame: FrameType | None = innermost
        while frame is not None:
            owner = self._owner_of(frame.f_globals.get("__name__", ""))
            if owner is not None:
                return owner, _place(frame)
            frame = frame.f_back
        return None, _place(innermost)


def _importing(innermost: FrameType) -> str | None:
    """The plugin whose code the kernel is importing, if that is what the loop does."""
    frame: FrameType | None = innermost
    while frame is not None:
        if frame.f_code is load_target.__code__:
            return str(frame.f_locals["plugin"])
        frame = frame.f_back
    return None


def _place(frame: FrameType) -> str:
    line = traceback.extract_stack(frame, limit=1)[0]
    return f"{line.filename}:{line.lineno} in {line.name}"
