"""TCP in memory: the fake server behind a translation of streams, and peers that are only scripts."""

from __future__ import annotations

from contextlib import asynccontextmanager

import trio
from tulou_contracts.network import CertificateRefused, ConnectionLost, Unreachable

from fake_xmpp_session import DOMAIN
from xmpp_network import socket_pair
from tulou_xmpp.reach.starttls import stream_header
from tulou_xmpp.wire import Element, StreamClosed, StreamOpened, StreamParser, serialise
from tulou_xmpp.wire import namespaces as ns

E = Element
OPEN = serialise(E("open", ns.FRAMING))
CLOSE = serialise(E("close", ns.FRAMING))
OFFER = serialise(E("features", ns.STREAMS, E("starttls", ns.TLS)))
PROCEED = serialise(E("proceed", ns.TLS))
HEADER = stream_header(DOMAIN)


class MemoryConnection:
    """The client's end; what comes is cut into small pieces."""

    alpn = None

    def __init__(self, peer, tls=None):
        self.peer = peer
        self.secure = tls is not None
        self.names = [tls.name] if tls else []
        self.sent = b""
        self.out, self.theirs = trio.open_memory_channel(float("inf"))
        self.ours, self.into = trio.open_memory_channel(float("inf"))[::-1]
        self.death = ""
        self.refuse_tls = ""

    def say(self, text, piece=7):
        data = text.encode()
        for at in range(0, len(data), piece):
            self.into.send_nowait(data[at:at + piece])

    def _lost(self):
        return ConnectionLost(f"the connection to {self.peer} is lost: {self.death or 'it ended'}")

    async def send(self, data):
        await trio.lowlevel.checkpoint()
        if self.death:
            raise self._lost()
        self.sent += data
        try:
            self.out.send_nowait(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise self._lost() from None

    async def receive(self, max_bytes=65536):
        try:
            return await self.ours.receive()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            if self.death:
                raise self._lost() from None
            return b""

    async def start_tls(self, tls):
        await trio.lowlevel.checkpoint()
        self.names.append(tls.name)
        if self.refuse_tls:
            raise CertificateRefused(self.refuse_tls)
        self.secure = True

    async def flush(self):
        await trio.lowlevel.checkpoint()

    async def close(self):
        self.abort("it was closed")
        await trio.lowlevel.checkpoint()

    def abort(self, why):
        self.death = self.death or why
        self.out.close()
        self.ours.close()
        self.into.close()


class MemoryTcp:
    """A `TcpConnector`; `serve` talks to each connection, `dead` are ports where nobody listens."""

    def __init__(self, nursery, serve):
        self.nursery = nursery
        self.serve = serve
        self.dead = set()
        self.tried = []
        self.connections = []

    @asynccontextmanager
    async def connect(self, host, port, *, tls=None, timeout=15.0, idle=0.0, buffer=1 << 18):
        await trio.lowlevel.checkpoint()
        self.tried.append((host, port, tls is not None))
        if port in self.dead:
            raise Unreachable(f"cannot reach {host}:{port}: connection refused")
        connection = MemoryConnection(f"{host}:{port}", tls)
        self.connections.append(connection)
        self.nursery.start_soon(self.serve, connection)
        try:
            yield connection
        finally:
            connection.abort("it was closed")

    def cut(self):
        self.connections[-1].abort("the test cut it")


def behind_streams(server):
    """The fake server for WebSocket frames, spoken to over TCP streams."""
    async def serve(connection):
        client, ours = socket_pair()
        parser = [StreamParser()]

        async def outwards():
            try:
                while True:
                    frame = await client.receive()
                    if frame.startswith("<success "):
                        parser[0] = StreamParser()
                    connection.say(HEADER if frame.startswith("<open ")
                                   else "</stream:stream>" if frame.startswith("<close ") else frame)
            except (ConnectionLost, trio.ClosedResourceError, trio.BrokenResourceError):
                connection.into.close()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.serve, ours)
            nursery.start_soon(outwards)
            async for data in connection.theirs:
                for event in parser[0].feed(data):
                    if isinstance(event, StreamOpened) and not connection.secure and connection.starttls:
                        connection.say(HEADER + OFFER)
                    elif isinstance(event, Element) and event.is_("starttls", ns.TLS):
                        parser[0] = StreamParser()
                        connection.say(PROCEED)
                    else:
                        frame = (OPEN if isinstance(event, StreamOpened)
                                 else CLOSE if isinstance(event, StreamClosed) else serialise(event))
                        await client.send(frame)
            client.cut()
            ours.cut()

    return serve


MemoryConnection.starttls = True
