"""What a session sends: counted, kept until the server has it, and held back when it does harm.

A stanza over which the server ended the stream would end the next one too. So after such an end
stanzas go out one at a time, and one that ends a second stream, alone, is poison and dropped.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from tulou_xmpp.wire.acks import Outbound

POISON = frozenset({
    "policy-violation", "not-well-formed", "bad-format", "invalid-xml", "restricted-xml",
    "bad-namespace-prefix", "invalid-namespace", "unsupported-stanza-type", "invalid-from",
    "internal-server-error",
})
"""Stream errors that a stanza of ours may have caused (RFC 6120, section 4.9.3)."""
_STRIKES = 2
_PROBATION = 50
"""So many stanzas must get through after a bad end before they flow freely again."""


@dataclass(slots=True)
class Entry:
    """A stanza on its way; `key` is the same on every attempt with the same message."""

    frame: str
    key: str
    tag: object


class Outbox:
    """The stanzas of a session, in the order they were given, until the server has taken them."""

    def __init__(self) -> None:
        self._flying: Outbound[Entry] = Outbound()
        self._held: deque[Entry] = deque()
        self._strikes: dict[str, int] = {}
        self._probation = 0

    @property
    def flying(self) -> int:
        """How many were sent and are not acknowledged."""
        return len(self._flying)

    def put(self, entry: Entry) -> list[Entry]:
        """Take a stanza; what may be written now."""
        self._held.append(entry)
        return self._release()

    def acknowledge(self, h: int) -> tuple[list[Entry], list[Entry]]:
        """The server has handled `h`: what it took, and what may be written now. Raises `WireError`."""
        taken = self._flying.acknowledge(h)
        if self._probation:
            self._pardon(taken)
        return taken, self._release()

    def _pardon(self, taken: list[Entry]) -> None:
        for entry in taken:
            self._strikes.pop(entry.key, None)
        self._probation = max(0, self._probation - len(taken))
        if not self._probation:
            self._strikes.clear()

    def take(self, count: int) -> list[Entry]:
        """Without stream management: the server has the oldest `count` of what flies."""
        taken = self._flying.acknowledge(self._flying.acknowledged + min(count, len(self._flying)))
        self._pardon(taken)
        return taken

    def release(self) -> list[Entry]:
        """What may be written now."""
        return self._release()

    def _release(self) -> list[Entry]:
        held = self._held
        released: list[Entry] = []
        while held and not (self._probation and self._flying):
            entry = held.popleft()
            self._flying.sent(entry)
            released.append(entry)
        return released

    def strike(self) -> None:
        """The server ended the stream in a way that one of the flying stanzas may have caused."""
        flying = self._flying.unacknowledged()
        if not flying:
            return
        self._probation = len(flying) + _PROBATION
        for entry in flying:
            self._strikes[entry.key] = self._strikes.get(entry.key, 0) + 1

    def rewind(self) -> list[Entry]:
        """Right after a resumption: put what flew back in front; returns the poison among it."""
        flying = self._flying.take_back()
        poison = [entry for entry in flying if self._is_poison(entry)]
        self._held.extendleft(reversed([entry for entry in flying if not self._is_poison(entry)]))
        return self._forget(poison)

    def clear(self) -> tuple[list[Entry], list[Entry]]:
        """The session is gone: what it had not been told to be taken, and the poison among that."""
        entries = self._flying.take_back() + list(self._held)
        self._held.clear()
        self._flying = Outbound()
        poison = [entry for entry in entries if self._is_poison(entry)]
        return [entry for entry in entries if entry not in poison], self._forget(poison)

    def _is_poison(self, entry: Entry) -> bool:
        return self._strikes.get(entry.key, 0) >= _STRIKES

    def _forget(self, poison: list[Entry]) -> list[Entry]:
        # a person may try once more, and gets the same careful treatment
        for entry in poison:
            self._strikes.pop(entry.key, None)
        return poison
