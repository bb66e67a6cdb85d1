"""Token buckets. Pure: the caller says what time it is."""

from __future__ import annotations

_ROUNDING = 1e-9  # so that who slept as long as told finds a token


class Bucket:
    """Holds up to `most` tokens; `rate` of them come back each second."""

    __slots__ = ("rate", "most", "_tokens", "_at")

    def __init__(self, rate: float, most: float, now: float) -> None:
        self.rate = rate
        self.most = most
        self._tokens = most
        self._at = now

    def take(self, now: float, cost: float = 1.0) -> float:
        """Take `cost` tokens and return 0, or take none and return the seconds until there are enough
        (infinity: never)."""
        self._tokens = min(self.most, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens + _ROUNDING >= cost:
            self._tokens = max(0.0, self._tokens - cost)
            return 0.0
        return (cost - self._tokens) / self.rate if self.rate else float("inf")

    def put(self, amount: float) -> None:
        """Give tokens back, or earn some."""
        self._tokens = min(self.most, self._tokens + amount)

    def is_full(self, now: float) -> bool:
        """Whether it has nothing to remember."""
        return self._tokens + (now - self._at) * self.rate >= self.most
