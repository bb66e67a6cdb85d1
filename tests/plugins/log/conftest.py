"""Recorders in a temporary folder, and the room in a kernel."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import tulou_log
from tulou_log.config import Config
from tulou_log.recorder import Recorder

from tulou import Kernel
from tulou.testing.kit import boot
from tulou_contracts.logs import Logs


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """A logger that tells everything, whatever runs."""
    logger = logging.getLogger("tulou.plugin.subject")
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(tmp_path / "log", Config(ring_kb=256, flush_ms=1))
    made.open()
    yield made
    made.close()


OpenRoom = Callable[..., AbstractAsyncContextManager[tuple[Kernel, Logs]]]


@pytest.fixture
def room(tmp_path: Path) -> OpenRoom:
    @asynccontextmanager
    async def opened(
        profile: Path = tmp_path / "profile", **options: Any
    ) -> AsyncIterator[tuple[Kernel, Logs]]:
        async with boot(tulou_log.plugin, profile=profile, **options) as kernel:
            yield kernel, kernel.service(Logs)

    return opened
