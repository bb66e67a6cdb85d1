"""Decisions about messages, as pure functions: who gets one, who a carbon, and what is kept.

RFC 6121, section 8.5; XEP-0280 (carbons), 0313 (archive), 0334 (hints), 0359 (stanza ids).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar

from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

ORIGIN_ID = "origin-id"
_PASSING = {
    ("thread", ns.CLIENT), ("private", ns.CARBONS), (ORIGIN_ID, ns.STANZA_IDS), ("delay", ns.DELAY),
}
_PASSING_NAMESPACES = {ns.CHAT_STATES, ns.HINTS}
_NEVER_STORED = ("error", "groupchat", "headline")


class Resource(Protocol):
    """What the rules need to know of a session."""

    resource: str
    carbons: bool

    @property
    def priority(self) -> int | None:
        """The presence's priority; None while not available."""


R = TypeVar("R", bound=Resource)


class Otherwise(Enum):
    """What becomes of a message that nobody can take now."""

    STORE = "store"
    DROP = "drop"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Plan(Generic[R]):
    """Who gets the message itself and who a carbon of it."""

    direct: Sequence[R]
    carbons: Sequence[R]
    otherwise: Otherwise


def kind_of(message: Element) -> str:
    """The message's type; one that is unknown counts as normal (RFC 6121, section 5.2.2)."""
    kind = message.get("type", "normal")
    return kind if kind in ("chat", "error", "groupchat", "headline") else "normal"


def is_stored(message: Element) -> bool:
    """Whether the archives keep it: it says something that still matters later."""
    if kind_of(message) in _NEVER_STORED:
        return False
    if message.child("no-store", ns.HINTS) or message.child("no-permanent-store", ns.HINTS):
        return False
    return message.child("store", ns.HINTS) is not None or any(
        child.namespace not in _PASSING_NAMESPACES and (child.name, child.namespace) not in _PASSING
        for child in message.children
    )


def wants_carbons(message: Element) -> bool:
    """Whether other devices of the same account should see it too (XEP-0280, section 6)."""
    if message.child("private", ns.CARBONS) or message.child("no-copy", ns.HINTS):
        return False
    return kind_of(message) in ("chat", "normal") and bool(message.children)


def plan(message: Element, resource: str, sessions: Collection[R]) -> Plan[R]:
    """Who among an account's `sessions` gets a message to it (`resource` empty: to the account)."""
    kind = kind_of(message)
    exact = [session for session in sessions if resource and session.resource == resource]
    if exact:
        others = [s for s in sessions if s.carbons and s is not exact[0]]
        return Plan(exact, others if wants_carbons(message) else [], Otherwise.DROP)
    if kind == "error" or (kind == "headline" and resource):
        return Plan([], [], Otherwise.DROP)
    if kind == "groupchat":
        return Plan([], [], Otherwise.REFUSE)
    reachable = [s for s in sessions if s.priority is not None and s.priority >= 0]
    others = [s for s in sessions if s.carbons and s not in reachable]
    carbons = others if reachable and wants_carbons(message) else []
    if kind == "headline":
        return Plan(reachable, carbons, Otherwise.DROP)
    if is_stored(message):
        return Plan(reachable, carbons, Otherwise.STORE)
    says_something = message.child("body", ns.CLIENT) is not None
    return Plan(reachable, carbons, Otherwise.REFUSE if says_something else Otherwise.DROP)


def clean(message: Element, domain: str) -> None:
    """Remove what only a server may say: stanza ids, and delays in this server's name."""
    message.children = [
        child for child in message.children
        if not child.is_("stanza-id", ns.STANZA_IDS)
        and not (child.is_("delay", ns.DELAY) and _within(child.get("from"), domain))
    ]


def _within(address: str, domain: str) -> bool:
    return address.rpartition("@")[2].partition("/")[0].lower() == domain


def without_private(message: Element) -> Element:
    """The message as its receiver sees it: the wish for no carbons was the sender's business."""
    if message.child("private", ns.CARBONS) is None:
        return message
    message = message.copy()
    message.children = [child for child in message.children if not child.is_("private", ns.CARBONS)]
    return message


def with_stanza_id(message: Element, by: str, seq: int) -> Element:
    """The message with its number in the archive of `by` (XEP-0359); shares the payload."""
    marked = Element(message.name, message.namespace, message.text)
    marked.attributes = message.attributes
    marked.children = [*message.children, Element("stanza-id", ns.STANZA_IDS, by=by, id=str(seq))]
    return marked


def carbon(message: Element, direction: str, account: str, to: str) -> Element:
    """A carbon (direction: sent or received) from the account's bare address to one session."""
    forwarded = Element("forwarded", ns.FORWARD, message)
    wrapper = Element("message", ns.CLIENT, Element(direction, ns.CARBONS, forwarded))
    wrapper.attributes = {"from": account, "to": to, "type": message.get("type", "normal")}
    return wrapper
