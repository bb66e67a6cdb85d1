"""What clients report, before it is stored: unpacked within limits, and read. Pure.

Events are JSON lines, one object each with the texts `id` and `name`; what else is in it is kept as it
is. Log reports are bytes whose meaning is the reader's.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import NamedTuple

MAX_EVENTS = 5000
"""Events in one report."""
MAX_EVENT = 32 * 1024
"""Bytes of one event."""
_MAX_ID = 64
_MAX_NAME = 128


class Unacceptable(Exception):
    """The report is refused; `status` says so to the client's program, the text to people."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(text)


class Event(NamedTuple):
    """One event; `text` is the whole object, written by ourselves."""

    id: str
    name: str
    text: str


class Events(NamedTuple):
    """What a report holds, each id once; `refused` lines are no events, and will never be."""

    events: list[Event]
    refused: int


def unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """The body as it was before compression. Raises `Unacceptable`, also for a bomb, in time."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise Unacceptable(415, f"content-encoding {encoding[:40]!r} is not taken; use gzip or none")
    pieces, left = [], body
    room = limit
    while left:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            piece = unpacker.decompress(left, room + 1)
        except zlib.error as error:
            raise Unacceptable(400, f"the body is not gzip: {error}") from None
        if len(piece) > room:
            raise Unacceptable(413, f"the report has more than {limit:,} bytes when it is unpacked")
        if not unpacker.eof:
            raise Unacceptable(400, "the body is not gzip: it ends too early")
        room -= len(piece)
        pieces.append(piece)
        left = unpacker.unused_data
    return b"".join(pieces)


def read_events(text: bytes) -> Events:
    """The events of a report. Raises `Unacceptable` when there is none that can be taken."""
    found: dict[str, Event] = {}
    refused = 0
    for number, line in enumerate(_lines(text)):
        if number >= MAX_EVENTS:
            raise Unacceptable(413, f"a report has {MAX_EVENTS} events at most")
        event = _event(line)
        if event is None:
            refused += 1
        else:
            found.setdefault(event.id, event)
    if not found:
        raise Unacceptable(400, "the report holds no event: write JSON lines, each with an id and a name")
    return Events([*found.values()], refused)


def _lines(text: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(text):
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        line = text[start:end].strip()
        if line:
            yield line
        start = end + 1


def _event(line: bytes) -> Event | None:
    if len(line) > MAX_EVENT:
        return None
    try:
        value = json.loads(line.decode(), parse_constant=_refuse)
        if not isinstance(value, dict):
            return None
        id_, name = value.get("id"), value.get("name")
        if not isinstance(id_, str) or not isinstance(name, str):
            return None
        if not (_is_name(id_, _MAX_ID) and _is_name(name, _MAX_NAME)):
            return None
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        text.encode()
    except (ValueError, RecursionError):
        return None
    return Event(id_, name, text)


def _is_name(text: str, most: int) -> bool:
    return 0 < len(text) <= most and text.isprintable()


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
