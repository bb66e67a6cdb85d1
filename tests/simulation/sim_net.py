"""The plugin that stands in for `net`: its own code above the socket, the simulated wire below."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import trio
from sim_wire import SimStream
from tulou import Level, Plugin
from tulou_contracts.network import Unreachable, WebSocketConnector
from tulou_net.address import parse
from tulou_net.attempt import Attempt
from tulou_net.config import Config
from tulou_net.stream import WatchedStream, own_nursery
from tulou_net.trust import Trust

Dial = Callable[[], Awaitable[SimStream]]
"""A new connection, as seen by who dials. Raises OSError."""


class SimAttempt(Attempt):
    """An attempt whose TCP connection is a simulated one."""

    dial: Dial

    async def _open_tcp(self) -> WatchedStream:
        try:
            stream = await self.dial()
        except OSError as error:
            raise Unreachable(f"nobody answers at {self._address.where}: {error}") from error
        return WatchedStream(stream, stall=self._config.send_stall)  # type: ignore[arg-type]


class SimConnector:
    """Implements `WebSocketConnector` as `tulou_net.connector.Connector` does."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._config = Config()

    @asynccontextmanager
    async def connect(
        self, url: str, *, subprotocols: Sequence[str] = (), timeout: float = 15.0,
        heartbeat: float = 25.0, max_message: int = 1 << 20,
    ) -> AsyncIterator[object]:
        async with own_nursery() as nursery:
            attempt = SimAttempt(parse(url), self._config, Trust(self._config.ca_file))
            attempt.dial = self._dial
            with trio.move_on_after(timeout) as scope:
                socket = await attempt.run(nursery, subprotocols, max_message)
            if scope.cancelled_caught:
                raise Unreachable(f"no answer within {timeout:g} seconds, while {attempt.stage}")
            nursery.start_soon(socket.watch)
            nursery.start_soon(socket.heartbeat, heartbeat)
            try:
                yield socket
            finally:
                await socket.close()


def wire(dial: Dial) -> Plugin:
    """The plugin, for one device."""

    @asynccontextmanager
    async def run(ctx: object) -> AsyncIterator[None]:
        ctx.provide(WebSocketConnector, SimConnector(dial))
        yield

    return Plugin(name="wire", level=Level.BASE, provides=(WebSocketConnector,), run=run)
