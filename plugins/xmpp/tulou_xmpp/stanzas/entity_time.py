"""What time it is at the server (XEP-0202)."""

from __future__ import annotations

from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.errors import BadStamp
from tulou_xmpp.wire.stamps import parse_stamp


def encode_time_request() -> Element:
    """The question."""
    return Element("time", ns.TIME)


def decode_time(reply: Element) -> tuple[int, float] | None:
    """Microseconds since 1970 UTC and the resolution in seconds, by the digits given; None for a
    refusal or what is no time."""
    time = reply.child("time", ns.TIME) if reply.get("type") == "result" else None
    utc = time.child("utc", ns.TIME) if time is not None else None
    if utc is None:
        return None
    text = utc.text.strip()
    try:
        said = parse_stamp(text)
    except BadStamp:
        return None
    digits = len(text.rpartition(".")[2].rstrip("Zz")) if "." in text else 0
    return said, 10.0 ** -min(digits, 6)
