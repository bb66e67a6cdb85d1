"""Transport: the wire between this account and its server, as the rest of the app sees it.

Implemented by `xmpp`. Nothing here is XMPP's own: no stanza crosses this boundary.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from tulou import needs_grant
from tulou.errors import TulouError


class TransportError(TulouError):
    """Base of the transport's errors."""


class NotConnected(TransportError):
    """There is no session with the server now."""


class NotAccepted(TransportError):
    """It is not known whether the server took the message: send it again with the same id."""


class Refused(TransportError):
    """The server refuses this message for good (too large, no such recipient, not allowed)."""


class UnknownArchiveId(TransportError):
    """The archive does not hold the message that a page was asked after or before (any more)."""


class ConnectionState(Enum):
    """The connection as a person is told of it."""

    OFFLINE = "offline"          # nobody is signed in
    CONNECTING = "connecting"
    ONLINE = "online"
    WAITING = "waiting"          # lost; the next attempt is at a known time
    REFUSED = "refused"          # the password is not accepted; no further attempt
    REPLACED = "replaced"        # another device took the session; no further attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionChanged:
    """Event. `retry_in` is seconds until the next attempt, while WAITING."""

    state: ConnectionState
    reason: str = ""
    retry_in: float | None = None
    resumed: bool = False
    """ONLINE only: the former session goes on, so nothing was missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to hand to the server. `id` is ours and stays the same on every resend."""

    id: str
    to: str
    body: str
    kind: str = "text"
    data: Mapping[str, str] = field(default_factory=dict)
    """What a kind other than plain text carries beside its fallback text `body`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMessage:
    """A message from the server: live, from another device of ours, or from the archive."""

    id: str
    """The sender's id; with `conversation` and `sender` it identifies the message."""
    archive_id: str | None
    """The archive's id, opaque; None when the server does not say."""
    conversation: str
    """The other party's address."""
    sender: str
    body: str
    kind: str = "text"
    data: Mapping[str, str] = field(default_factory=dict)
    at: int
    """Microseconds since 1970 UTC, by the server's clock where it says so."""
    outgoing: bool = False
    """Sent by this account (from this device or another)."""
    live: bool = True
    """False when it comes from the archive."""


class ReceiptKind(Enum):
    """What a receipt says of a message of ours."""

    DELIVERED = "delivered"
    READ = "read"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingReceipt:
    """The other party (or our own other device, when `own`) got or read a message."""

    kind: ReceiptKind
    message_id: str
    conversation: str
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingRefusal:
    """The server (or the recipient's) could not deliver a message of ours."""

    message_id: str
    conversation: str
    reason: str


Incoming = IncomingMessage | IncomingReceipt | IncomingRefusal
Inbox = Callable[[Sequence[Incoming]], Awaitable[None]]
"""Stores a batch. Only after it returns is the batch acknowledged to the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePage:
    """Part of the server's archive, oldest first. `complete`: nothing older (or newer) is left."""

    messages: Sequence[IncomingMessage]
    first: str | None
    last: str | None
    complete: bool


class Presence(Enum):
    """Whether a contact can be reached now."""

    ONLINE = "online"
    AWAY = "away"
    BUSY = "busy"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Somebody on the account's contact list."""

    address: str
    name: str = ""
    presence: Presence = Presence.OFFLINE
    subscribed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactChanged:
    """Event: a contact was added, renamed, came or went; `removed` when it is gone."""

    contact: Contact
    removed: bool = False


class Submission(Protocol):
    """A message on its way to the server."""

    async def accepted(self) -> None:
        """Returns when the server has taken it. Raises `NotAccepted`, `Refused`."""


class Transport(Protocol):
    """The account's connection; it connects, waits and reconnects by itself."""

    @property
    def state(self) -> ConnectionChanged:
        """The newest state; each change is also published as an event."""

    @needs_grant("messages.receive")
    def deliver_to(self, inbox: Inbox) -> None:
        """Hand everything that comes in to `inbox`, in order; only one inbox at a time.

        What comes before an inbox is there waits, unacknowledged.
        """

    @needs_grant("messages.send")
    def submit(self, message: Outgoing) -> Submission:
        """Put a message on the wire, in the order of the calls. Raises `NotConnected`."""

    @needs_grant("messages.send")
    def send_receipt(self, to: str, message_id: str, kind: ReceiptKind) -> None:
        """Tell the sender that a message was delivered or read. Raises `NotConnected`."""

    @needs_grant("messages.receive")
    async def archive(
        self, *, conversation: str | None = None, after: str | None = None,
        before: str | None = None, limit: int = 50,
    ) -> ArchivePage:
        """A page of the server's archive after or before an archive id (before="": the newest).

        An id the archive does not know (any more) raises `UnknownArchiveId`; no answer in time, or
        none that helps, `TransportError`. Raises `NotConnected`.
        """

    async def contacts(self) -> Sequence[Contact]:
        """The contact list as it is known now; empty before the first connection."""

    @needs_grant("contacts.manage")
    async def add_contact(self, address: str, name: str = "") -> None:
        """Put somebody on the list and ask to see their presence. Raises `NotConnected`, `Refused`."""

    def retry_now(self) -> None:
        """Do not wait for the next attempt."""

    def probe(self) -> None:
        """Find out at once whether the connection is still alive."""


Signal = Mapping[str, str]
"""What a signal says: names and texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalReceived:
    """Event: a party (our own server's services included) sent a notice; it is kept nowhere."""

    sender: str
    """Its address, vouched for by the server."""
    name: str
    content: Signal


class Signalling(Protocol):
    """Short questions and notices beside the messages, e.g. to a service of our server."""

    @needs_grant("signals.send")
    async def ask(self, to: str, name: str, content: Signal, *, timeout: float = 15.0) -> Signal:
        """Ask a service and await its answer; `to` empty means our own server.

        Raises `NotConnected`, `Refused` (its reason, or nobody answers to the name), `TransportError`
        (no answer in time).
        """

    @needs_grant("signals.send")
    def notify(self, to: str, name: str, content: Signal) -> None:
        """Send a notice that nobody answers. Raises `NotConnected`."""
