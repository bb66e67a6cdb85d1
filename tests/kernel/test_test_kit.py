"""The test kit: booting, fakes, stand-ins, and a conformance suite that can fail."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
import trio

from tulou import Context, Plugin, needs_grant
from tulou.testing import boot, stand_in, states
from tulou.testing.conformance import Conformance


T = TypeVar("T")


class Counter(Protocol):
    """Counts."""

    limit: int

    async def count(self, things: Sequence[str]) -> int:
        """How many."""

    def names(self) -> Sequence[str]:
        """Which."""


class Real:
    limit = 3

    async def count(self, things: Sequence[str]) -> int:
        return len(things)

    def names(self) -> Sequence[str]:
        return ["one"]


@asynccontextmanager
async def run_user(ctx: Context) -> AsyncIterator[None]:
    counter = ctx.service(Counter)
    await trio.lowlevel.checkpoint()
    assert await counter.count(["a"]) in (0, 1)
    ctx.spawn(trio.sleep_forever)
    await trio.lowlevel.checkpoint()
    yield


user = Plugin(name="user", run=run_user, requires=(Counter,))


class TestUser(Conformance):
    plugin = user


async def test_boot_runs_plugins_with_fakes() -> None:
    async with boot(user, fakes={Counter: Real()}) as kernel:
        assert states(kernel) == {"fake-counter": "running", "user": "running"}
        assert await kernel.service(Counter).count(["a", "b"]) == 2


async def test_a_stand_in_answers_empty_values_of_the_right_type() -> None:
    counter = stand_in(Counter, names=lambda: ["mine"])
    assert await counter.count(["a"]) == 0
    assert counter.limit == 0
    assert counter.names() == ["mine"]


class Works(Protocol):
    """Does works."""

    async def do(self, work: Callable[[Counter], T], times: int = 1) -> T:
        """Do it."""


async def test_a_stand_in_does_a_work_on_stand_ins() -> None:
    assert await stand_in(Works).do(lambda counter: [*counter.names(), "mine"]) == ["mine"]
    assert await stand_in(Works).do(work=lambda counter: counter.limit) == 0


def leaky(ctx_work: Any) -> Plugin:
    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        ctx_work()
        yield
    return Plugin(name="leaky", run=run)


async def test_conformance_finds_a_file_left_open(tmp_path: Path) -> None:
    kept = []
    suite = Conformance()
    suite.plugin = leaky(lambda: kept.append(open("/dev/null")))  # type: ignore[misc]
    with pytest.raises(AssertionError, match="open files"):
        await suite.test_it_leaves_nothing_behind(tmp_path)
    for each in kept:
        each.close()


async def test_conformance_finds_a_plugin_that_blocks_the_loop(tmp_path: Path) -> None:
    suite = Conformance()
    suite.plugin = leaky(lambda: time.sleep(1.5))  # type: ignore[misc]
    with pytest.raises(AssertionError, match="blocked .* use trio's own calls"):
        await suite.test_it_does_not_block_the_loop_while_starting(tmp_path)


class Speaker(Protocol):
    """Speaks."""

    @needs_grant("speak.aloud")
    async def speak(self) -> None:
        """Say something."""


@pytest.mark.parametrize("how", ["in run", "in a task", "in a handler"])
async def test_conformance_finds_a_grant_that_is_used_and_not_asked_for(tmp_path: Path, how: str) -> None:
    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        async def speak(event: object = None) -> None:
            await ctx.service(Speaker).speak()
        if how == "in run":
            await speak()
        elif how == "in a task":
            ctx.spawn(speak)
        else:
            ctx.subscribe(int, speak)
            ctx.publish(1)
        yield

    suite = Conformance()
    suite.plugin = Plugin(name="speaker", run=run, requires=(Speaker,))  # type: ignore[misc]
    with pytest.raises(AssertionError, match="speak.aloud"):
        await suite.test_it_starts_and_stops(tmp_path)


async def test_conformance_finds_a_plugin_that_eats_cancellation(tmp_path: Path) -> None:
    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        try:
            await trio.sleep(0.01)
        except trio.Cancelled:
            raise RuntimeError("cancelled? never heard of it") from None
        yield
    suite = Conformance()
    suite.plugin = Plugin(name="stubborn", run=run)  # type: ignore[misc]
    with pytest.raises(BaseException, match="never heard|Exceptions from Trio nursery"):
        await suite.test_it_can_be_cancelled_at_every_await_of_its_start(tmp_path)


def test_conformance_finds_a_grant_nobody_knows() -> None:
    suite = Conformance()
    suite.plugin = Plugin(name="greedy", run=run_user, grants=("world.domination",))  # type: ignore[misc]
    with pytest.raises(AssertionError, match="world.domination"):
        suite.test_every_grant_it_asks_for_is_one_of_its_contracts()
