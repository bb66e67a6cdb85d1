"""Presence subscriptions between two accounts as one table (RFC 6121, appendix A).

Each side of a pair holds a state of its own; a subscription stanza moves the sender's state by an
OUT row and the receiver's by an IN row. A state that a row does not list means: the stanza goes no
further and nothing changes.
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """What one side knows: who sees whose presence, and which request is waiting."""

    NONE = "none"
    NONE_OUT = "none+out"
    NONE_IN = "none+in"
    NONE_OUT_IN = "none+out+in"
    TO = "to"
    TO_IN = "to+in"
    FROM = "from"
    FROM_OUT = "from+out"
    BOTH = "both"

    @property
    def subscription(self) -> str:
        """The roster's `subscription` attribute."""
        return self.value.partition("+")[0]

    @property
    def asking(self) -> bool:
        """Our request is waiting for the other's answer (the roster's ``ask='subscribe'``)."""
        return "out" in self.value

    @property
    def asked(self) -> bool:
        """The other's request is waiting for our answer."""
        return self.value.endswith("in")

    @property
    def sees(self) -> bool:
        """We receive the other's presence."""
        return self.subscription in ("to", "both")

    @property
    def shows(self) -> bool:
        """The other receives our presence."""
        return self.subscription in ("from", "both")


class Way(Enum):
    """Which side's state a row moves."""

    OUT = "out"
    IN = "in"


N, NO, NI, NOI = State.NONE, State.NONE_OUT, State.NONE_IN, State.NONE_OUT_IN
T, TI, F, FO, B = State.TO, State.TO_IN, State.FROM, State.FROM_OUT, State.BOTH

TABLE: dict[tuple[Way, str], dict[State, State]] = {
    (Way.OUT, "subscribe"): {N: NO, NO: NO, NI: NOI, NOI: NOI, F: FO, FO: FO},
    (Way.OUT, "unsubscribe"): {NO: N, NOI: NI, T: N, TI: NI, FO: F, B: F},
    (Way.OUT, "subscribed"): {NI: F, NOI: FO, TI: B},
    (Way.OUT, "unsubscribed"): {NI: N, NOI: NO, TI: T, F: N, FO: NO, B: T},
    (Way.IN, "subscribe"): {N: NI, NO: NOI, T: TI},
    (Way.IN, "unsubscribe"): {NI: N, NOI: NO, TI: T, F: N, FO: NO, B: T},
    (Way.IN, "subscribed"): {NO: T, NOI: TI, FO: B},
    (Way.IN, "unsubscribed"): {NO: N, NOI: NI, T: N, TI: NI, FO: F, B: F},
}

KINDS = ("subscribe", "unsubscribe", "subscribed", "unsubscribed")


def move(way: Way, kind: str, state: State) -> State | None:
    """The state after a stanza of `kind`, or None: do not route (OUT) or deliver (IN) it."""
    return TABLE[way, kind].get(state)
