"""The stream of a component, without I/O (XEP-0114): bytes in, events out; stanzas out, bytes out.

Stanzas have the namespace ``jabber:component:accept`` on this wire; on our side of it they have that of
clients, so that the rest of the server need not know the difference.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum

from tulou_xmpp.wire import Element, StreamClosed, StreamOpened, StreamParser, WireError, serialise
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.serialiser import escape_attribute


class Stage(Enum):
    """How far the stream has come."""

    OPENING = "opening"
    SHAKING = "shaking hands"
    READY = "ready"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Ready:
    """The server has let us in."""


@dataclass(frozen=True, slots=True)
class Received:
    """A stanza came."""

    stanza: Element


@dataclass(frozen=True, slots=True)
class Ended:
    """The stream is over; why, in a sentence."""

    reason: str


Event = Ready | Received | Ended


class ComponentStream:
    """One connection's protocol. What is to be sent gathers in `output`."""

    def __init__(self, domain: str, secret: str) -> None:
        self.stage = Stage.OPENING
        self.output = bytearray(
            f'<?xml version="1.0"?><stream:stream xmlns="{ns.COMPONENT}" xmlns:stream="{ns.STREAMS}"'
            f' to="{escape_attribute(domain)}">'.encode())
        self._domain = domain
        self._secret = secret
        self._parser = StreamParser()

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes as they come."""
        if self.stage is Stage.CLOSED:
            return []
        events: list[Event] = []
        try:
            for each in self._parser.feed(data):
                events += self._one(each)
            if self._parser.failed is not None:
                raise self._parser.failed
        except WireError as error:
            events += self._end(f"the server does not speak proper XMPP: {error}")
        return events

    def send(self, stanza: Element) -> None:
        """Queue a stanza. Raises `WireError` for one that cannot be written."""
        self.output += serialise(stanza, ns.CLIENT).encode("utf-8", "replace")

    def close(self) -> None:
        """Say good-bye."""
        if self.stage is not Stage.CLOSED:
            self.stage = Stage.CLOSED
            self.output += b"</stream:stream>"

    def _one(self, event: StreamOpened | Element | StreamClosed) -> list[Event]:
        if self.stage is Stage.CLOSED:
            return []
        if isinstance(event, StreamClosed):
            return self._end("the server closed the stream")
        if isinstance(event, StreamOpened):
            return self._opened(event.header)
        if event.is_("error", ns.STREAMS):
            condition = event.children[0].name if event.children else "an error"
            text = event.child_text("text", ns.STREAM_ERRORS)
            return self._end(_REASONS.get(condition, f"the server says {condition}: {text}"))
        if self.stage is Stage.SHAKING and event.is_("handshake", ns.COMPONENT):
            self.stage = Stage.READY
            return [Ready()]
        if self.stage is Stage.READY and event.name in ("iq", "message", "presence"):
            _rename(event)
            return [Received(event)]
        return []

    def _opened(self, header: Element) -> list[Event]:
        stream_id = header.get("id")
        if not stream_id:
            return self._end("the server's stream has no id to sign; is it a port for components?")
        digest = hashlib.sha1((stream_id + self._secret).encode(), usedforsecurity=False).hexdigest()
        self.output += f"<handshake>{digest}</handshake>".encode()
        self.stage = Stage.SHAKING
        return []

    def _end(self, reason: str) -> list[Event]:
        self.close()
        return [Ended(reason)]


_REASONS = {
    "not-authorized": "the server does not accept the component's secret: compare its configuration",
    "host-unknown": "the server knows no component of this name: add it to its configuration",
    "conflict": "another program is connected as this component",
    "system-shutdown": "the server stops",
}


def _rename(element: Element) -> None:
    if element.namespace == ns.COMPONENT:
        element.namespace = ns.CLIENT
        for child in element.children:
            _rename(child)
