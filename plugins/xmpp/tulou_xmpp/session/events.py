"""What a session tells whoever drives it."""

from __future__ import annotations

from dataclasses import dataclass

from tulou_xmpp.wire import JID, Element
from tulou_xmpp.wire.scram import Derivation


@dataclass(frozen=True, slots=True)
class Derive:
    """Run the derivation in a thread and hand its result to `Session.derived`."""

    derivation: Derivation


@dataclass(frozen=True, slots=True)
class PasswordAccepted:
    """The server knows the password (and proved it, with SCRAM)."""


@dataclass(frozen=True, slots=True)
class PasswordRefused:
    """Authentication failed; `permanent` when trying again with the same password is pointless."""

    condition: str
    reason: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class Registered:
    """The account was made."""


@dataclass(frozen=True, slots=True)
class RegistrationFailed:
    """The account was not made; `condition` is the stanza error's."""

    condition: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Stanzas can flow. `resumed`: the former session goes on."""

    address: JID
    resumed: bool


@dataclass(frozen=True, slots=True)
class Received:
    """A stanza; exactly one `Session.handled` is owed for each, in order."""

    stanza: Element
    epoch: int


@dataclass(frozen=True, slots=True)
class Taken:
    """The server has taken what was sent with these tags."""

    tags: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """The former session is gone for good; it is not known whether these were taken."""

    tags: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Poisonous:
    """The server ended the stream over this stanza, twice; it is not sent again."""

    tag: object
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The server ended the stream, with a stream error's condition or in order ("")."""

    condition: str
    reason: str


Event = (
    Derive | PasswordAccepted | PasswordRefused | Registered | RegistrationFailed | Ready | Received
    | Taken | Lost | Poisonous | Ended
)
