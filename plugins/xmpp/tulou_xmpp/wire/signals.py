"""Signals: short questions, answers and notices beside the messages; an extension of our own.

``<signal xmlns='urn:tulou:signal:0' name='company.token'><field name='expires'>3600</field></signal>``

A question is an iq of type get that holds one, its answer the result with one of the same name; a
notice is a message of type headline, which servers neither archive nor keep for later.
"""

from __future__ import annotations

from collections.abc import Mapping

from tulou_xmpp.wire.element import Element
from tulou_xmpp.wire.namespaces import CLIENT, HINTS, SIGNAL

MAX_FIELDS = 64
MAX_NAME = 64
"""Characters of a signal's or a field's name."""
MAX_TOTAL = 64 * 1024
"""Characters of all texts together."""


def misfit(name: str, content: Mapping[str, str]) -> str:
    """Why nobody would take this signal, in a sentence; "" when it is fine."""
    if not name or len(name) > MAX_NAME:
        return f"the name of a signal has 1 to {MAX_NAME} characters"
    if len(content) > MAX_FIELDS:
        return f"a signal has {MAX_FIELDS} fields at most, not {len(content)}"
    if any(not each or len(each) > MAX_NAME for each in content):
        return f"the name of a signal's field has 1 to {MAX_NAME} characters"
    if sum(map(len, content.values())) > MAX_TOTAL:
        return f"a signal's fields hold {MAX_TOTAL:,} characters at most"
    return ""


def encode_signal(name: str, content: Mapping[str, str]) -> Element:
    """The extension element; whether it fits is asked of `misfit`."""
    fields = (Element("field", SIGNAL, text, name=key) for key, text in content.items())
    return Element("signal", SIGNAL, *fields, name=name)


def decode_signal(signal: Element) -> tuple[str, dict[str, str]] | None:
    """Name and fields; None when it is not one we would have sent."""
    name = signal.get("name")
    if len(signal.children) > MAX_FIELDS:
        return None
    content: dict[str, str] = {}
    for child in signal.children:
        key = child.get("name")
        if not child.is_("field", SIGNAL) or key in content:
            return None
        content[key] = child.text
    return None if misfit(name, content) else (name, content)


def notice(to: str, name: str, content: Mapping[str, str], sender: str | None = None) -> Element:
    """The message that carries a notice; `sender` where it has to be written by ourselves."""
    return Element(
        "message", CLIENT, encode_signal(name, content), Element("no-store", HINTS),
        type="headline", to=to, from_=sender,
    )


def notice_of(stanza: Element) -> tuple[str, dict[str, str]] | None:
    """The notice in a message, if it is one."""
    if stanza.get("type") != "headline":
        return None
    signal = stanza.child("signal", SIGNAL)
    return None if signal is None else decode_signal(signal)
