"""What the network suites are given; their subclasses define it."""

from __future__ import annotations

import pytest

from tulou_contracts.network import HttpHost, WebSocketConnector


class HostFixture:
    """Suites that need a host."""

    @pytest.fixture
    def host(self) -> HttpHost:
        """The implementation under test, or the host to talk to."""
        raise NotImplementedError("define the fixture `host`")


class ConnectorFixture(HostFixture):
    """Suites that need a connector, and a host to connect to."""

    @pytest.fixture
    def connector(self) -> WebSocketConnector:
        """The implementation under test."""
        raise NotImplementedError("define the fixture `connector`")
