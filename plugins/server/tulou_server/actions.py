"""What the protocol of one connection asks its surroundings to do."""

from __future__ import annotations

from dataclasses import dataclass, field

from tulou_xmpp.wire import JID, Element


@dataclass(frozen=True, slots=True)
class Send:
    """Write an element to this connection."""

    element: Element


@dataclass(frozen=True, slots=True)
class Close:
    """Write what is queued, then close the socket. `orderly`: the client said goodbye."""

    orderly: bool


@dataclass(frozen=True, slots=True)
class FindKeys:
    """Look up SCRAM keys and call `Stream.keys_found`."""

    name: str
    mechanism: str


@dataclass(frozen=True, slots=True)
class CreateAccount:
    """Create an account and call `Stream.registered`."""

    iq: Element
    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bind:
    """Make a session and call `Stream.bound`. An empty resource: choose one."""

    iq: Element
    name: str
    resource: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Find a hibernating session and call `Stream.resumed` or `Stream.not_resumed`."""

    name: str
    token: str
    h: int


@dataclass(frozen=True, slots=True)
class Enable:
    """Switch stream management on for the bound session."""

    resumable: bool


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The client has handled `h` stanzas of ours."""

    h: int


@dataclass(frozen=True, slots=True)
class AckRequested:
    """Tell the client how many of its stanzas were handled."""


@dataclass(frozen=True, slots=True)
class Stanza:
    """A stanza of the bound session, its `from` stamped; `to` is checked, None when absent."""

    element: Element
    to: JID | None


@dataclass(frozen=True, slots=True)
class Refuse:
    """A stanza that counts as handled, and its answer (None: it may not be answered)."""

    answer: Element | None


Action = (
    Send | Close | FindKeys | CreateAccount | Bind | Resume | Enable | Acknowledged | AckRequested
    | Stanza | Refuse
)
