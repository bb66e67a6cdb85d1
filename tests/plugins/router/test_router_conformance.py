"""The router, and the router in memory, on the contract's own suite; and the plugin on the house's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import tulou_router
from router_support import Building
from tulou_contracts.routing import RouteContribution
from tulou_contracts.testing.routing import FakeRouter, RouterConformance, RouterEnds

from tulou.testing.conformance import Conformance


class TestRouterPlugin(Conformance):
    plugin = tulou_router.plugin


class TestRouter(RouterConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    @asynccontextmanager
    async def open(self, *contributions: RouteContribution) -> AsyncIterator[RouterEnds]:
        self.number = getattr(self, "number", 0) + 1
        building = Building(self.folder / str(self.number), contributions)
        async with building.running() as router:
            yield RouterEnds(router, building.screen.presented)


class TestFakeRouter(RouterConformance):
    @asynccontextmanager
    async def open(self, *contributions: RouteContribution) -> AsyncIterator[RouterEnds]:
        router = FakeRouter(*contributions)
        yield RouterEnds(router, router.presented)
