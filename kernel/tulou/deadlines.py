"""Deadlines for many scopes, kept by one task.

Setting a deadline on a cancel scope costs a timer each time. Most plugins are ready at once, so
here setting and clearing one is a dict entry, and only what is still open costs a timer.
"""

from __future__ import annotations

import trio


class Deadlines:
    """Cancels scopes that are still open when their time is up."""

    def __init__(self) -> None:
        self._due: dict[trio.CancelScope, float] = {}
        self._passed: set[trio.CancelScope] = set()
        self._set = trio.Event()

    def set(self, scope: trio.CancelScope, seconds: float) -> None:
        """Cancel `scope` in so many seconds, unless it is cleared before."""
        self._due[scope] = trio.current_time() + seconds
        self._set.set()

    def clear(self, scope: trio.CancelScope) -> None:
        """The scope has met its deadline."""
        self._due.pop(scope, None)

    def passed(self, scope: trio.CancelScope) -> bool:
        """Whether the scope was cancelled here; asked once, when it is closed."""
        self._due.pop(scope, None)
        if scope in self._passed:
            self._passed.discard(scope)
            return True
        return False

    async def run(self) -> None:
        """Keep the deadlines until cancelled."""
        while True:
            self._set = trio.Event()
            with trio.move_on_at(min(self._due.values(), default=float("inf"))):
                await self._set.wait()
            now = trio.current_time()
            for scope in [each for each, due in self._due.items() if due <= now]:
                del self._due[scope]
                self._passed.add(scope)
                scope.cancel()
