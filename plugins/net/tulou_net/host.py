"""The host: opens sites. What a site needs is imported when the first one opens, off the loop."""

from __future__ import annotations

import errno
import importlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import trio

from tulou_contracts.network import Guard, NetworkError, PortTaken, Site

from tulou_net.config import Config

_ADDRESS = "127.0.0.1"


class LoopbackHost:
    """Implements the contract `HttpHost`; any number of sites may be open at once."""

    def __init__(
        self, config: Config | None = None, log: logging.Logger | None = None
    ) -> None:
        self._config = config or Config()
        self._log = log or logging.getLogger(__name__)

    @asynccontextmanager
    async def serve(
        self,
        *,
        port: int = 0,
        guard: Guard | None = None,
        headers: Mapping[str, str] | None = None,
        hosts: Sequence[str] = (),
    ) -> AsyncIterator[Site]:
        """As the contract says."""
        listener = await _listen(port)
        try:
            await trio.to_thread.run_sync(importlib.import_module, "tulou_net.site")
            from tulou_net.site import open_site

            async with open_site(
                listener, self._config, self._log, guard, headers or {}, hosts
            ) as site:
                yield site
        finally:
            listener.socket.close()


async def _listen(port: int) -> trio.SocketListener:
    try:
        (listener,) = await trio.open_tcp_listeners(port, host=_ADDRESS)
    except OverflowError as error:
        raise NetworkError(f"there is no port {port}; ports go up to 65535") from error
    except OSError as error:
        where = f"port {port} of {_ADDRESS}"
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"{where} is taken by another program; close that program or choose another port"
            ) from error
        raise NetworkError(f"cannot listen on {where}: {error.strerror or error}") from error
    return listener
