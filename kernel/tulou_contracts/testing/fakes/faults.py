"""What a wire does wrong, and how often."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import Enum, auto


class Fate(Enum):
    """What becomes of one thing on the wire."""

    FINE = auto()
    LOST = auto()
    """The connection breaks before it arrives."""
    UNACKNOWLEDGED = auto()
    """It arrives, and the connection breaks before the acknowledgement does."""
    TWICE = auto()
    BREAK_AFTER = auto()
    """It arrives, is acknowledged, then the connection breaks."""


@dataclass
class Faults:
    """How often which fate strikes; seeded, so that a run can be repeated."""

    rng: random.Random = field(default_factory=lambda: random.Random(0))
    lost: float = 0.0
    unacknowledged: float = 0.0
    twice: float = 0.0
    break_after: float = 0.0
    latency: float = 0.0
    """Longest delay of a message in either direction, seconds."""

    def fate(self) -> Fate:
        """Draw one."""
        roll = self.rng.random()
        for share, fate in (
            (self.lost, Fate.LOST), (self.unacknowledged, Fate.UNACKNOWLEDGED),
            (self.twice, Fate.TWICE), (self.break_after, Fate.BREAK_AFTER),
        ):
            if roll < share:
                return fate
            roll -= share
        return Fate.FINE
