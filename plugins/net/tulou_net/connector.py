"""Client WebSockets: TCP, TLS and upgrade one after the other, each with errors that say why."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import trio

from tulou_contracts.network import NetworkError, Unreachable, WebSocket

from tulou_net import reasons
from tulou_net.address import Address, parse
from tulou_net.config import Config
from tulou_net.stream import WatchedStream, own_nursery
from tulou_net.trust import Trust
from tulou_net.websocket import BUFFER, QUEUE, NotOpened, Socket, keep

if TYPE_CHECKING:
    from trio_websocket import WebSocketConnection

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: ([^\r\n]*))?")


class Connector:
    """Implements the contract `WebSocketConnector`."""

    def __init__(self, config: Config | None = None, trust: Trust | None = None) -> None:
        self._config = config or Config()
        self._trust = trust or Trust(self._config.ca_file)

    @asynccontextmanager
    async def connect(
        self,
        url: str,
        *,
        subprotocols: Sequence[str] = (),
        timeout: float = 15.0,
        heartbeat: float = 25.0,
        max_message: int = 1 << 20,
    ) -> AsyncIterator[WebSocket]:
        """As the contract says; the connection's tasks live in a nursery of its own."""
        address = parse(url)
        async with own_nursery() as nursery:
            attempt = _Attempt(address, self._config, self._trust)
            with trio.move_on_after(timeout) as scope:
                socket = await attempt.run(nursery, subprotocols, max_message)
            if scope.cancelled_caught:
                raise Unreachable(
                    f"no answer from {address.where} within {timeout:g} seconds, while {attempt.stage}"
                )
            nursery.start_soon(socket.heartbeat, heartbeat)
            try:
                yield socket
            finally:
                await socket.close()


class _Attempt:
    """One attempt to connect; `stage` says how far it came."""

    def __init__(self, address: Address, config: Config, trust: Trust) -> None:
        self.stage = "connecting"
        self._address = address
        self._config = config
        self._trust = trust

    async def run(
        self, nursery: trio.Nursery, subprotocols: Sequence[str], max_message: int
    ) -> Socket:
        stream = await self._open_tcp()
        try:
            if self._address.secure:
                self.stage = "agreeing on TLS"
                await self._secure(stream)
            self.stage = "agreeing on WebSocket"
            connection = await self._upgrade(nursery, stream, subprotocols, max_message)
        except BaseException:
            stream.abort()
            raise
        return Socket(
            connection, stream,
            peer=self._address.where, close_patience=self._config.close_patience,
        )

    async def _open_tcp(self) -> WatchedStream:
        try:
            tcp = await trio.open_tcp_stream(self._address.host, self._address.port)
        except (OSError, UnicodeError, ValueError, OverflowError) as error:
            raise reasons.unreachable(error, self._address.where) from error
        return WatchedStream(tcp, stall=self._config.send_stall, quick_ack=self._config.quick_ack)

    async def _secure(self, stream: WatchedStream) -> None:
        context = await self._trust.context()
        tls = trio.SSLStream(
            stream.tcp, context, server_hostname=self._address.host, https_compatible=True
        )
        try:
            await tls.do_handshake()
        except (trio.BrokenResourceError, OSError) as error:
            raise reasons.tls_failure(error, self._address.where) from error
        stream.secure(tls)

    async def _upgrade(
        self,
        nursery: trio.Nursery,
        stream: WatchedStream,
        subprotocols: Sequence[str],
        max_message: int,
    ) -> WebSocketConnection:
        import trio_websocket

        async def open_in(inner: trio.Nursery) -> WebSocketConnection:
            return await trio_websocket.wrap_client_stream(
                inner, stream, self._address.host_header, self._address.resource,  # type: ignore[arg-type]
                subprotocols=subprotocols, message_queue_size=QUEUE,
                max_message_size=max_message, receive_buffer_size=BUFFER,
            )

        try:
            connection: WebSocketConnection = await nursery.start(partial(keep, stream, open_in))
        except NotOpened as error:
            raise self._refused(stream.head) from error
        return connection

    def _refused(self, head: bytes) -> NetworkError:
        where = self._address.where
        answer = _STATUS.match(head)
        if not head:
            return NetworkError(f"{where} closed the connection instead of opening a WebSocket")
        if not answer:
            return NetworkError(f"{where} does not speak HTTP; is it the right port?")
        if answer[1] == b"101":
            return NetworkError(f"{where} answered the WebSocket handshake in a way that is not valid")
        words = (answer[2] or b"").decode("latin-1").strip()
        return NetworkError(
            f"{where} answered {answer[1].decode()} {words} instead of opening a WebSocket"
            f" at {self._address.resource}"
        )
