"""Small trio idioms that several rooms need; none of them knows a feature."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


def backoff(
    base: float = 1.0, cap: float = 60.0, rng: random.Random | None = None
) -> Iterator[float]:
    """Endless delays in seconds: uniform between 0 and ``min(cap, base * 2**n)``, full jitter.

    Source: M. Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
    """
    uniform = (rng or random).uniform
    ceiling = base
    while True:
        yield uniform(0, ceiling)
        ceiling = min(cap, ceiling * 2)


def new_id(now_us: int | None = None, rng: random.Random | None = None) -> str:
    """A UUID version 7 (RFC 9562, section 5.7): sorts by time, 74 random bits."""
    milliseconds = (time.time_ns() // 1_000_000) if now_us is None else now_us // 1000
    noise = (rng or _SYSTEM_RANDOM).getrandbits(74)
    value = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76
    value |= (noise >> 62) << 64 | 0b10 << 62 | noise & (1 << 62) - 1
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_SYSTEM_RANDOM = random.SystemRandom()


class SingleFlight(Generic[T]):
    """Many callers, one call: who comes while it runs awaits the same result or error.

    The call runs in the first caller's task; when that one is cancelled, the next waiter takes over.
    """

    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        self._call = call
        self._flight: _Flight[T] | None = None

    async def __call__(self) -> T:
        while True:
            if self._flight is None:
                return await self._lead()
            flight = self._flight
            await flight.landed.wait()
            if flight.error is not None:
                raise flight.error
            if flight.result:
                return flight.result[0]
            # the leader was cancelled: somebody has to fly again

    async def _lead(self) -> T:
        flight = self._flight = _Flight()
        try:
            result = await self._call()
            flight.result.append(result)
            return result
        except Exception as error:
            flight.error = error
            raise
        finally:
            self._flight = None
            flight.landed.set()


class _Flight(Generic[T]):
    def __init__(self) -> None:
        self.landed = trio.Event()
        self.result: list[T] = []
        self.error: Exception | None = None


class Signal:
    """A wake-up that is never missed: `wait` returns once for any number of earlier `set` calls."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def set(self) -> None:
        """Wake the waiter, now or as soon as it waits."""
        self._event.set()

    async def wait(self) -> None:
        """Until `set` was called since the last return."""
        await self._event.wait()
        self._event = trio.Event()


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors in the groups that nurseries wrap them in, however deep; a single one is its own."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from leaves(each)
    else:
        yield error
