"""The plugin's life: the server listens while the plugin runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tulou.context import Context
from tulou_contracts.server import ChatServer
from tulou_contracts.storage import Storage
from tulou_server.server import serve


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Serve on the configured port. Raises `PortTaken`."""
    async with serve(ctx.config, ctx.service(Storage), ctx.now, ctx.log) as server:
        ctx.log.info("chat server for %s at %s", server.domain, server.endpoint)
        ctx.provide(ChatServer, server)
        yield
