"""Conformance of the network contracts: clients, and the host that pages rely on.

Subclass the suites in a test module and define their fixtures::

    class TestMySockets(WebSocketConformance):
        @pytest.fixture
        def connector(self):
            return MyConnector()

        @pytest.fixture
        def host(self):
            return MyHost()

`HttpHostConformance` needs `host`; `WebSocketConformance` needs `connector` and `host`;
`HttpClientConformance` needs `client` and `host`; `TcpConformance` needs `connector`,
`FramersConformance` needs `framers`, `ResolverConformance` needs `resolver`. Everything happens on
127.0.0.1. Peers that
misbehave are scripts on a raw TCP port (`network.peers`), the same whatever is tested.
"""

from tulou_contracts.testing.network.framers import FramersConformance
from tulou_contracts.testing.network.host import HttpHostConformance
from tulou_contracts.testing.network.http_client import HttpClientConformance
from tulou_contracts.testing.network.http_streams import HttpStreamsConformance
from tulou_contracts.testing.network.names import ResolverConformance
from tulou_contracts.testing.network.tcp import TcpConformance
from tulou_contracts.testing.network.websocket import WebSocketConformance


__all__ = [
    "FramersConformance", "HttpClientConformance", "HttpHostConformance", "HttpStreamsConformance",
    "ResolverConformance", "TcpConformance", "WebSocketConformance",
]
