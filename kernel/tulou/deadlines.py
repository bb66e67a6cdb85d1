"""Deadlines for many scopes, kept by one task.

Setting a deadline on a cancel scope costs a timer each time. Most plugins are ready at once, so
here setting and clearing one is a dict entry, and only what is still open costs a timer.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

GRACE = 2.0
"""Seconds after its cancellation at which a scope that is still open is reported."""


class Deadlines:
    """Cancels scopes that are still open when their time is up.

    `clings` is told, once, of a scope that stays open for `GRACE` seconds after that.
    """

    def __init__(self, clings: Callable[[trio.CancelScope], None]) -> None:
        self._clings = clings
        self._cancelled: dict[trio.CancelScope, float] = {}
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
        self._cancelled.pop(scope, None)
        if scope in self._passed:
            self._passed.discard(scope)
            return True
        return False

    async def run(self) -> None:
        """Keep the deadlines until cancelled."""
        while True:
            self._set = trio.Event()
            with trio.move_on_at(self._next()):
                await self._set.wait()
            for scope in _over(self._due):
                self._passed.add(scope)
                scope.cancel()
                self._cancelled[scope] = trio.current_time() + GRACE
            for scope in _over(self._cancelled):
                self._clings(scope)

    def _next(self) -> float:
        return min((*self._due.values(), *self._cancelled.values()), default=float("inf"))


def _over(times: dict[trio.CancelScope, float]) -> list[trio.CancelScope]:
    """Take out those whose time has come."""
    now = trio.current_time()
    scopes = [each for each, due in times.items() if due <= now]
    for each in scopes:
        del times[each]
    return scopes
