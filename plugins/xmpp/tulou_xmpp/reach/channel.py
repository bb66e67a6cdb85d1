"""What carries a session's frames: a WebSocket, or a TCP stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tulou_contracts.network import ConnectionLost, WebSocket
from tulou_contracts.tcp import TcpConnection

from tulou_xmpp.reach.endpoint import Endpoint
from tulou_xmpp.reach.starttls import stream_header
from tulou_xmpp.wire import Element, FrameParser, StreamClosed, StreamOpened, StreamParser, WireError
from tulou_xmpp.wire import namespaces as ns


class Channel(Protocol):
    """Frames out, elements in. A stream begins and ends as RFC 7395 has it, whatever carries it."""

    secure: bool
    """Nobody in between can read or change anything."""
    beats: bool
    """Finds out by itself when the other side is gone."""
    way: Endpoint
    """How it was opened."""

    async def send(self, frames: Sequence[str]) -> None:
        """Send frames in order. Raises `ConnectionLost`."""

    async def receive(self) -> Sequence[Element]:
        """What came, at least one element. Raises `ConnectionLost`, `WireError`."""

    async def close(self) -> None:
        """Close; harmless on a closed one."""


class WebSocketChannel:
    """RFC 7395: each frame is an element."""

    beats = True

    def __init__(self, socket: WebSocket, way: Endpoint) -> None:
        self.way = way
        self.secure = way.url.startswith("wss:")
        self._socket = socket
        self._parser = FrameParser()

    async def send(self, frames: Sequence[str]) -> None:
        """See `Channel`."""
        for frame in frames:
            await self._socket.send(frame)

    async def receive(self) -> Sequence[Element]:
        """See `Channel`."""
        message = await self._socket.receive()
        if not isinstance(message, str):
            raise WireError("bad-format", "a binary frame came where XMPP uses text frames")
        return (self._parser.parse_frame(message),)

    async def close(self) -> None:
        """See `Channel`."""
        await self._socket.close()


class TcpChannel:
    """RFC 6120: one long document for each stream.

    Frames that begin and end a stream are written, and read, in the form that TCP has for them.
    """

    beats = False

    def __init__(self, connection: TcpConnection, way: Endpoint, domain: str) -> None:
        self.way = way
        self.secure = connection.secure
        self._connection = connection
        self._header = stream_header(domain)
        self._parser = StreamParser()
        self._open = False

    async def send(self, frames: Sequence[str]) -> None:
        """See `Channel`."""
        if data := "".join(map(self._as_stream, frames)):
            await self._connection.send(data.encode())

    def _as_stream(self, frame: str) -> str:
        if frame.startswith("<open "):
            self._parser = StreamParser()   # the other side begins anew too
            self._open = True
            return self._header
        if frame.startswith("<close "):
            return "</stream:stream>" if self._open else ""
        return frame

    async def receive(self) -> Sequence[Element]:
        """See `Channel`."""
        while True:
            if self._parser.failed is not None:
                raise self._parser.failed
            data = await self._connection.receive()
            if not data:
                raise ConnectionLost(f"{self._connection.peer} closed the connection")
            events = self._parser.feed(data)
            if events:
                return list(map(self._as_frame, events))

    def _as_frame(self, event: StreamOpened | Element | StreamClosed) -> Element:
        if isinstance(event, Element):
            if event.is_("success", ns.SASL):
                self._open = False  # this stream is over, without an end (RFC 6120, section 6.4.6)
            return event
        if isinstance(event, StreamClosed):
            return Element("close", ns.FRAMING)
        opened = Element("open", ns.FRAMING)
        opened.attributes = event.header.attributes
        return opened

    async def close(self) -> None:
        """See `Channel`."""
        await self._connection.close()
