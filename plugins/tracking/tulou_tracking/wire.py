"""How events are written: JSON lines, one event an object. The README documents the format."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable

from tulou_contracts.tracking import Event, Value

CONTENT_TYPE = "application/x-ndjson"
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def body_of(event: Event) -> str:
    """An event without the time it is sent; that is added when it is."""
    return _ENCODE({"id": event.id, "name": event.name, "at": event.at, "fields": event.fields})


def text_of(fields: dict[str, Value]) -> str:
    """Fields in one order, to know equal ones by."""
    return _ENCODE(dict(sorted(fields.items())))


def line_of(body: str, sent_at: int) -> str:
    """The line that leaves; times are microseconds since 1970 UTC by this device's clock."""
    return f'{body[:-1]},"sent_at":{sent_at}}}'


def lines_of(bodies: Iterable[str], sent_at: int) -> str:
    """A whole report, before compression."""
    return "".join(f"{line_of(body, sent_at)}\n" for body in bodies)


def packed(text: str | bytes) -> bytes:
    """As it travels: the same bytes for the same text (no time in the header)."""
    return gzip.compress(text.encode() if isinstance(text, str) else text, 6, mtime=0)
