"""Client WebSockets. What they need is imported when the first one opens, off the loop."""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from tulou_contracts.network import Unreachable, WebSocket

from tulou_net.address import parse
from tulou_net.config import Config
from tulou_net.proxies import Proxies
from tulou_net.seconds import checked
from tulou_net.stream import own_nursery
from tulou_net.trust import Trust

_NEEDED = "tulou_net.attempt"


class Connector:
    """Implements the contract `WebSocketConnector`."""

    def __init__(
        self, config: Config | None = None, trust: Trust | None = None, proxies: Proxies | None = None
    ) -> None:
        self._config = config or Config()
        self._trust = trust or Trust(self._config.ca_file)
        self._proxies = proxies or Proxies()

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
        checked(timeout, "a connection's timeout")
        checked(heartbeat, "a connection's heartbeat")
        if _NEEDED not in sys.modules:
            await trio.to_thread.run_sync(importlib.import_module, _NEEDED)
        from tulou_net.attempt import Attempt

        async with own_nursery() as nursery:
            attempt = Attempt(address, self._config, self._trust)
            with trio.move_on_after(timeout) as scope:
                known = self._proxies.known(url)
                attempt.proxy = await self._proxies.find(url) if known is None else known
                socket = await attempt.run(nursery, subprotocols, max_message)
            if scope.cancelled_caught:
                raise Unreachable(
                    f"no answer from {address.where} within {timeout:g} seconds, while {attempt.stage}"
                )
            nursery.start_soon(socket.watch)
            nursery.start_soon(socket.heartbeat, heartbeat)
            try:
                yield socket
            finally:
                await socket.close()
