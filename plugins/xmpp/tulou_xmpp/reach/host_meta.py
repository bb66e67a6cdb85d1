"""What a domain's host-meta says of WebSockets (XEP-0156; RFC 6415). Pure."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

from tulou_xmpp.wire import FrameParser, WireError

_RELATION = "urn:xmpp:alt-connections:websocket"
_XRD = "http://docs.oasis-open.org/ns/xri/xrd-1.0"
_DECLARATION = re.compile(r"\A\ufeff?\s*(<\?xml[^<>]*\?>)?\s*")
_LONGEST = 1 << 16
_MOST = 8


def from_json(body: bytes) -> list[str]:
    """The WebSocket addresses in a host-meta.json; empty when it is none. Encrypted ones only."""
    try:
        document = json.loads(body[:_LONGEST])
    except (ValueError, RecursionError):
        return []
    links = document.get("links") if isinstance(document, dict) else None
    found = [
        link.get("href") for link in links if isinstance(link, dict) and link.get("rel") == _RELATION
    ] if isinstance(links, list) else []
    return _usable(found)


def from_xml(body: bytes) -> list[str]:
    """The WebSocket addresses in a host-meta of XML; empty when it is none. Encrypted ones only."""
    try:
        text = _DECLARATION.sub("", body[:_LONGEST].decode(), count=1).rstrip()
        document = FrameParser(_LONGEST).parse_frame(text)
    except (UnicodeDecodeError, WireError):
        return []
    if not document.is_("XRD", _XRD):
        return []
    return _usable([
        link.get("href") for link in document.children_named("Link") if link.get("rel") == _RELATION
    ])


def _usable(found: list[object]) -> list[str]:
    good: list[str] = []
    for href in found[:_MOST]:
        if isinstance(href, str) and href.isprintable() and _is_secure_websocket(href) and href not in good:
            good.append(href)
    return good


def _is_secure_websocket(href: str) -> bool:
    try:
        parts = urlsplit(href)
        return parts.scheme == "wss" and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


FORMS = {"/.well-known/host-meta.json": from_json, "/.well-known/host-meta": from_xml}
"""Where each form is, and who reads it."""
