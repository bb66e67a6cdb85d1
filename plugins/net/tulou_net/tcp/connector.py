"""Opens TCP connections, bare or with frames."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from tulou_contracts.network import NetworkError, Unreachable
from tulou_contracts.tcp import FramedConnection, Framing, Heartbeat, IdOf, Push, TcpConnection, Tls

from tulou_net import reasons
from tulou_net.config import Config
from tulou_net.framing.registry import FramerTable
from tulou_net.seconds import checked
from tulou_net.stream import WatchedStream, own_nursery
from tulou_net.tcp.connection import Connection
from tulou_net.tcp.framed import Framed
from tulou_net.tcp.tls import TlsContexts
from tulou_net.trust import Trust


class TcpOpener:
    """Implements the contract `TcpConnector`."""

    def __init__(
        self, config: Config | None = None, trust: Trust | None = None, framers: FramerTable | None = None
    ) -> None:
        self._config = config or Config()
        self._contexts = TlsContexts(trust or Trust(self._config.ca_file))
        self._framers = framers or FramerTable()

    @asynccontextmanager
    async def connect(
        self, host: str, port: int, *, tls: Tls | None = None, timeout: float = 15.0,
        idle: float = 0.0, buffer: int = 1 << 18,
    ) -> AsyncIterator[TcpConnection]:
        """As the contract says."""
        async with self._open(host, port, tls, timeout, idle, buffer) as connection:
            yield connection

    @asynccontextmanager
    async def connect_framed(
        self, host: str, port: int, framing: Framing, *, tls: Tls | None = None, timeout: float = 15.0,
        heartbeat: Heartbeat | None = None, id_of: IdOf | None = None, push: Push | None = None,
    ) -> AsyncIterator[FramedConnection]:
        """As the contract says."""
        incoming, outgoing = self._framers.framer(framing), self._framers.framer(framing)
        idle = 2 * heartbeat.interval if heartbeat else 0.0
        async with self._open(host, port, tls, timeout, idle, 1 << 18) as connection:
            framed = Framed(connection, incoming, outgoing, heartbeat=heartbeat, id_of=id_of)
            async with own_nursery() as nursery:
                nursery.start_soon(framed.read)
                nursery.start_soon(framed.beat)
                if push is not None:
                    nursery.start_soon(framed.push, push)
                yield framed

    @asynccontextmanager
    async def _open(
        self, host: str, port: int, tls: Tls | None, timeout: float, idle: float, buffer: int
    ) -> AsyncIterator[Connection]:
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        config = self._config
        if not host or "\0" in host or not 0 < port < 65536:
            raise NetworkError(f"{where!r} is no address to connect to; one looks like chat.example.org:5222")
        checked(timeout, "a connection's timeout")
        checked(idle, "a connection's idle")
        stream = await self._tcp(host, port, where, timeout)
        connection = Connection(
            stream, host, where, self._contexts,
            buffer=buffer, idle=idle, patience=config.close_patience,
        )
        async with own_nursery() as nursery:
            nursery.start_soon(connection.write)
            nursery.start_soon(connection.watch)
            nursery.start_soon(connection.watch_idle)
            try:
                if tls is not None:
                    with trio.move_on_after(timeout) as scope:
                        await connection.start_tls(tls)
                    if scope.cancelled_caught:
                        raise Unreachable(
                            f"no answer from {where} within {timeout:g} seconds, while agreeing on TLS"
                        )
                yield connection
            finally:
                await connection.close()

    async def _tcp(self, host: str, port: int, where: str, timeout: float) -> WatchedStream:
        with trio.move_on_after(timeout):
            try:
                tcp = await trio.open_tcp_stream(host, port)
            except (OSError, UnicodeError, ValueError, OverflowError) as error:
                raise reasons.unreachable(error, where) from error
            config = self._config
            return WatchedStream(tcp, stall=config.send_stall, quick_ack=config.quick_ack)
        raise Unreachable(f"no answer from {where} within {timeout:g} seconds, while connecting")
