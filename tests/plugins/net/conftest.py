"""The plugin's classes with patience cut short, so that no test waits long."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest
from tulou_net.http.client import RequestsClient
from tulou_net.config import Config
from tulou_net.connector import Connector
from tulou_net.host import LoopbackHost


@pytest.fixture
def config() -> Config:
    return Config(proxy="direct", send_stall=5.0, close_patience=0.3, host_grace=0.2)


@pytest.fixture
def connector(config: Config) -> Connector:
    return Connector(config)


@pytest.fixture
def host(config: Config) -> LoopbackHost:
    return LoopbackHost(config)


@pytest.fixture
def client(config: Config) -> Iterator[RequestsClient]:
    made = RequestsClient(config)
    yield made
    made.close()


@pytest.fixture
def unused_port() -> Callable[[], int]:
    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find
