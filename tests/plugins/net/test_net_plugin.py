"""The plugin as the kernel sees it: cheap to start, complete, and gone when stopped."""

from __future__ import annotations

import logging
import random
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from tulou_net import plugin
from tulou_net.config import Config
from tulou_net.service import run

from tulou.schema import bind
from tulou.testing.conformance import Conformance
from tulou_contracts.network import HttpClient, HttpHost, HttpRequest, WebSocketConnector
from tulou_contracts.testing.network.peers import echo, tell, ws


class TestNet(Conformance):
    plugin = plugin


async def test_its_services_work_together() -> None:
    provided: dict[Any, Any] = {}
    async with trio.open_nursery() as nursery:
        context = SimpleNamespace(
            config=Config(), log=logging.getLogger("net"), provide=provided.__setitem__,
            now=lambda: time.time_ns() // 1000, publish=lambda event: None,
            spawn=lambda function, *args, name="": nursery.start_soon(function, *args),
            subscribe=lambda event, handler: None, hook=lambda spec: nothing, random=random.Random(1),
        )
        await use(context, provided)
        nursery.cancel_scope.cancel()


async def nothing() -> list[Any]:
    """A hook that nobody implements."""
    return []


async def use(context: Any, provided: dict[Any, Any]) -> None:
    async with run(context):
        assert set(provided) == set(plugin.provides)
        async with provided[HttpHost].serve() as site:
            site.route("GET", "/", tell)
            site.socket("/echo", echo)
            assert (await provided[HttpClient].send(HttpRequest(url=site.url + "/"))).status == 200
            async with provided[WebSocketConnector].connect(ws(site, "/echo")) as socket:
                await socket.send("你好")
                assert await socket.receive() == "你好"


def test_starting_imports_no_library() -> None:
    code = (
        "import sys, tulou_net, tulou_net.service, tulou_net.config\n"
        "from tulou_net.config import Config\n"
        "from tulou_net.connector import Connector; Connector(Config())\n"
        "from tulou_net.http.client import RequestsClient; RequestsClient(Config())\n"
        "from tulou_net.host import LoopbackHost; LoopbackHost(Config())\n"
        "heavy = {'requests', 'urllib3', 'hypercorn', 'starlette', 'trio_websocket', 'wsproto', 'h11'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"send_stall": -1.0}, "send_stall"),
        ({"requests": 0}, "requests"),
        ({"requests_per_host": 0}, "requests_per_host"),
        ({"rate": -1.0}, "rate"),
        ({"proxy": "proxy.example:3128"}, "no address"),
        ({"pins": {"https://h": ["md5/x"]}}, "no pin"),
        ({"host_max_connections": 0}, "host_max_connections"),
        ({"proxi": "x"}, "'proxy'"),
        ({"quick_ack": "yes"}, "quick_ack"),
    ],
)
def test_wrong_settings_are_named(table: dict[str, Any], said: str) -> None:
    config, problems = bind(Config, table, "net")
    assert config is None
    assert said in problems[0]
