"""Small builders for replies and errors (RFC 6120, sections 4.9 and 8.3)."""

from __future__ import annotations

from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

ERROR_TYPES = {
    "bad-request": "modify",
    "conflict": "cancel",
    "feature-not-implemented": "cancel",
    "forbidden": "auth",
    "internal-server-error": "wait",
    "item-not-found": "cancel",
    "jid-malformed": "modify",
    "not-acceptable": "modify",
    "not-allowed": "cancel",
    "remote-server-not-found": "cancel",
    "resource-constraint": "wait",
    "service-unavailable": "cancel",
    "unexpected-request": "wait",
}
"""What a client may do about a condition: change the request, wait, sign in, or give up."""


def result(iq: Element, *payload: Element) -> Element:
    """The answer to an iq, addressed to whoever asked."""
    return Element(
        "iq", ns.CLIENT, *payload,
        type="result", id=iq.get("id"), from_=iq.get("to") or None, to=iq.get("from") or None,
    )


def error(stanza: Element, condition: str, text: str = "", by: str | None = None) -> Element:
    """A stanza of the same kind that says why this one failed; its payload is not repeated."""
    reason = Element("error", ns.CLIENT, Element(condition, ns.STANZAS), type=ERROR_TYPES[condition], by=by)
    if text:
        reason.children.append(Element("text", ns.STANZAS, text, **{"xml:lang": "en"}))
    return Element(
        stanza.name, ns.CLIENT, reason,
        type="error", id=stanza.get("id") or None,
        from_=stanza.get("to") or None, to=stanza.get("from") or None,
    )


def stream_error(condition: str, text: str = "") -> Element:
    """Ends a stream; `condition` is one of RFC 6120, section 4.9.3."""
    reason = Element("error", ns.STREAMS, Element(condition, ns.STREAM_ERRORS))
    if text:
        reason.children.append(Element("text", ns.STREAM_ERRORS, text, **{"xml:lang": "en"}))
    return reason


def may_be_answered(stanza: Element) -> bool:
    """Whether an error may be sent back: never to an error, nor to the answer to an iq."""
    kind = stanza.get("type")
    return kind != "error" and not (stanza.name == "iq" and kind == "result")
