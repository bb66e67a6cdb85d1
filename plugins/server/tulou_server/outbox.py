"""What one client still has to get: stanzas not written yet, and written ones not acknowledged.

The counting of XEP-0198 begins when ``<enabled/>`` is written. Nothing here waits or does I/O; the
writer of a connection takes entries one by one and says when each was written.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from tulou.flow import Signal
from tulou_xmpp.wire import Element, serialise
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.acks import Outbound

ASK_EVERY = 50
"""Stanzas after which an acknowledgement is asked for, even when more are waiting."""


@dataclass(slots=True, eq=False)
class Entry:
    """One frame. `counted`: a stanza by XEP-0198; `seq`: its number in the owner's archive, or 0."""

    text: str
    counted: bool = True
    seq: int = 0
    enables: bool = False


_REQUEST = serialise(Element("r", ns.SM))


class Outbox:
    """The queue to one client; it outlives a connection when the session is resumed."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.signal = Signal()
        """Set when there is something to write."""
        self.progress = Signal()
        """Set when something was written or acknowledged."""
        self.managed = False
        self.closing = False
        """Nothing may be added any more; the connection closes when all is written."""
        self.waiting_size = 0
        self._waiting: deque[Entry] = deque()
        self._unacked: Outbound[Entry] = Outbound()
        self._unacked_size = 0
        self._unasked = 0

    @property
    def overfull(self) -> bool:
        """More is kept for the client than it is worth: it does not read, or never acknowledges."""
        return self.waiting_size + self._unacked_size > self.limit

    @property
    def crowded(self) -> bool:
        """So much waits that whatever makes more of it should wait too."""
        return self.waiting_size > self.limit // 4

    @property
    def loaded(self) -> bool:
        """The client has enough to do with what it was sent already."""
        return self.waiting_size + self._unacked_size > self.limit // 4

    def push(self, entry: Entry) -> None:
        """Add to the end of the queue."""
        if self.closing:
            return
        self._waiting.append(entry)
        self.waiting_size += len(entry.text)
        self.signal.set()

    def close(self) -> None:
        """Nothing comes after what is in the queue now."""
        self.closing = True
        self.signal.set()

    def take(self) -> Entry | None:
        """The next frame to write; once it was written, `written` has to be called."""
        if self._unasked and (not self._waiting or self._unasked >= ASK_EVERY) and not self.closing:
            self._unasked = 0
            return Entry(_REQUEST, counted=False)
        if not self._waiting:
            return None
        entry = self._waiting.popleft()
        self.waiting_size -= len(entry.text)
        self.progress.set()
        if entry.enables:
            self.managed = True
        elif self.managed and entry.counted:
            # noted before it is written: a write that fails half-way has to be repeated
            self._unacked.sent(entry)
            self._unacked_size += len(entry.text)
            self._unasked += 1
        return entry

    def written(self, entry: Entry) -> int:
        """The archive number that counts as taken by the client now, or 0."""
        return 0 if self.managed else entry.seq

    def ask(self) -> None:
        """Ask for an acknowledgement now, as a sign of life."""
        self.push(Entry(_REQUEST, counted=False))

    def acknowledge(self, h: int) -> list[Entry]:
        """What the client has taken, newly. Raises `WireError` when `h` counts too much."""
        entries = self._unacked.acknowledge(h)
        self._unacked_size -= sum(len(entry.text) for entry in entries)
        self.progress.set()
        return entries

    def rewind(self) -> None:
        """The connection is lost: what was not acknowledged is to be written again, first."""
        unacked = self._unacked.unacknowledged()
        self._unacked = Outbound(self._unacked.acknowledged)
        kept = [*unacked, *(entry for entry in self._waiting if entry.counted)]
        self._waiting = deque(kept)
        self.waiting_size = sum(len(entry.text) for entry in kept)
        self._unacked_size = self._unasked = 0

    def prepend(self, entries: list[Entry]) -> None:
        """Put frames before all others (the answer to a resumption)."""
        self._waiting.extendleft(reversed(entries))
        self.waiting_size += sum(len(entry.text) for entry in entries)
        self.signal.set()

    def drain(self) -> list[Entry]:
        """Empty the queue: everything the client has not certainly got, oldest first."""
        entries = [*self._unacked.unacknowledged(), *self._waiting]
        self._waiting.clear()
        self._unacked = Outbound(self._unacked.acknowledged)
        self.waiting_size = self._unacked_size = self._unasked = 0
        return entries
