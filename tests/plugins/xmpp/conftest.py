"""Fixtures: a world in memory, on a virtual clock."""

from __future__ import annotations

import pytest
import trio
from hypothesis import settings
from trio.testing import MockClock

from xmpp_world import open_world

settings.register_profile("patient", deadline=None)   # a busy machine is no fault of the code
settings.load_profile("patient")


def run_virtually(function, clock=None, **more):
    return trio.run(function, clock=clock or MockClock(autojump_threshold=0), **more)


def pytest_collection_modifyitems(items):
    for item in items:
        if "virtual_time" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.trio(run=run_virtually), append=False)


@pytest.fixture
def virtual_time():
    """Tests with this fixture wait for nothing: time jumps to the next deadline."""


@pytest.fixture
async def world(virtual_time):
    async with open_world() as world:
        yield world
