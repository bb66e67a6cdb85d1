"""The plugin keeps the network contracts' promises."""

import pytest
from tulou_net.connector import Connector
from tulou_net.host import LoopbackHost
from tulou_net.http.client import RequestsClient

from tulou_contracts.testing.network import (
    HttpClientConformance,
    HttpHostConformance,
    HttpStreamsConformance,
    WebSocketConformance,
)


class TestConnector(WebSocketConformance):
    @pytest.fixture
    def connector(self, connector: Connector) -> Connector:
        return connector

    @pytest.fixture
    def host(self, host: LoopbackHost) -> LoopbackHost:
        return host


class TestClient(HttpClientConformance):
    @pytest.fixture
    def client(self, client: RequestsClient) -> RequestsClient:
        return client

    @pytest.fixture
    def host(self, host: LoopbackHost) -> LoopbackHost:
        return host


class TestStreams(HttpStreamsConformance):
    @pytest.fixture
    def client(self, client: RequestsClient) -> RequestsClient:
        return client

    @pytest.fixture
    def host(self, host: LoopbackHost) -> LoopbackHost:
        return host


class TestHost(HttpHostConformance):
    @pytest.fixture
    def host(self, host: LoopbackHost) -> LoopbackHost:
        return host
