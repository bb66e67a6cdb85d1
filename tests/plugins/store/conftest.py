"""Stores in a temporary folder: with threads as in the app, and inside the loop as in simulations."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from tulou_store.config import Config
from tulou_store.keys import Keys
from tulou_store.service import Store

OpenStore = Callable[..., AbstractAsyncContextManager[Store]]


@pytest.fixture(params=[True, False], ids=["threads", "inline"])
def threads(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def open_store(tmp_path: Path, threads: bool) -> OpenStore:
    @asynccontextmanager
    async def opened(
        folder: Path = tmp_path, publish: Callable[[object], None] = lambda _: None,
        keys: Keys | None = None, **settings: int,
    ) -> AsyncIterator[Store]:
        store = Store(folder, Config(threads=threads, **settings), publish=publish, keys=keys)
        async with store.running():
            yield store

    return opened


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[Store]:
    async with open_store() as opened:
        yield opened
