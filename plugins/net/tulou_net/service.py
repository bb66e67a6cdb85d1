"""The plugin's life: three services, all of them idle until somebody uses them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tulou.context import Context
from tulou_contracts.network import HttpClient, HttpHost, WebSocketConnector

from tulou_net.client import RequestsClient
from tulou_net.connector import Connector
from tulou_net.host import LoopbackHost
from tulou_net.trust import Trust


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Provide the clients and the host; libraries are imported at first use, off the loop."""
    trust = Trust(ctx.config.ca_file)
    client = RequestsClient(ctx.config, trust)
    ctx.provide(WebSocketConnector, Connector(ctx.config, trust))
    ctx.provide(HttpClient, client)
    ctx.provide(HttpHost, LoopbackHost(ctx.config, ctx.log))
    try:
        yield
    finally:
        client.close()
