"""Which stanzas each side has (XEP-0198): counts, acknowledgements, and going on after a lost connection.

Without stream management a ping's answer says that the server took all that was sent before it.
"""

from __future__ import annotations

from tulou_xmpp.session import events
from tulou_xmpp.session.outbox import Entry, Outbox
from tulou_xmpp.session.states import State
from tulou_xmpp.session.stream import Stream
from tulou_xmpp.wire import Element, WireError
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.acks import Inbound, parse_h

_ACK_EVERY = 100
"""Unasked, tell the server what was handled after so many stanzas."""
_SYNC = "sync-"
"""How the ids of our pings begin."""


class Management:
    """The stanzas of one session; it lives through streams."""

    def __init__(self, stream: Stream) -> None:
        self.enabled = False
        """Stream management is on."""
        self.epoch = 0
        """Grows when counting starts anew or goes on; `handled` of an older epoch does not count."""
        self.asking = False
        """Whether an acknowledgement was asked for and has not come."""
        self.answers = 0
        """Grows with each acknowledgement of the server's."""
        self._stream = stream
        self._outbox = Outbox()
        self._inbound = Inbound()
        self._received = 0
        self._handled = 0
        self._acked_at = 0
        self._asked_at: int | None = None
        self._answered_early = False
        self._sync = 0
        self._synced = 0
        self._resumption = ""
        self._struck = False

    # ---- the session's life ----

    @property
    def resumable(self) -> bool:
        """Whether the server promised to keep the session for us."""
        return bool(self._resumption)

    def connected(self) -> None:
        """A new connection: nothing is owed on it."""
        self.asking = False
        self._asked_at = None
        self._struck = False

    def enable(self) -> None:
        """Ask the server to count."""
        self._stream.write(Element("enable", ns.SM, resume="true"))

    def on_enabled(self, element: Element) -> None:
        """From here both sides count."""
        self._new_epoch(Inbound())
        self.enabled = True
        self._resumption = element.get("id") if element.get("resume") in ("true", "1") else ""

    def resume(self) -> None:
        """Ask the server to go on where the former connection broke."""
        self._new_epoch()
        self._stream.write(Element("resume", ns.SM, previd=self._resumption, h=str(self._inbound.h)))

    def on_resumed(self, element: Element) -> list[events.Event]:
        """The server goes on; what it did not get is sent again."""
        taken, _ = self._outbox.acknowledge(parse_h(element.get("h")))
        poison = self._outbox.rewind()
        return [*_taken(taken), *_poisonous(poison)]

    def on_refused(self, element: Element) -> list[events.Event]:
        """The server has forgotten the session, but perhaps not how far it came."""
        taken: list[Entry] = []
        if "h" in element.attributes:
            try:
                taken, _ = self._outbox.acknowledge(parse_h(element.get("h")))
            except WireError:
                taken = []
        return [*_taken(taken), *self.forget()]

    def forget(self) -> list[events.Event]:
        """The session is gone, and with it all that the server did not say it has."""
        self.enabled = False
        self._resumption = ""
        self._new_epoch(Inbound())
        entries, poison = self._outbox.clear()
        tags = tuple(entry.tag for entry in entries if entry.tag is not None)
        return [events.Lost(tags), *_poisonous(poison)]

    def _new_epoch(self, inbound: Inbound | None = None) -> None:
        self.epoch += 1
        self._inbound = inbound or self._inbound
        self._received = self._handled = self._acked_at = 0
        self._asked_at = None

    # ---- our stanzas ----

    @property
    def waiting(self) -> int:
        """Stanzas that were written and that the server has not been heard to have taken."""
        return self._outbox.flying

    def send(self, entry: Entry) -> None:
        """Write a stanza, now or when those before it are through."""
        self._write(self._outbox.put(entry))

    def release(self) -> None:
        """Write what was held back."""
        self._write(self._outbox.release())

    def strike(self) -> None:
        """The server ended the stream over what we sent."""
        if not self._struck and self._stream.state in (State.READY, State.CLOSING):
            self._struck = True
            self._outbox.strike()

    def ask(self) -> None:
        """Ask the server how far it came."""
        if self._stream.ready:
            self.asking = True
            self._stream.write(self._question())

    def on_answer(self, element: Element) -> list[events.Event]:
        """The server says how far it came."""
        self._stream.expect(State.READY, State.CLOSING)
        self.asking = False
        self.answers += 1
        taken, released = self._outbox.acknowledge(parse_h(element.get("h")))
        self._write(released)
        return _taken(taken)

    def _question(self) -> Element:
        if self.enabled:
            return Element("r", ns.SM)
        self._sync += 1
        self._synced = self._outbox.flying
        return Element("iq", ns.CLIENT, Element("ping", ns.PING), type="get",
                       to=self._stream.domain, id=f"{_SYNC}{self._sync}")

    def _on_sync(self, iq: Element) -> list[events.Event]:
        if iq.get("id") != f"{_SYNC}{self._sync}" or not self.asking:
            return []
        self.asking = False
        self.answers += 1
        taken = self._outbox.take(self._synced)
        self.release()
        return _taken(taken)

    def _write(self, entries: list[Entry]) -> None:
        self._stream.write_frames([entry.frame for entry in entries])

    # ---- the server's stanzas ----

    def on_stanza(self, stanza: Element) -> list[events.Event]:
        """Count a stanza; the answers to our own pings are nobody else's."""
        if stanza.name == "iq" and not self.enabled and stanza.get("id").startswith(_SYNC):
            return self._on_sync(stanza)
        self._received += 1
        return [events.Received(stanza, self.epoch)]

    def handled(self, count: int, epoch: int) -> None:
        """So many more of the received stanzas are safe; they may be acknowledged."""
        if epoch != self.epoch:
            return
        self._handled += count
        self._inbound.handled(count)
        if self._asked_at is not None and self._handled >= self._asked_at:
            self.answer()
        elif self._handled - self._acked_at >= _ACK_EVERY:
            self.answer()

    @property
    def answer_due(self) -> bool:
        """Whether the server has asked what was handled, and waits."""
        return self._asked_at is not None and not self._answered_early

    def answer(self) -> None:
        """Tell the server what was handled so far (XEP-0198 <a/>).

        When that is not yet all it asked for, it hears from us again as soon as it is.
        """
        self._answered_early = self._asked_at is not None and self._handled < self._asked_at
        if not self._answered_early:
            self._asked_at = None
        if self.enabled and self._stream.ready:
            self._acked_at = self._handled
            self._stream.write(Element("a", ns.SM, h=str(self._inbound.h)))

    def on_request(self, element: Element) -> list[events.Event]:
        """The server asks what was handled."""
        self._stream.expect(State.READY, State.CLOSING)
        if self._stream.ready:
            self._asked_at = self._received
            self._answered_early = False
            if self._handled >= self._received:
                self.answer()
        return []


def _taken(entries: list[Entry]) -> list[events.Event]:
    tags = tuple(entry.tag for entry in entries if entry.tag is not None)
    return [events.Taken(tags)] if tags else []


def _poisonous(entries: list[Entry]) -> list[events.Event]:
    reason = "the server ended the connection over it twice, so it is not sent again"
    return [events.Poisonous(entry.tag, reason) for entry in entries if entry.tag is not None]
