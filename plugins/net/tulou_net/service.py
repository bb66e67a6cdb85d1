"""The plugin's life: its services, all but the look at the network idle until somebody uses them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from tulou.app_events import NetworkChanged
from tulou.context import Context
from tulou_contracts.network import HttpClient, HttpHost, HttpMetrics, HttpStreams, WebSocketConnector
from tulou_contracts.network_state import NetworkClock, NetworkMonitor
from tulou_contracts.tcp import Framers, Resolver, TcpConnector

from tulou_net.connector import Connector
from tulou_net.framing.registry import FramerTable
from tulou_net.host import LoopbackHost
from tulou_net.http.client import RequestsClient
from tulou_net.http.keeping import keep_chain
from tulou_net.proxies import Proxies
from tulou_net.surroundings.captive import CaptiveCheck
from tulou_net.surroundings.clock import SteadyNetworkClock
from tulou_net.surroundings.monitor import Monitor
from tulou_net.tcp.connector import TcpOpener
from tulou_net.tcp.resolver import DnsResolver
from tulou_net.trust import Trust


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Provide the clients and the host; libraries are imported at first use, off the loop."""
    trust = Trust(ctx.config.ca_file)
    proxies = Proxies(ctx.config.proxy, ctx.config.pac)
    clock = SteadyNetworkClock(ctx.now, trio.current_time)
    client = RequestsClient(
        ctx.config, trust, proxies=proxies, log=ctx.log, rng=ctx.random, clock=clock)
    ctx.provide(WebSocketConnector, Connector(ctx.config, trust, proxies))
    ctx.provide(HttpClient, client)
    ctx.provide(HttpStreams, client)
    ctx.provide(HttpMetrics, client)
    keep_chain(ctx, client, proxies)
    ctx.provide(HttpHost, LoopbackHost(ctx.config, ctx.log))
    framers = FramerTable()
    ctx.provide(Framers, framers)
    ctx.provide(TcpConnector, TcpOpener(ctx.config, trust, framers))
    resolver = DnsResolver(ctx.config.name_servers)
    ctx.provide(Resolver, resolver)
    ctx.subscribe(NetworkChanged, lambda event: resolver.forget())
    captive = CaptiveCheck(client, ctx.config.captive_probe) if ctx.config.captive_probe else None
    monitor = Monitor(clock, ctx.publish, ctx.log, captive=captive)
    ctx.provide(NetworkClock, clock)
    ctx.provide(NetworkMonitor, monitor)
    ctx.spawn(monitor.run)
    try:
        yield
    finally:
        client.close()
