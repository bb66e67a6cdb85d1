"""Tulou's way out and in: WebSocket and HTTP clients, and a host for pages on loopback."""

from tulou import Level, Plugin
from tulou_contracts.network import HttpClient, HttpHost, WebSocketConnector
from tulou_contracts.network_state import NetworkClock, NetworkMonitor

plugin = Plugin(
    name="net",
    version="0.1.0",
    summary="WebSocket and HTTP clients, and a loopback host for pages and sockets",
    level=Level.BASE,
    provides=(HttpClient, WebSocketConnector, HttpHost, NetworkMonitor, NetworkClock),
    config="tulou_net.config:Config",
    run="tulou_net.service:run",
)
