"""Kinds of messages other than text, in one extension element beside the fallback body.

``<payload xmlns='urn:tulou:message:0' kind='location'><field name='lat'>26.6</field></payload>``

Who does not know the element, shows the body. What is too large or malformed is ignored, never an
error: it is somebody else's input.
"""

from __future__ import annotations

from collections.abc import Mapping

from tulou_xmpp.wire import Element
from tulou_xmpp.wire.namespaces import TULOU_MESSAGE

MAX_FIELDS = 64
MAX_NAME = 64
"""Characters of a kind's or a field's name."""
MAX_TOTAL = 64 * 1024
"""Characters of all values together."""


def fits(kind: str, data: Mapping[str, str]) -> str:
    """Why readers would ignore this payload, in a sentence; "" when it is fine."""
    if not kind or len(kind) > MAX_NAME:
        return f"the kind of a message has 1 to {MAX_NAME} characters"
    if len(data) > MAX_FIELDS:
        return f"a message has {MAX_FIELDS} fields at most, not {len(data)}"
    if any(not name or len(name) > MAX_NAME for name in data):
        return f"the name of a message's field has 1 to {MAX_NAME} characters"
    if sum(map(len, data.values())) > MAX_TOTAL:
        return f"a message's fields hold {MAX_TOTAL:,} characters at most"
    return ""


def encode_payload(kind: str, data: Mapping[str, str]) -> Element | None:
    """The extension element; None for plain text, which needs none."""
    if kind == "text" and not data:
        return None
    fields = (Element("field", TULOU_MESSAGE, value, name=name) for name, value in data.items())
    return Element("payload", TULOU_MESSAGE, *fields, kind=kind)


def decode_payload(payload: Element) -> tuple[str, dict[str, str]] | None:
    """Kind and fields; None when it is not one we would have sent."""
    kind = payload.get("kind")
    if len(payload.children) > MAX_FIELDS:
        return None
    data: dict[str, str] = {}
    for child in payload.children:
        name = child.get("name")
        if not child.is_("field", TULOU_MESSAGE) or name in data:
            return None
        data[name] = child.text
    return None if fits(kind, data) else (kind, data)
