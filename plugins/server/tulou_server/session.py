"""A bound resource. It outlives its connection for as long as it can be resumed (XEP-0198)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

import trio

from tulou_server.outbox import Entry, Outbox
from tulou_xmpp.wire import JID, Element, serialise
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.acks import Inbound

if TYPE_CHECKING:
    from tulou_server.directory import Online


class Link(Protocol):
    """The connection a session is on."""

    finished: trio.Event
    """Set when the connection is gone and its session hibernates or has ended."""

    def drop(self, reason: str) -> None:
        """Give the connection up at once, without a word."""

    def end_stream(self, condition: str, text: str) -> None:
        """Send a stream error, then close; the session is over already."""


class Mail(Enum):
    """Which stored messages come to a session."""

    NONE = "none"                  # only what is sent to its full address
    CATCHING_UP = "catching up"    # from the database, until nothing is left there
    LIVE = "live"                  # as they are committed


class Session:
    """One resource of an account: its queue, its presence, its place in the archive."""

    def __init__(self, online: Online, jid: JID, outbox: Outbox, link: Link) -> None:
        self.online = online
        self.jid = jid
        self.address = str(jid)
        self.resource = jid.resource
        self.outbox = outbox
        self.link: Link | None = link
        self.inbound = Inbound()
        self.token = ""
        """What resumes it; empty while it cannot be resumed."""
        self.presence: Element | None = None
        self.priority: int | None = None
        self.carbons = False
        self.interested = False
        """It asked for the roster, so it gets pushes."""
        self.directed: set[str] = set()
        """Addresses that got its presence without a subscription."""
        self.mail = Mail.NONE
        self.catch_up_round = 0
        self.missed: list[int] = []
        """Numbers of messages that were delivered to it while it was catching up: it gets them then,
        also when another device of the account has taken them meanwhile."""
        self.passed: set[int] = set()
        """Numbers that catching up has left to another device, and which were not delivered yet."""
        self.fed = 0
        """Stored messages up to this number were considered for it."""
        self.carrying: set[int] = set()
        """Numbers of stored messages that are in its queue, or written and not acknowledged."""
        self.lock = trio.Lock()
        """Held while stanzas of it are being handled: a resumption has to wait for their count."""
        self.ended = False
        self.wake = trio.Event()
        """Set when hibernation should be over: resumed, ended, or too much is queued."""

    @property
    def account(self) -> str:
        """The account's name."""
        return self.online.name

    def send(self, element: Element, seq: int = 0) -> None:
        """Queue a stanza for the client."""
        self.send_text(serialise(element), seq)

    def send_text(self, text: str, seq: int = 0) -> None:
        """Queue a serialised stanza for the client."""
        self._push(Entry(text, seq=seq))

    def send_nonza(self, element: Element, *, enables: bool = False) -> None:
        """Queue an element that is not a stanza, so does not count."""
        self._push(Entry(serialise(element), counted=False, enables=enables))

    def tell_handled(self) -> None:
        """Acknowledge what the client has sent."""
        self.send_nonza(Element("a", ns.SM, h=str(self.inbound.h)))

    def _push(self, entry: Entry) -> None:
        if self.ended:
            return
        self.outbox.push(entry)
        if self.outbox.overfull:
            if self.link is not None:
                self.link.drop("it does not read what is sent to it")
            else:
                self.wake.set()
