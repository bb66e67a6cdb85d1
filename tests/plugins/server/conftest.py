"""A running server on a free port, its storage in a temporary folder."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from server_storage import open_storage
from tulou_server.config import Config
from tulou_server.server import Server, serve

Serving = Callable[..., AbstractAsyncContextManager[Server]]


@pytest.fixture
def serving(tmp_path: Path) -> Serving:
    @asynccontextmanager
    async def start(folder: Path = tmp_path, **settings: object) -> AsyncIterator[Server]:
        config = Config(**{"port": 0, "scram_iterations": 4096, **settings})
        folder.mkdir(exist_ok=True)
        async with open_storage(folder) as store:
            now = lambda: time.time_ns() // 1000  # noqa: E731
            async with serve(config, store, now, logging.getLogger("tulou.server")) as server:
                yield server

    return start


@pytest.fixture
async def server(serving: Serving) -> AsyncIterator[Server]:
    async with serving() as running:
        for name in ("lin", "wang", "陈"):
            await running.create_account(name, "secret")
        yield running


@pytest.fixture
def endpoint(server: Server) -> str:
    return server.endpoint
