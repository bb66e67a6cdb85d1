"""The room as a plugin among others."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from log_kit import lines
from tulou_log import plugin as log_plugin
from tulou_log.page import LogPages

from tulou import Composition, Context, Kernel, Plugin
from tulou.testing.conformance import Conformance
from tulou.testing.stand_in import stand_in
from tulou_contracts.logs import Logs
from tulou_contracts.testing.logs import FakeLogs, LogsConformance
from tulou_contracts.testing.ui import UiConformance


class TestPlugin(Conformance):
    plugin = log_plugin


class TestLogs(LogsConformance):
    @pytest.fixture
    async def logs(self, room) -> AsyncIterator[Logs]:
        async with room() as (_, logs):
            yield logs


class TestFake(LogsConformance):
    @pytest.fixture
    def logs(self) -> Iterator[Logs]:
        with FakeLogs().running() as logs:
            yield logs


async def test_what_was_said_before_it_was_up_is_in_the_log_too(tmp_path: Path) -> None:
    @asynccontextmanager
    async def fail(ctx: Context) -> AsyncIterator[None]:
        ctx.log.warning("the cable is %d metres too short", 3)
        raise OSError("no")
        yield

    hasty = Plugin(name="hasty", level=-1, run=fail)
    app = Kernel(Composition.of("hasty", "log"), profile=tmp_path, plugins=(hasty, log_plugin))
    async with app.running():
        pass
    said = [json.dumps(line, ensure_ascii=False) for line in lines(tmp_path / "log")]
    assert any("metres too short" in text for text in said)
    assert any("hasty" in text for text in said), "why a plugin failed is what logs are for"


class TestPages(UiConformance):
    pages = LogPages(stand_in(Logs), None)

    def contributions(self):
        return self.pages.contribute_ui()
