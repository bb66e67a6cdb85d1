"""Stanza errors in words for people (RFC 6120, section 8.3.3)."""

from __future__ import annotations

from tulou_xmpp.session.conditions import stanza_error
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

_REASONS = {
    "bad-request": "the server could not understand it",
    "conflict": "the name is taken",
    "feature-not-implemented": "the server does not offer this",
    "forbidden": "you are not allowed to do this",
    "gone": "the recipient's address is no longer in use",
    "internal-server-error": "the server has a problem of its own",
    "item-not-found": "there is no such recipient or item",
    "jid-malformed": "the recipient's address is not valid",
    "not-acceptable": "the server does not accept its content",
    "not-allowed": "the server does not allow it",
    "not-authorized": "you are not allowed to do this",
    "payment-required": "the server wants to be paid for this",
    "policy-violation": "it is against the server's rules",
    "recipient-unavailable": "the recipient cannot be reached now",
    "registration-required": "you have to register for this first",
    "remote-server-not-found": "the recipient's server does not exist",
    "remote-server-timeout": "the recipient's server does not answer",
    "resource-constraint": "the server has no room for it now",
    "service-unavailable": "there is no such recipient, or they take no messages",
    "subscription-required": "you have to be on the recipient's contact list",
}


def condition_of(stanza: Element) -> str:
    """Why a stanza came back, as the protocol names it; of one that did not, nothing that counts."""
    return stanza_error(stanza)[0]


def reason_of(stanza: Element) -> str:
    """Why a stanza came back, in a sentence fit to be shown; the server's own words if it has any."""
    condition, text = stanza_error(stanza)
    return text or reason_for(condition)


def reason_for(condition: str) -> str:
    """A stanza error's condition in words."""
    return _REASONS.get(condition, f"the server says {condition}")


def error_reply(stanza: Element, kind: str, condition: str) -> Element:
    """The error stanza that answers `stanza`, e.g. ``error_reply(iq, "cancel", "service-unavailable")``."""
    return Element(
        stanza.name, ns.CLIENT,
        Element("error", ns.CLIENT, Element(condition, ns.STANZAS), type=kind),
        type="error", id=stanza.attributes.get("id"), to=stanza.attributes.get("from"),
    )
