"""The standard library's handler that puts records into the ring. Whatever happens, it returns."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from weakref import WeakSet

from tulou_log.rendering import Renderer
from tulou_log.ring import Ring

HURRY = 4
"""The writer is hurried when a quarter of the ring is waiting."""
PAUSE = 0.001
"""Seconds that who logs gives way to the writer while the ring is nearly full: it is the interpreter's
lock that the writer lacks then, not the disk."""
PATIENCE = 0.25
"""Seconds after which nobody gives way to a writer that gets nowhere: it is the disk then."""
_DEFERRED = 100


class RingHandler(logging.Handler):
    """`wake` is called when a record comes after a pause, with True when much is waiting; from any
    thread, and it must return at once."""

    def __init__(self, ring: Ring, renderer: Renderer, wake: Callable[[bool], None]) -> None:
        super().__init__()
        self.ring = ring
        self._renderer = renderer
        self._wake = wake
        self.idle = True
        """Set by the writer when it has written all there was."""
        self._hurry_at = ring.capacity // HURRY
        self._brake_at = ring.capacity * 3 // 4
        self._done = 0
        self._since = 0.0
        self._busy = self._retired = False
        self._deferred: deque[logging.LogRecord] = deque(maxlen=_DEFERRED)
        self.failures = 0
        """Records that could not be made into a line."""
        self.belongs: Callable[[], bool] | None = None
        """Whether what is said just now is of this app; None: everything is."""
        self.guard = threading.RLock()
        """Held around everything that touches the ring."""
        _ALIVE.add(self)

    def handle(self, record: logging.LogRecord) -> bool:
        """Keep a record; in the ring when it returns."""
        if self.filters and not self.filter(record):
            return False
        if self.belongs is not None and not self.belongs():
            return False
        with self.guard:
            if self._retired:
                return False
            if self._busy:  # from within: a signal's handler, a finaliser
                self._deferred.append(record)
                return True
            self._busy = True
            try:
                self._keep(record)
                while self._deferred:
                    self._keep(self._deferred.popleft())
            finally:
                self._busy = False
            hasty = self.ring.head - self.ring.tail > self._brake_at and self._may_pause()
        if hasty:
            time.sleep(PAUSE)
        return True

    def _may_pause(self) -> bool:
        now = time.monotonic()
        if self.ring.done != self._done or not self._since:
            self._done, self._since = self.ring.done, now
        return now - self._since < PATIENCE

    def _keep(self, record: logging.LogRecord) -> None:
        ring = self.ring
        number = ring.number + 1
        try:
            ring.append(self._renderer.render(record, number), number)
        except Exception:  # nothing that somebody logs may harm who logs it
            self.failures += 1
            return
        if self.idle:
            self.idle = False
            self._wake(False)
        elif ring.head - ring.tail > self._hurry_at:
            self._wake(True)

    def retire(self) -> None:
        """Let go of the ring; what somebody still logs is not kept."""
        with self.guard:
            self._retired = True
            self.ring.close()

    def emit(self, record: logging.LogRecord) -> None:
        """As `handle`."""
        self.handle(record)


_ALIVE: WeakSet[RingHandler] = WeakSet()


def _forget_in_child() -> None:
    """A forked child shares the mapped file with its parent, and must leave it alone."""
    for handler in list(_ALIVE):
        handler.guard = threading.RLock()
        logging.getLogger().removeHandler(handler)
        handler.handle = lambda record: False  # type: ignore[method-assign]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
