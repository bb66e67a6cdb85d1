"""How often somebody may come: a token bucket an account (ITU-T I.371). Pure but for the clock given."""

from __future__ import annotations

from collections.abc import Callable

_MOST = 100_000
"""Accounts that are remembered; beyond that, those that were full again are forgotten."""


class Rates:
    """`amount` may be spent at once, and comes back within `per` seconds."""

    def __init__(self, amount: float, per: float, clock: Callable[[], float]) -> None:
        self._amount = amount
        self._speed = amount / per
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def spend(self, account: str, cost: float) -> float:
        """0 when it is granted, else the seconds to wait. What costs more than all is granted when
        nothing else was spent."""
        now = self._clock()
        left, since = self._left.get(account, (self._amount, now))
        left = min(self._amount, left + (now - since) * self._speed)
        needed = min(cost, self._amount)
        if left < needed:
            return (needed - left) / self._speed
        if len(self._left) >= _MOST and account not in self._left:
            self._forget(now)
        self._left[account] = left - needed, now
        return 0.0

    def _forget(self, now: float) -> None:
        self._left = {
            account: (left, since) for account, (left, since) in self._left.items()
            if left + (now - since) * self._speed < self._amount
        }
