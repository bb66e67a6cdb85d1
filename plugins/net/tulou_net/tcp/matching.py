"""Which answer belongs to which request; pure bookkeeping."""

from __future__ import annotations

from collections.abc import Hashable

import trio


class Waiter:
    """Somebody who waits for one answer."""

    def __init__(self) -> None:
        self.done = trio.Event()
        self.answer: bytes | None = None
        self.error: Exception | None = None


class Matcher:
    """Requests under way, by id. An answer nobody waits for (any more) is counted and dropped."""

    def __init__(self) -> None:
        self.late = 0
        self._waiting: dict[Hashable, Waiter] = {}
        self._error: Exception | None = None

    def expect(self, id: Hashable) -> Waiter:
        """Wait for the answer `id`. Raises `ValueError` when somebody does already, and the error of
        `fail`."""
        if self._error is not None:
            raise self._error
        if id in self._waiting:
            raise ValueError(f"an answer to {id!r} is awaited already; use another id")
        waiter = self._waiting[id] = Waiter()
        return waiter

    def give_up(self, id: Hashable) -> None:
        """Nobody waits for `id` any more; harmless when nobody did."""
        self._waiting.pop(id, None)

    def answered(self, id: Hashable, frame: bytes) -> None:
        """An answer came."""
        waiter = self._waiting.pop(id, None)
        if waiter is None:
            self.late += 1
        else:
            waiter.answer = frame
            waiter.done.set()

    def fail(self, error: Exception) -> None:
        """No answer will ever come."""
        self._error = self._error or error
        waiting, self._waiting = self._waiting, {}
        for waiter in waiting.values():
            waiter.error = self._error
            waiter.done.set()
