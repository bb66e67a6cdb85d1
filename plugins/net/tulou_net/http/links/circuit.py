"""A circuit breaker's state machine. Pure; the caller says what time it is.

Source: M. Nygard, "Release It!" (2nd edition, 2018), chapter 5.
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Whether requests pass."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Event(Enum):
    """What happened."""

    FAILED = "failed"
    TOO_OFTEN = "failed too often"
    SUCCEEDED = "succeeded"
    RESTED = "rested"


TABLE: dict[tuple[State, Event], State] = {
    (State.CLOSED, Event.FAILED): State.CLOSED,
    (State.CLOSED, Event.TOO_OFTEN): State.OPEN,
    (State.CLOSED, Event.SUCCEEDED): State.CLOSED,
    (State.OPEN, Event.FAILED): State.OPEN,  # of a request that was under way before
    (State.OPEN, Event.TOO_OFTEN): State.OPEN,
    (State.OPEN, Event.SUCCEEDED): State.CLOSED,
    (State.OPEN, Event.RESTED): State.HALF_OPEN,
    (State.HALF_OPEN, Event.FAILED): State.OPEN,
    (State.HALF_OPEN, Event.TOO_OFTEN): State.OPEN,
    (State.HALF_OPEN, Event.SUCCEEDED): State.CLOSED,
}


class Circuit:
    """Opens after `most` failures in a row, rests for `rest` seconds (twice as long each time it
    opens again, up to `longest`), then lets one request through at a time until one succeeds."""

    def __init__(self, most: int, rest: float, longest: float = 300.0) -> None:
        self.state = State.CLOSED
        self._most = most
        self._first_rest = self._rest = rest
        self._longest = longest
        self._failures = 0
        self._rested_at = 0.0
        self._trying = False

    def admit(self, now: float) -> float:
        """0: the request may pass; else the seconds until it is worth asking again.

        Whoever passes says how it went: `succeeded`, `failed` or `forget`.
        """
        if self.state is State.CLOSED:
            return 0.0
        if self.state is State.OPEN and now >= self._rested_at:
            self._go(Event.RESTED)
        if self.state is State.OPEN:
            return self._rested_at - now
        if self._trying:
            return self._first_rest
        self._trying = True
        return 0.0

    def succeeded(self) -> None:
        """A request was answered."""
        self._trying = False
        self._failures = 0
        self._rest = self._first_rest
        self._go(Event.SUCCEEDED)

    def failed(self, now: float) -> None:
        """A request failed."""
        self._trying = False
        self._failures += 1
        before = self.state
        self._go(Event.TOO_OFTEN if self._failures >= self._most else Event.FAILED)
        if self.state is State.OPEN and before is not State.OPEN:
            if before is State.HALF_OPEN:
                self._rest = min(self._longest, self._rest * 2)
            self._rested_at = now + self._rest

    def forget(self) -> None:
        """A request ended without telling anything of the host."""
        self._trying = False

    def _go(self, event: Event) -> None:
        self.state = TABLE[self.state, event]
