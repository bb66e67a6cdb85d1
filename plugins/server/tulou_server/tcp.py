"""XMPP over TCP (RFC 6120): streams in the shape that connections speak, which is RFC 7395's.

On any address STARTTLS comes first, where there is a certificate; without one the server listens on
this computer only.
"""

from __future__ import annotations

import errno
import ssl
from collections import deque
from dataclasses import dataclass

import trio
from trio_websocket import CloseReason, ConnectionClosed

from tulou_contracts.network import NetworkError, PortTaken
from tulou_server.config import Config
from tulou_xmpp.wire import Element, StreamClosed, StreamOpened, StreamParser, WireError, serialise
from tulou_xmpp.wire import namespaces as ns

_OPEN = f'<open xmlns="{ns.FRAMING}"'
_HEADER = f'<?xml version="1.0"?><stream:stream xmlns="{ns.CLIENT}" xmlns:stream="{ns.STREAMS}"'
_END = "</stream:stream>"
_NO_FRAME = "<>"
"""Stands for bytes that are no XML, which the connection answers as it answers a bad frame."""
_BEFORE_TLS = 1 << 14
_READ_SIZE = 65_536
_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)

Stream = trio.abc.Stream


@dataclass(frozen=True, slots=True)
class TcpDoor:
    """Where TCP clients come in, and what secures them."""

    listeners: list[trio.SocketListener]
    tls: ssl.SSLContext | None


async def listen(config: Config) -> TcpDoor:
    """The configured port. Raises `PortTaken` or another `NetworkError`."""
    tls = await trio.to_thread.run_sync(_context, config) if config.tls_certificate else None
    try:
        return TcpDoor(await trio.open_tcp_listeners(config.tcp_port, host=config.host), tls)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise NetworkError(
                f"cannot listen on port {config.tcp_port} of {config.host!r} ({error}): set another `host`"
                " or `tcp_port` under [plugins.server.config]"
            ) from error
        raise PortTaken(
            f"another program listens on port {config.tcp_port} of {config.host} already: stop it, or set"
            " another `tcp_port` under [plugins.server.config] (0 takes any free one)"
        ) from error


def _context(config: Config) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(config.tls_certificate, config.tls_key or None)
    except OSError as error:  # SSLError is one
        raise NetworkError(
            f"the certificate {config.tls_certificate!r} and its key cannot be used: {error};"
            " set `tls_certificate` and `tls_key` under [plugins.server.config] to readable PEM files"
        ) from error
    return context


async def secured(stream: Stream, context: ssl.SSLContext, domain: str) -> Stream | None:
    """The stream under TLS, after the client asked for it (RFC 6120, section 5); None if it does not.

    Nothing but the wish for TLS is listened to before.
    """
    parser, fed = StreamParser(_BEFORE_TLS), 0
    while fed < _BEFORE_TLS:
        data = await stream.receive_some(_BEFORE_TLS)
        fed += len(data)
        try:
            events = parser.feed(bytes(data))
        except WireError:
            return None
        for event in events:
            if isinstance(event, StreamOpened):
                await stream.send_all(_offer(domain).encode())
            elif isinstance(event, Element) and event.is_("starttls", ns.TLS):
                # what came with it in clear is not looked at
                await stream.send_all(serialise(Element("proceed", ns.TLS)).encode())
                return trio.SSLStream(stream, context, server_side=True, https_compatible=True)
            else:
                await stream.send_all(_refusal().encode())
                return None
        if not data:
            break
    return None


def _offer(domain: str) -> str:
    opened = serialise(Element("open", ns.FRAMING, from_=domain, version="1.0"))
    starttls = Element("starttls", ns.TLS, Element("required", ns.TLS))
    return _as_stream(opened) + serialise(Element("features", ns.STREAMS, starttls), ns.CLIENT)


def _refusal() -> str:
    error = Element("error", ns.STREAMS, Element("policy-violation", ns.STREAM_ERRORS))
    return serialise(error, ns.CLIENT) + _END


def _as_stream(frame: str) -> str:
    """A frame as it stands in a stream."""
    if frame.startswith(_OPEN):
        return f"{_HEADER}{frame.removeprefix(_OPEN).removesuffix('/>')}>"
    return _END if frame.startswith("<close ") else frame


class StreamSocket:
    """What `Connection` needs of a WebSocket, over a stream."""

    def __init__(self, stream: Stream, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._parser = StreamParser(limit)
        self._frames: deque[str] = deque()
        self._over = False

    async def get_message(self) -> str:
        """The next frame. Raises `ConnectionClosed`."""
        while not self._frames:
            if self._over:
                raise ConnectionClosed(CloseReason(1000, None))
            await self._read()
        return self._frames.popleft()

    async def _read(self) -> None:
        try:
            data = await self._stream.receive_some(_READ_SIZE)
        except _GONE:
            raise ConnectionClosed(None) from None
        if not data:
            raise ConnectionClosed(None)
        try:
            events = self._parser.feed(bytes(data))
        except WireError:
            events = []
        self._frames.extend(map(_as_frame, events))
        if self._parser.failed is not None:
            self._frames.append(_NO_FRAME)
            self._over = True

    async def send_message(self, frame: str) -> None:
        """Send one frame. Raises `ConnectionClosed`."""
        if frame.startswith("<success "):
            self._parser = StreamParser(self._limit)    # the client begins anew
        try:
            await self._stream.send_all(_as_stream(frame).encode())
        except _GONE:
            raise ConnectionClosed(None) from None

    async def aclose(self) -> None:
        """Say that nothing more comes."""
        await self._stream.aclose()


def _as_frame(event: StreamOpened | Element | StreamClosed) -> str:
    if isinstance(event, Element):
        return serialise(event)
    if isinstance(event, StreamClosed):
        return serialise(Element("close", ns.FRAMING))
    opened = Element("open", ns.FRAMING)
    opened.attributes = event.header.attributes
    return serialise(opened)
