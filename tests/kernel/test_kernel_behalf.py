"""Several apps in one process: who reads along knows whose a line is."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tulou import Composition, Kernel, Plugin, Restart
from tulou.behalf import named
from tulou.cli.logs import set_up


@asynccontextmanager
async def faulty(ctx: Any) -> Any:
    raise ValueError("没有运气")
    yield


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Any:
    root = logging.getLogger()
    before = list(root.handlers)
    set_up(0, False)
    yield lambda: capsys.readouterr().err
    root.handlers[:] = before


async def test_a_failure_is_said_with_whose_it_is(told: Any) -> None:
    plugin = Plugin(name="faulty", run=faulty, restart=Restart(attempts=0))
    for name in ("anna", "bowen"):
        with named(name):
            async with Kernel(Composition.of("faulty"), plugins=[plugin]).running():
                pass
    async with Kernel(Composition.of("faulty"), plugins=[plugin]).running():
        pass
    line = "kernel: plugin 'faulty' failed at start: ValueError: 没有运气"
    lines = [each.partition(" (")[0] for each in told().splitlines()]
    assert lines == [f"error: anna: {line}", f"error: bowen: {line}", f"error: {line}"]
