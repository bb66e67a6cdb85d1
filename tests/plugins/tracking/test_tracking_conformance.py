"""The room keeps what its contracts promise, and what every plugin owes the house."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import tulou_tracking
from tulou.testing.conformance import Conformance
from tulou_contracts.storage import Storage
from tulou_contracts.testing.memory_storage import MemoryStorage
from tulou_contracts.testing.tracking import TABLE, FakeTracker, Open, Tracking, TrackerConformance
from tulou_contracts.testing.ui import UiConformance
from tulou_contracts.tracking import EventInvalid, EventUnknown
from tulou_contracts.ui import Contribution
from tulou_tracking.pages import Pages


class TestTracking(Conformance):
    plugin = tulou_tracking.plugin
    fakes = {Storage: MemoryStorage()}


class TestTracker(TrackerConformance):
    @pytest.fixture
    def tracking(self, room: Any, autojump_clock: Any) -> Open:
        @asynccontextmanager
        async def go(folder: Path) -> AsyncIterator[Tracking]:
            async with room(folder=folder / "profile") as opened:
                yield Tracking(opened.tracker, opened.control)

        return go


class TestPages(UiConformance):
    no_control: Any = None
    pages = Pages(no_control)

    def contributions(self) -> Sequence[Contribution]:
        return self.pages.contribute_ui()


def test_the_fake_raises_what_development_raises() -> None:
    tracker = FakeTracker(TABLE)
    tracker.track("kit.personal", what="x")
    assert tracker.named("kit.personal") == [{"what": "x"}]
    with pytest.raises(EventUnknown):
        tracker.track("kit.nothing")
    for fields in ({}, {"what": "x", "strange": 1}):
        with pytest.raises(EventInvalid):
            tracker.track("kit.personal", **fields)
