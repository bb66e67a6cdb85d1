"""The arithmetic of stream management (XEP-0198), for either side of a stream."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

from tulou_xmpp.wire.errors import WireError

T = TypeVar("T")
MODULUS = 1 << 32
"""Counters wrap to zero here (section 4)."""


class Outbound(Generic[T]):
    """Stanzas that were sent and are not acknowledged, oldest first.

    `h` from the other side is how many stanzas it has handled since the stream was enabled.
    """

    def __init__(self, acknowledged: int = 0) -> None:
        self.acknowledged = acknowledged % MODULUS
        self._unacked: deque[T] = deque()

    def __len__(self) -> int:
        return len(self._unacked)

    def sent(self, stanza: T) -> None:
        """Note a stanza that goes out now."""
        self._unacked.append(stanza)

    def acknowledge(self, h: int) -> list[T]:
        """The stanzas that this `h` newly acknowledges, oldest first; an `h` seen before gives none.

        Raises `WireError` when it counts stanzas that were never sent (section 4: undefined-condition).
        """
        count = (h - self.acknowledged) % MODULUS
        if count > len(self._unacked):
            raise WireError(
                "undefined-condition",
                f"the other side acknowledges {h} stanzas, but only"
                f" {(self.acknowledged + len(self._unacked)) % MODULUS} were sent",
            )
        self.acknowledged = h % MODULUS
        return [self._unacked.popleft() for _ in range(count)]

    def unacknowledged(self) -> list[T]:
        """What has to be sent again after a resumption, oldest first."""
        return list(self._unacked)

    def take_back(self) -> list[T]:
        """Forget what is unacknowledged, as if it had not been sent, and return it, oldest first.

        Only right after a resumption: from there both sides count on from the same number.
        """
        entries = list(self._unacked)
        self._unacked.clear()
        return entries


class Inbound:
    """How many stanzas of the other side were handled."""

    def __init__(self, handled: int = 0) -> None:
        self.h = handled % MODULUS

    def handled(self, count: int = 1) -> int:
        """Note `count` more as handled; the `h` to acknowledge with."""
        self.h = (self.h + count) % MODULUS
        return self.h


def parse_h(text: str) -> int:
    """The attribute `h`. Raises `WireError` when it is not a counter."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < MODULUS):
        raise WireError("bad-format", f"{text[:20]!r} is not a count of stanzas (h)")
    return int(text)
