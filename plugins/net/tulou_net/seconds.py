"""Times that callers give, checked before anything depends on them."""

from __future__ import annotations

from tulou_contracts.network import NetworkError

_LONGEST = 1e6
"""Eleven days: more is for ever to us, and no number for a socket."""


def checked(seconds: float, what: str) -> float:
    """A time to wait, 0 or more; for ever is ``inf``. Raises `NetworkError`."""
    if isinstance(seconds, (int, float)) and seconds >= 0:  # NaN is not
        return seconds
    raise NetworkError(f"{what} is {seconds!r}; give seconds, 0 or more")


def patience(seconds: float, what: str) -> float:
    """A time that a socket can be told, more than 0. Raises `NetworkError`."""
    if isinstance(seconds, (int, float)) and seconds > 0:
        return min(seconds, _LONGEST)
    raise NetworkError(f"{what} is {seconds!r}; give seconds, more than 0")
