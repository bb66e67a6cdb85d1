"""Conformance of `WebSocketConnector`."""

from __future__ import annotations

from tulou_contracts.testing.network.websocket_faults import FaultyPeersConformance
from tulou_contracts.testing.network.websocket_messages import MessagesConformance


class WebSocketConformance(MessagesConformance, FaultyPeersConformance):
    """`WebSocketConnector`, against `HttpHost` and against scripted peers."""
