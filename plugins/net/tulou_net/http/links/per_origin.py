"""What is remembered of each origin, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST = 512


class PerOrigin(Generic[T]):
    """One value for each origin, made at first use; the origin made longest ago is forgotten first."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: dict[str, T] = {}

    def of(self, origin: str) -> T:
        """The origin's value."""
        value = self._values.get(origin)
        if value is None:
            if len(self._values) >= _MOST:
                del self._values[next(iter(self._values))]
            value = self._values[origin] = self._make()
        return value

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
