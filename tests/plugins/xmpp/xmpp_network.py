"""WebSockets in memory, which tests cut."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import trio
from tulou_contracts.network import ConnectionLost, Unreachable


class MemorySocket:
    """One end of a WebSocket in memory."""

    subprotocol: str | None = "xmpp"

    def __init__(self, send, receive):
        self._send, self._receive = send, receive
        self.dead = False
        self.closed_code: int | None = None

    async def send(self, message):
        await trio.lowlevel.checkpoint()
        if self.dead:
            raise ConnectionLost("the connection was cut")
        try:
            self._send.send_nowait(message)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise ConnectionLost("the other side is gone") from None

    async def receive(self):
        try:
            return await self._receive.receive()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            raise ConnectionLost("the connection ended", 1000 if not self.dead else None) from None

    async def close(self, code=1000, reason=""):
        self._send.close()
        self._receive.close()
        await trio.lowlevel.checkpoint()

    def cut(self):
        self.dead = True
        self._send.close()
        self._receive.close()


def socket_pair():
    ours, theirs = trio.open_memory_channel(float("inf")), trio.open_memory_channel(float("inf"))
    return MemorySocket(ours[0], theirs[1]), MemorySocket(theirs[0], ours[1])


class MemoryNetwork:
    """A `WebSocketConnector` whose connections end in `serve`."""

    def __init__(self, nursery: trio.Nursery, serve: Callable):
        self.nursery = nursery
        self.serve = serve
        self.unreachable = ""
        self.attempts = 0
        self.urls: list[str] = []
        self.sockets: list[tuple[MemorySocket, MemorySocket]] = []
        self.subprotocol: str | None = "xmpp"

    @asynccontextmanager
    async def connect(
        self, url: str, *, subprotocols: Sequence[str] = (), timeout: float = 15.0,
        heartbeat: float = 25.0, max_message: int = 1 << 20,
    ) -> AsyncIterator[MemorySocket]:
        self.attempts += 1
        self.urls.append(url)
        await trio.lowlevel.checkpoint()
        if self.unreachable:
            raise Unreachable(self.unreachable)
        client, server = socket_pair()
        client.subprotocol = self.subprotocol
        self.sockets.append((client, server))
        self.nursery.start_soon(self.serve, server)
        try:
            yield client
        finally:
            client._send.close()
            client._receive.close()

    def cut(self, which: int = -1):
        for socket in self.sockets[which]:
            socket.cut()
