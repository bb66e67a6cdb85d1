"""The network clock: agreed offset over a steady clock, monotonic whatever happens to either."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tulou_net.surroundings.agreement import Agreed, Interval, Source, agree

MAX_SOURCES = 16
"""Sources kept; the one not heard for longest makes room."""
MAX_EXCHANGE = 60.0
"""Seconds: a slower question and answer tell nothing worth keeping."""
JUMPED = 2.0
"""Seconds between two looks by which the system clock leaves the steady one when it was set, or when
the machine slept."""
EARLIEST, LATEST = 1_577_836_800_000_000, 4_102_444_800_000_000
"""2020 and 2100: what claims to be outside is no clock."""


class SteadyNetworkClock:
    """Implements the contract `NetworkClock`. `wall` is the system's clock in microseconds since 1970,
    `elapsed` a clock in seconds that nobody sets; no I/O."""

    def __init__(self, wall: Callable[[], int], elapsed: Callable[[], float]) -> None:
        self._wall = wall
        self.elapsed = elapsed
        self._sources: dict[str, Source] = {}
        self._agreed: Agreed | None = None
        self._correction: float | None = None    # network minus system, microseconds
        self._base = self._system_offset()
        self._told = 0
        self._told_at = elapsed()

    def now(self) -> int:
        """UTC; when the truth turns out to be earlier, time runs at half speed until it is right."""
        elapsed = self.elapsed()
        target = round(elapsed * 1e6 + self._offset_now())
        if target < self._told:
            target = self._told + max(0, round((elapsed - self._told_at) * 5e5))
        self._told, self._told_at = target, elapsed
        return target

    @property
    def offset(self) -> float:
        """Seconds to add to the system's clock."""
        return (self._offset_now() - self._system_offset()) / 1e6

    @property
    def uncertainty(self) -> float | None:
        """Half the width of what the sources agree on."""
        return None if self._agreed is None else self._agreed.interval.half / 1e6

    @property
    def sources(self) -> Mapping[str, float]:
        """Each source's own opinion of the system clock's error."""
        system, elapsed = self._system_offset(), self.elapsed()
        return {name: (each.aged(elapsed).middle - system) / 1e6 for name, each in self._sources.items()}

    def observe(
        self, source: str, said: int, *, sent: float, received: float, resolution: float = 0.0
    ) -> None:
        """Bound the offset: it was read after `sent` and before `received`."""
        possible = 0 <= received - sent <= MAX_EXCHANGE and 0 <= resolution <= MAX_EXCHANGE
        if not possible or not EARLIEST < said < LATEST:
            return
        interval = Interval(said - received * 1e6, said + resolution * 1e6 - sent * 1e6)
        known = self._sources.get(source)
        if known is not None:
            known.heard(interval, received)
        else:
            self._sources[source] = Source(interval, received)
            if len(self._sources) > MAX_SOURCES:
                del self._sources[min(self._sources, key=lambda name: self._sources[name].at)]
        self._settle()

    def look(self) -> bool:
        """To be called now and then: whether the system clock was set, or the machine slept, since.

        Which of the two cannot be told, and the steady clock may have stood still meanwhile: what
        was observed is void. Until sources are heard again the system clock's error is taken to be
        what it was.
        """
        system = self._system_offset()
        jumped = abs(system - self._base) > JUMPED * 1e6
        if jumped and self._agreed is not None:
            self._sources.clear()
            self._agreed = None
        self._base = system
        return jumped

    def _settle(self) -> None:
        elapsed = self.elapsed()
        found = agree([each.aged(elapsed) for each in self._sources.values()])
        # with as many against as for, what was agreed before decides
        held = self._held()
        self._agreed = min(found, key=lambda each: (abs(each.interval.middle - held), each.interval.half))
        self._correction = self._agreed.interval.middle - self._system_offset()

    def _held(self) -> float:
        return self._agreed.interval.middle if self._agreed is not None else self._offset_now()

    def _offset_now(self) -> float:
        if self._agreed is not None:
            return self._agreed.interval.middle
        return self._system_offset() + (self._correction or 0.0)

    def _system_offset(self) -> float:
        return self._wall() - self.elapsed() * 1e6
