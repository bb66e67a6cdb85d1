"""Times that are none: a sentence of the contract's kind, whatever they are given to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import trio
from tulou_net.connector import Connector
from tulou_net.http.client import RequestsClient
from tulou_net.host import LoopbackHost
from tulou_net.tcp.connector import TcpOpener

from tulou_contracts.network import HttpRequest, NetworkError, Unreachable
from tulou_contracts.testing.network.peers import PATIENCE, tell

NO_TIMES = [-1.0, -math.inf, math.nan, "5"]
NAMES = ["timeout", "connect_timeout", "read_timeout"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seconds", NO_TIMES)
async def test_a_request_with_a_time_that_is_none(
    client: RequestsClient, host: LoopbackHost, name: str, seconds: Any
) -> None:
    with trio.fail_after(PATIENCE):
        async with host.serve() as site:
            site.route("GET", "/", tell)
            request = HttpRequest(url=site.url + "/", **{name: seconds})
            with pytest.raises(NetworkError, match=f"{name} is .*give seconds"):
                await client.send(request)
            with pytest.raises(NetworkError, match=f"{name} is .*give seconds"):
                async with client.open(request):
                    pass


async def test_a_request_may_wait_for_ever_or_not_at_all(client: RequestsClient, host: LoopbackHost) -> None:
    with trio.fail_after(PATIENCE):
        async with host.serve() as site:
            site.route("GET", "/", tell)
            for_ever = dict.fromkeys(NAMES, math.inf)
            assert (await client.send(HttpRequest(url=site.url + "/", **for_ever))).status == 200
            with pytest.raises(Unreachable, match="within 0 seconds"):
                await client.send(HttpRequest(url=site.url + "/", timeout=0))


@pytest.mark.parametrize("seconds", NO_TIMES)
async def test_connections_with_a_time_that_is_none(
    connector: Connector, unused_port: Callable[[], int], seconds: Any
) -> None:
    port = unused_port()
    for name in ("timeout", "heartbeat"):
        with pytest.raises(NetworkError, match=f"{name} is .*give seconds"):
            async with connector.connect(f"ws://127.0.0.1:{port}/", **{name: seconds}):
                pass
    for name in ("timeout", "idle"):
        with pytest.raises(NetworkError, match=f"{name} is .*give seconds"):
            async with TcpOpener().connect("127.0.0.1", port, **{name: seconds}):
                pass
