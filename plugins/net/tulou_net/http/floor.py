"""How slow a transfer may be. Pure: no clock of its own."""

from __future__ import annotations


class RateFloor:
    """A transfer must bring `rate` bytes a second on average over every `window` seconds (0: any).

    Only the time spent waiting for the server counts: `spent` seconds brought `size` bytes.
    """

    def __init__(self, rate: float, window: float = 10.0) -> None:
        self._rate = rate
        self._window = window
        self._spent = 0.0
        self._size = 0

    def holds(self, size: int, spent: float) -> bool:
        """Whether the transfer is fast enough so far."""
        self._size += size
        self._spent += spent
        if self._spent < self._window:
            return True
        fast = self._size >= self._rate * self._spent
        self._spent, self._size = 0.0, 0
        return fast
