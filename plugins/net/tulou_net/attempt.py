"""One attempt to open a client WebSocket: TCP, TLS and upgrade, each with errors that say why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import trio
import trio_websocket

from tulou_contracts.network import NetworkError

from tulou_net import reasons
from tulou_net.address import Address
from tulou_net.config import Config
from tulou_net.pins import Pins
from tulou_net.stream import WatchedStream
from tulou_net.trust import Trust
from tulou_net.tunnel import open_tunnel
from tulou_net.websocket import BUFFER, QUEUE, NotOpened, Socket, keep

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: ([^\r\n]*))?")


class Attempt:
    """One attempt to connect; `stage` says how far it came."""

    def __init__(self, address: Address, config: Config, trust: Trust) -> None:
        self.stage = "connecting"
        self.proxy = ""
        """The address of the proxy to go through, if any."""
        self._address = address
        self._config = config
        self._trust = trust
        self._pins = Pins(config.pins)

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
            tcp = await open_tunnel(
                self.proxy, self._address.host, self._address.port
            ) if self.proxy else await trio.open_tcp_stream(self._address.host, self._address.port)
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
        self._pins.check(self._address.host, self._address.port, tls.getpeercert(binary_form=True))
        stream.secure(tls)

    async def _upgrade(
        self,
        nursery: trio.Nursery,
        stream: WatchedStream,
        subprotocols: Sequence[str],
        max_message: int,
    ) -> trio_websocket.WebSocketConnection:
        async def open_in(inner: trio.Nursery) -> trio_websocket.WebSocketConnection:
            return await trio_websocket.wrap_client_stream(
                inner, cast(Any, stream), self._address.host_header, self._address.resource,
                subprotocols=subprotocols, message_queue_size=QUEUE,
                max_message_size=max_message, receive_buffer_size=BUFFER,
            )

        connection: trio_websocket.WebSocketConnection
        try:
            connection = await nursery.start(partial(keep, stream, open_in))
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
            return NetworkError(f"{where} gave a wrong answer to the WebSocket handshake")
        words = (answer[2] or b"").decode("latin-1").strip()
        return NetworkError(
            f"{where} answered {answer[1].decode()} {words} instead of opening a WebSocket"
            f" at {self._address.resource}"
        )
