"""Everything here happens on a virtual clock, but for tests marked `real_time` by their module."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

HERE = Path(__file__).parent


def run_virtually(function, clock=None, **more):
    return trio.run(function, clock=clock or MockClock(autojump_threshold=0), **more)


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents and not getattr(item.module, "REAL_TIME", False) \
                and inspect.iscoroutinefunction(item.function):
            item.add_marker(pytest.mark.trio(run=run_virtually), append=False)
