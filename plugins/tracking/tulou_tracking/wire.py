"""How events are written: JSON lines, one event an object. The README documents the format."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from tulou_contracts.tracking import Value

CONTENT_TYPE = "application/x-ndjson"
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode

Written = tuple[str, str, int, Mapping[str, Value]]
"""An event on its way to the queue: id, name, at, its own fields."""


def rows_of(events: Sequence[Written]) -> str:
    """Many events as the queue takes them. One call for all of them: setting the encoder up costs as
    much as an event."""
    return _ENCODE(events)


def text_of(fields: Mapping[str, Value]) -> str:
    """Fields in one order, to know equal ones by."""
    return _ENCODE(dict(sorted(fields.items())))


def size_of(fields: Mapping[str, Value]) -> int:
    """Bytes of fields."""
    return len(_ENCODE(fields).encode())


def opened(event: str, common: str) -> tuple[str, str]:
    """The name of an event as the queue keeps it, and the event as an object without the time it is
    sent; `common` is a JSON object that shares no name with its fields.

    Taken apart without a parser: neither ids nor names hold a comma or a quotation mark.
    """
    head, name, at, rest = event.split(",", 3)
    fields = rest[:-1]
    comma = "," if len(fields) > 2 and len(common) > 2 else ""
    return name[1:-1], (
        f'{{"id":{head[1:]},"name":{name},"at":{at},"fields":{fields[:-1]}{comma}{common[1:]}}}')


def line_of(body: str, sent_at: int) -> str:
    """The line that leaves; times are microseconds since 1970 UTC by this device's clock."""
    return f'{body[:-1]},"sent_at":{sent_at}}}'


def lines_of(bodies: Iterable[str], sent_at: int) -> str:
    """A whole report, before compression."""
    return "".join(f"{line_of(body, sent_at)}\n" for body in bodies)


def packed(text: str | bytes) -> bytes:
    """As it travels: the same bytes for the same text (no time in the header)."""
    from gzip import compress

    return compress(text.encode() if isinstance(text, str) else text, 6, mtime=0)
