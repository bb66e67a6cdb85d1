"""What the error elements of XMPP say (RFC 6120, sections 4.9, 6.5 and 8.3)."""

from __future__ import annotations

from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns


def condition_and_text(element: Element, namespace: str) -> tuple[str, str]:
    """The defined condition and the human text of an error element."""
    condition, text = "undefined-condition", ""
    for child in element.children:
        if child.namespace == namespace:
            if child.name == "text":
                text = child.text.strip()[:500]
            else:
                condition = child.name
    return condition, text


def stanza_error(stanza: Element) -> tuple[str, str]:
    """The condition and the human text of a stanza of type error (RFC 6120, section 8.3)."""
    error = stanza.child("error")
    return ("undefined-condition", "") if error is None else condition_and_text(error, ns.STANZAS)
