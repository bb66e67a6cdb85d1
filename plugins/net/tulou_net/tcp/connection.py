"""One TCP connection: a task that writes, a bounded buffer before it, and an end with a reason."""

from __future__ import annotations

import trio

from tulou.flow import Signal
from tulou_contracts.network import ConnectionLost
from tulou_contracts.tcp import Tls

from tulou_net.stream import WatchedStream
from tulou_net.tcp.tls import TlsContexts, secure

_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)


class Connection:
    """Implements the contract `TcpConnection`; `run` must run beside it."""

    def __init__(
        self, stream: WatchedStream, host: str, peer: str, contexts: TlsContexts, *,
        buffer: int, idle: float, patience: float,
    ) -> None:
        self.peer = peer
        self.alpn: str | None = None
        self.secure = False
        self._stream = stream
        self._host = host
        self._contexts = contexts
        self._buffer = buffer
        self._idle = idle
        self._patience = patience
        self._waiting: list[bytes] = []
        self._size = 0
        self._output = Signal()
        self._progress = trio.Event()
        self._death = ""
        self._finished = False
        self.last_sent = trio.current_time()

    # ---- sending ----

    @property
    def full(self) -> bool:
        """Whether `send` would wait."""
        return self._size >= self._buffer

    async def send(self, data: bytes) -> None:
        """As the contract says."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while self.full and not self._over:
            await self._progress.wait()
        self.post(data)

    def post(self, data: bytes) -> None:
        """`send` without waiting, whatever waits already. Raises `ConnectionLost`."""
        if self._over:
            raise self._lost()
        if data:
            self._waiting.append(data)
            self._size += len(data)
            self._output.set()

    async def flush(self) -> None:
        """As the contract says."""
        while self._size:
            if self._over:
                raise self._lost()
            await self._progress.wait()
        await trio.lowlevel.checkpoint()

    async def write(self) -> None:
        """The only task that writes; it takes all that waits at once."""
        while True:
            await self._output.wait()
            while self._waiting:
                data = self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
                self._waiting.clear()
                try:
                    # half a piece would be worse than none; the stream bounds the time
                    with trio.CancelScope(shield=True):
                        await self._stream.send_all(data)
                except _GONE:
                    self.abort("")
                    return
                self.last_sent = trio.current_time()
                self._size -= len(data)
                self._announce()

    def _announce(self) -> None:
        self._progress.set()
        self._progress = trio.Event()

    # ---- receiving ----

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """As the contract says."""
        if self._finished:
            await trio.lowlevel.checkpoint()
            return b""
        try:
            data = await self._stream.receive_some(max_bytes)
        except _GONE as error:
            self._announce()
            raise self._lost() from error
        self._finished = not data
        return data

    # ---- TLS ----

    async def start_tls(self, tls: Tls) -> None:
        """As the contract says; whatever goes wrong ends the connection."""
        try:
            await self.flush()
            self.alpn = await secure(self._stream, self._contexts, tls, self._host, self.peer)
        except BaseException:
            self.abort("TLS was not agreed on")
            raise
        self.secure = True

    # ---- the end ----

    @property
    def _over(self) -> bool:
        # after the peer's farewell it may still listen
        return self._stream.ended.is_set() and not self._finished

    def _lost(self) -> ConnectionLost:
        if self._death:
            return ConnectionLost(f"the connection to {self.peer} is lost: {self._death}")
        return ConnectionLost(f"the connection to {self.peer} broke off")

    def abort(self, why: str) -> None:
        """As the contract says."""
        self._death = self._death or why
        self._finished = False
        self._stream.abort()
        self._announce()

    async def close(self) -> None:
        """As the contract says."""
        with trio.move_on_after(self._patience, shield=True):
            try:
                await self.flush()
                await self._stream.farewell()
            except (*_GONE, ConnectionLost):
                pass  # it ended by itself
        self.abort("it was closed")

    async def watch(self) -> None:
        """End the connection when the peer takes no data; run this beside everything else."""
        await self._stream.watch()
        if not self._finished:
            self._announce()

    async def watch_idle(self) -> None:
        """End the connection when nothing comes for too long."""
        while self._idle and not self._stream.ended.is_set():
            await trio.sleep_until(self._stream.last_heard() + self._idle)
            if trio.current_time() >= self._stream.last_heard() + self._idle:
                self.abort(f"no sign of life for {self._idle:g} seconds")
