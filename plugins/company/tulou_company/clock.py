"""The time by which documents are valid: our clock, but never before what we know for certain.

A document was signed at the time it says, so it is later than that now, and later still by the time
that has passed since we saw it. Setting the clock back does not bring back what has run out; setting it
forward makes documents run out only for as long as it stands wrong.
"""

from __future__ import annotations

from collections.abc import Callable


class Clock:
    """`now` is the device's clock in microseconds, `steady` one that only goes forward, in seconds."""

    def __init__(self, now: Callable[[], int], steady: Callable[[], float]) -> None:
        self._now = now
        self._steady = steady
        self._known = 0
        self._since = steady()

    def __call__(self) -> int:
        """Microseconds since 1970 UTC."""
        return max(self._now(), self._certain())

    def learn(self, issued_at: int) -> None:
        """A genuine document was issued then."""
        if issued_at > self._certain():
            self._known, self._since = issued_at, self._steady()

    def _certain(self) -> int:
        return self._known + round((self._steady() - self._since) * 1e6)
