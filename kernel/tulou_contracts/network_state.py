"""Network state: whether this machine has a network, which one, and what time it is out there.

Implemented by `net`. The state is a hint: it makes others try at once or show why, and never keeps
anybody from trying (a server on this machine needs no network).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Reach(Enum):
    """How far packets get, as far as we know."""

    UP = "up"            # there is a route out of this machine
    DOWN = "down"        # there is none
    CAPTIVE = "captive"  # something on the way answers in the place of others: a sign-in page


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkState:
    """What is known of the network now."""

    reach: Reach
    addresses: tuple[str, ...] = ()
    """Our addresses on the routes out, IPv4 before IPv6; another set is another network."""
    interface: str = ""
    """The interface of the first address, where it can be told."""
    metered: bool | None = None
    """A guess whether traffic costs money (a phone's network); None: no guess."""
    detail: str = ""
    """In words, e.g. where a captive network sends people to sign in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStateChanged:
    """Event: the state is another one. `tulou.NetworkChanged` is published with it for those who
    only want to probe."""

    state: NetworkState


class NetworkMonitor(Protocol):
    """Watches the machine's network."""

    @property
    def state(self) -> NetworkState:
        """The newest state; each change is also published as an event."""

    async def look(self) -> NetworkState:
        """Look now, the captive check included, instead of at the next turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSkewed:
    """Event: this machine's clock is wrong by so many seconds (positive: it is late), or right
    again (0). Published when it starts, ends, or changes by a minute."""

    seconds: float


class NetworkClock(Protocol):
    """UTC as servers tell it, whatever this machine's own clock says.

    Sources are asked by rooms that talk to servers anyway; each observation bounds the time from
    both sides, and the time that most sources agree on counts (Marzullo's algorithm, as in NTP,
    RFC 5905). Without any source it is the machine's clock.
    """

    def now(self) -> int:
        """Microseconds since 1970 UTC. Never less than what it answered before."""

    def elapsed(self) -> float:
        """Seconds on the steady clock that observations are stated in."""

    @property
    def offset(self) -> float:
        """Seconds to add to this machine's clock to get UTC."""

    @property
    def uncertainty(self) -> float | None:
        """Seconds that `now` may be wrong either way; None while no source was heard."""

    @property
    def sources(self) -> Mapping[str, float]:
        """Each source heard and the offset in seconds it stands for alone."""

    def observe(
        self, source: str, said: int, *, sent: float, received: float, resolution: float = 0.0
    ) -> None:
        """A source said, between `sent` and `received` (of `elapsed`), that it is `said`
        microseconds since 1970 UTC, cut off to `resolution` seconds. Impossible values are ignored."""
