"""Makes trio's own chance repeatable, and proves that nothing leaves the loop."""

from __future__ import annotations

import random

import pytest
import trio


@pytest.fixture
def repeatable(monkeypatch):
    """A function that seeds what has a seed. Call it at the beginning of each run.

    trio shuffles the tasks that are ready. It offers no public way to repeat that; these two names are
    what its own tests and Hypothesis's trio support use. No rule that is checked needs them: without
    them a seed still breaks something, only not the same thing twice.
    """
    run = trio._core._run
    if hasattr(run, "_ALLOW_DETERMINISTIC_SCHEDULING") and hasattr(run, "_r"):
        monkeypatch.setattr(run, "_ALLOW_DETERMINISTIC_SCHEDULING", True)
    state = random.getstate()

    def seed(number: int) -> None:
        random.seed(number)
        if hasattr(run, "_r"):
            monkeypatch.setattr(run, "_r", random.Random(number))

    async def no_threads(function, *_, **__):
        raise AssertionError(f"{function} was to run in a thread: virtual time does not wait for it")

    monkeypatch.setattr(trio.to_thread, "run_sync", no_threads)
    yield seed
    random.setstate(state)
