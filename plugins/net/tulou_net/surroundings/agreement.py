"""What several clocks agree on: pure interval arithmetic. Times and offsets are microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

DRIFT = 100e-6
"""How far a quartz may run wrong: 100 parts per million, the usual bound for computers."""


class Interval(NamedTuple):
    """From `low` to `high`, both included."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2

    @property
    def half(self) -> float:
        return (self.high - self.low) / 2

    def widened(self, by: float) -> Interval:
        return Interval(self.low - by, self.high + by)

    def common(self, other: Interval) -> Interval | None:
        """What both hold, or None."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Interval(low, high) if low <= high else None


class Agreed(NamedTuple):
    """The interval that `votes` sources share."""

    interval: Interval
    votes: int


def agree(intervals: Sequence[Interval]) -> list[Agreed]:
    """The intervals that the greatest number of sources share: one, or several that tie.

    Source: K. Marzullo, "Maintaining the Time in a Distributed System" (1984); RFC 5905, section 11.2.1.
    """
    edges = sorted(
        [(each.low, 0) for each in intervals] + [(each.high, 1) for each in intervals]
    )   # a start sorts before an end at the same place: touching intervals do overlap
    best, open_now = 0, 0
    found: list[Agreed] = []
    for index, (place, closes) in enumerate(edges):
        if closes:
            open_now -= 1
            continue
        open_now += 1
        if open_now >= best and edges[index + 1][1]:
            if open_now > best:
                best, found = open_now, []
            found.append(Agreed(Interval(place, edges[index + 1][0]), open_now))
    return found


@dataclass(slots=True)
class Source:
    """What one clock said, narrowed by each further word of it."""

    interval: Interval
    at: float
    """Seconds on the steady clock when it was last heard."""

    def aged(self, now: float) -> Interval:
        """Its interval as it holds now: both quartzes may have drifted since."""
        return self.interval.widened(max(0.0, now - self.at) * 1e6 * DRIFT)

    def heard(self, interval: Interval, at: float) -> None:
        """It spoke again. A clock that contradicts itself was set; its newest word counts."""
        self.interval = self.aged(at).common(interval) or interval
        self.at = at
