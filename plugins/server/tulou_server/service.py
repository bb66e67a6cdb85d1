"""The plugin's life: the server listens while the plugin runs."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tulou.context import Context
from tulou_contracts.server import ChatServer, SignalHost
from tulou_contracts.storage import Storage
from tulou_server.server import Listen, listen_tcp, serve


@asynccontextmanager
async def run(ctx: Context, listen: Listen = listen_tcp) -> AsyncIterator[None]:
    """Serve on the configured port, or wherever `listen` does. Raises `PortTaken`."""
    async with serve(ctx.config, ctx.service(Storage), ctx.now, ctx.log, listen) as server:
        ctx.log.info("chat server for %s at %s", server.domain, server.endpoint)
        if ctx.config.announce:
            print(
                f"Chat server for {server.domain} at {server.endpoint} (Ctrl-C stops it)",
                file=sys.stderr, flush=True,
            )
        ctx.provide(ChatServer, server)
        ctx.provide(SignalHost, server.signals)
        yield
