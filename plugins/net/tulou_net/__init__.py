"""Tulou's way out and in: WebSocket and HTTP clients, and a host for pages on loopback."""

from tulou import Level, Plugin
from tulou_contracts.network import HttpClient, HttpHost, HttpMetrics, HttpStreams, WebSocketConnector
from tulou_contracts.network_state import NetworkClock, NetworkMonitor
from tulou_contracts.tcp import Framers, Resolver, TcpConnector

plugin = Plugin(
    name="net",
    version="0.1.0",
    summary="HTTP, WebSocket and TCP clients, and a loopback host for pages and sockets",
    level=Level.BASE,
    provides=(
        HttpClient, HttpStreams, HttpMetrics, WebSocketConnector, HttpHost, TcpConnector, Framers, Resolver,
        NetworkMonitor, NetworkClock,
    ),
    config="tulou_net.config:Config",
    run="tulou_net.service:run",
)
