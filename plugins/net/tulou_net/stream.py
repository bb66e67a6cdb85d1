"""The stream below every connection: it knows when it died and when it last heard something."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

_CHUNK = 1 << 16
_HEAD = 1 << 14
_QUICK_ACK: int = getattr(socket, "TCP_QUICKACK", -1)  # Linux only


class WatchedStream(trio.abc.Stream):
    """A TCP stream, perhaps under TLS, with three additions.

    A send that makes no progress for `stall` seconds kills it (`watch`). `ended` tells everybody at once that
    nothing more will come. `abort` kills it from anywhere, which wakes whoever sends or receives.
    """

    def __init__(
        self, tcp: trio.SocketStream, *, stall: float, quick_ack: bool = False
    ) -> None:
        self.tcp = tcp
        self._stream: trio.abc.Stream = tcp
        self._stall = stall
        self._quick_ack = quick_ack and _QUICK_ACK >= 0
        self._replay = b""
        self._waiting = False
        self._sending = False
        self._sent = 0
        self._said_eof = False
        self._heard = trio.current_time()
        self.ended = trio.Event()
        self.closed = False
        self.head = b""
        """The first bytes that came, up to 16 KiB."""

    @property
    def socket(self) -> Any:
        """The TCP socket."""
        return self.tcp.socket

    def secure(self, stream: trio.SSLStream[trio.SocketStream]) -> None:
        """From now on send and receive through `stream`, which runs over our TCP stream."""
        self._stream = stream

    def last_heard(self) -> float:
        """When the peer last gave a sign of life; while nobody listens it counts as alive."""
        return self._heard if self._waiting else trio.current_time()

    def replay(self, data: bytes) -> None:
        """Let `data` be received again, before anything else."""
        self._replay = data + self._replay

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._replay:
            cut = len(self._replay) if max_bytes is None else max_bytes
            data, self._replay = self._replay[:cut], self._replay[cut:]
            await trio.lowlevel.checkpoint()
            return data
        self._heard = trio.current_time()
        self._waiting = True
        try:
            data = bytes(await self._stream.receive_some(max_bytes))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.ended.set()
            raise
        finally:
            self._waiting = False
        if not data:
            self.ended.set()
            return data
        if len(self.head) < _HEAD:
            self.head += data[: _HEAD - len(self.head)]
        if self._quick_ack:  # the system forgets it after every segment (tcp(7))
            self._acknowledge_quickly()
        return data

    def _acknowledge_quickly(self) -> None:
        try:
            self.tcp.socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
        except OSError:
            self._quick_ack = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self._said_eof:  # Hypercorn may close while a handler is about to answer
            raise trio.ClosedResourceError("nothing can be sent after the end")
        self._sending = True
        try:
            if len(data) <= _CHUNK:
                await self._stream.send_all(data)
            else:
                with memoryview(data) as view:
                    for start in range(0, len(view), _CHUNK):
                        await self._stream.send_all(view[start:start + _CHUNK])
                        self._sent += 1
        finally:
            self._sending = False
            self._sent += 1

    async def watch(self) -> None:
        """Kill the stream when a send makes no progress; run this beside everything else.

        One task for all sends, because a deadline for each would cost more than the sending.
        """
        while not self.closed:
            before = self._sent
            await trio.sleep(self._stall / 2)
            if self._sending and self._sent == before:
                await trio.sleep(self._stall / 2)
                if self._sending and self._sent == before:
                    self.abort()

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Say that nothing more will come from us."""
        self._said_eof = True
        await self.tcp.send_eof()

    async def farewell(self) -> None:
        """Say that nothing more will come from us, under TLS in its own way, and wait for the peer's end.

        The caller bounds the time, and calls `abort` after it.
        """
        if isinstance(self._stream, trio.SSLStream):
            self._said_eof = True
            await self._stream.aclose()
            return
        await self.send_eof()
        try:
            # what was received and never read would make the system reset the connection
            while await self._stream.receive_some():
                pass
        except trio.BusyResourceError:
            await self.ended.wait()

    async def aclose(self) -> None:
        self.abort()
        await trio.lowlevel.checkpoint()

    def abort(self) -> None:
        """Close at once, without any farewell; harmless when closed."""
        self.ended.set()
        self.closed = True
        self.tcp.socket.close()


@asynccontextmanager
async def own_nursery() -> AsyncIterator[trio.Nursery]:
    """A nursery whose tasks end with the block, and which lets the block's own error out bare."""
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        try:
            yield nursery
        except Exception as error:
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
