"""How much may leave a day over a network where traffic costs money."""

from __future__ import annotations

from collections.abc import Callable

from tulou_contracts.tracking import TrackingError
from tulou_tracking.person import DAY


class BudgetSpent(TrackingError):
    """Enough left today over a metered network; the rest waits."""


class Budget:
    """`metered`: whether the network is one now; None: not known, which counts as no."""

    def __init__(self, kilobytes: int, metered: Callable[[], bool | None]) -> None:
        self._most = kilobytes * 1024
        self._metered = metered
        self._day = -1
        self._spent = 0

    def spend(self, size: int, now: int) -> None:
        """Take `size` bytes off. Raises `BudgetSpent` when the network is metered and they are too many."""
        if now // DAY != self._day:
            self._day, self._spent = now // DAY, 0
        if self._metered() is True:
            if self._spent + size > self._most:
                raise BudgetSpent(f"{self._most // 1024} KiB a day leave over a metered network;"
                                  " the rest waits for another network, or for tomorrow")
            self._spent += size
