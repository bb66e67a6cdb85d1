"""One id for one act, wherever it goes: into tasks, threads and handlers of events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio
import trio.testing

from tulou import Composition, Context, Kernel, Plugin
from tulou.correlation import correlated, correlation


class Rang:
    """An event."""


def test_there_is_none_outside_and_one_within() -> None:
    assert correlation() == ""
    with correlated() as outer:
        assert outer and correlation() == outer
        with correlated() as inner:
            assert inner == outer, "what is within an act belongs to it"
        with correlated("theirs"):
            assert correlation() == "theirs"
        assert correlation() == outer
    assert correlation() == ""


async def test_tasks_and_threads_work_for_the_act_they_were_begun_in() -> None:
    seen: list[str] = []

    async def task() -> None:
        seen.append(correlation())
        seen.append(await trio.to_thread.run_sync(correlation))

    async with trio.open_nursery() as nursery:
        with correlated("a click"):
            nursery.start_soon(task)
    assert seen == ["a click", "a click"]


async def with_handlers(*handlers: Any, acts: tuple[str, ...], wait: Any) -> None:
    """Publish an event in each act (an empty one: outside of any) to the handlers, and await `wait`."""

    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        for each in handlers:
            ctx.subscribe(Rang, each)
        yield

    plugin = Plugin(name="subject", run=run)
    async with Kernel(Composition.of("subject"), plugins=[plugin], blocked_after=0).running() as kernel:
        for act in acts:
            if act:
                with correlated(act):
                    kernel.publish(Rang())
            else:
                kernel.publish(Rang())
        await wait()


async def test_a_handler_works_for_the_act_its_event_was_published_in() -> None:
    seen: list[str] = []
    acts = ("one", "", "two", "two", "")
    await with_handlers(
        lambda _: seen.append(correlation()), acts=acts, wait=trio.testing.wait_all_tasks_blocked
    )
    assert seen == list(acts)


async def test_a_slow_handler_has_the_act_of_each_event_it_catches_up_with() -> None:
    slow: list[str] = []
    quick: list[str] = []
    gate, done = trio.Event(), trio.Event()
    acts = ("one", "two", "", "three")

    async def handler(_: Rang) -> None:
        before = correlation()
        await gate.wait()
        assert correlation() == before
        slow.append(before)
        if len(slow) == len(acts):
            done.set()

    async def wait() -> None:
        await trio.testing.wait_all_tasks_blocked()
        assert quick == list(acts), "nobody else is held up, nor gets another's act"
        gate.set()
        await done.wait()

    await with_handlers(handler, lambda _: quick.append(correlation()), acts=acts, wait=wait)
    assert slow == list(acts)
