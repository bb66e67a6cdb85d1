"""The room as a plugin among others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from tulou_log import plugin as log_plugin
from tulou_log.page import LogPages

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


class TestPages(UiConformance):
    pages = LogPages(stand_in(Logs), None)

    def contributions(self):
        return self.pages.contribute_ui()
