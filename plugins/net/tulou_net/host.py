"""The host: opens sites. What a site needs is imported when the first one opens, off the loop."""

from __future__ import annotations

import errno
import importlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address

import trio

from tulou_contracts.network import Guard, NetworkError, PortTaken, Site, TlsIdentity

from tulou_net.config import Config
from tulou_net.place import ServerContexts


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
        address: str = "127.0.0.1",
        tls: TlsIdentity | None = None,
    ) -> AsyncIterator[Site]:
        """As the contract says."""
        contexts = None if tls is None else await trio.to_thread.run_sync(ServerContexts, tls, self._log)
        listener = await _listen(port, address)
        try:
            await trio.to_thread.run_sync(importlib.import_module, "tulou_net.site")
            from tulou_net.site import open_site

            async with open_site(
                listener, contexts, self._config, self._log, guard, headers or {}, hosts
            ) as site:
                yield site
        finally:
            listener.socket.close()


async def _listen(port: int, address: str) -> trio.SocketListener:
    try:
        host = str(ip_address(address))
    except ValueError as error:
        raise NetworkError(
            f"cannot listen on {address!r}: that is no IP address; one looks like 0.0.0.0"
        ) from error
    try:
        (listener,) = await trio.open_tcp_listeners(port, host=host)
    except OverflowError as error:
        raise NetworkError(f"there is no port {port}; ports go up to 65535") from error
    except OSError as error:
        where = f"port {port} of {address}"
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"{where} is taken by another program; close that program or choose another port"
            ) from error
        raise NetworkError(f"cannot listen on {where}: {error.strerror or error}") from error
    return listener
