"""Events: in order, isolated, bounded, and gone with the plugin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tulou import Context, Plugin
from tulou.events import EventBus
from tulou.testing import boot


class Said(NamedTuple):
    text: str


class Other(NamedTuple):
    text: str


def listener(name: str, *handlers: Callable[[Said], Any]) -> Plugin:
    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        for handler in handlers:
            ctx.subscribe(Said, handler)
        yield
    return Plugin(name=name, run=run)


async def test_delivery_is_by_exact_type_and_in_order(autojump_clock: Any) -> None:
    heard: list[str] = []

    async def slow(event: Said) -> None:
        await trio.sleep(1)
        heard.append("slow " + event.text)
    async with boot(listener("a", lambda e: heard.append(e.text), slow)) as kernel:
        for text in ("一", "二", "三"):
            kernel.publish(Said(text))
            kernel.publish(Other("no"))
        await trio.sleep(10)
    assert heard == ["一", "二", "三", "slow 一", "slow 二", "slow 三"]


async def test_a_slow_subscriber_delays_only_itself(autojump_clock: Any) -> None:
    times: dict[str, float] = {}

    def stamp(name: str, wait: float) -> Callable[[Said], Any]:
        async def handler(event: Said) -> None:
            await trio.sleep(wait)
            times[name] = trio.current_time()
        return handler
    async with boot(listener("x", stamp("slow", 5), stamp("slower", 9), stamp("quick", 0))) as kernel:
        begin = trio.current_time()
        kernel.publish(Said("go"))
        await trio.sleep(20)
    assert {name: round(at - begin, 3) for name, at in times.items()} == {"quick": 0, "slow": 5, "slower": 9}


async def test_a_failing_subscriber_harms_nobody_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    def broken(event: Said) -> None:
        raise ValueError("deaf")
    async with boot(listener("a", broken), listener("b", lambda e: heard.append(e.text))) as kernel:
        kernel.publish(Said("hello"))
        await trio.testing.wait_all_tasks_blocked()
        assert heard == ["hello"]
        assert {each.name: each.faults for each in kernel.status()} == {"a": 1, "b": 0}
    assert "plugin 'a' failed in handling Said: ValueError: deaf" in caplog.text


async def test_what_waits_for_a_held_up_subscriber_is_bounded_and_drops_are_named(
    autojump_clock: Any,
) -> None:
    faults: list[tuple[str, str]] = []
    heard: list[str] = []
    bus = EventBus(lambda plugin, doing, error: faults.append((plugin, str(error))), limit=10)

    async def stuck(event: Said) -> None:
        await trio.sleep(100)
        heard.append(event.text)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bus.run)
        subscription = bus.subscribe("sleepy", Said, stuck)
        bus.publish(Said("0"))
        await trio.sleep(1)
        for n in range(1, 31):
            bus.publish(Said(str(n)))
        await trio.sleep(10_000)
        assert heard == [str(n) for n in range(11)]
        assert subscription.dropped == 20
        nursery.cancel_scope.cancel()
    assert faults == [("sleepy", "more than 10 events wait for it; further ones are dropped and counted")]


async def test_a_waiting_handler_is_cancelled_with_its_plugin(autojump_clock: Any) -> None:
    fate: list[str] = []

    async def waits(event: Said) -> None:
        try:
            await trio.sleep(1000)
        except trio.Cancelled:
            fate.append("cancelled")
            raise
    heard: list[str] = []
    async with boot(listener("a", waits), listener("b", lambda e: heard.append(e.text))) as kernel:
        kernel.publish(Said("1"))
        await trio.sleep(1)
        await kernel.disable("a")
        await trio.sleep(1)
        assert fate == ["cancelled"]
        kernel.publish(Said("2"))
        await trio.sleep(1)
        assert heard == ["1", "2"]


async def test_a_handler_may_publish_subscribe_and_stop_its_own_plugin(autojump_clock: Any) -> None:
    heard: list[str] = []

    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        def again(event: Said) -> None:
            heard.append(event.text)
            if len(event.text) < 3:
                ctx.publish(Said(event.text + "x"))
        ctx.subscribe(Said, again)
        yield
    async with boot(Plugin(name="echo", run=run)) as kernel:
        kernel.publish(Said("x"))
        await trio.sleep(1)
    assert heard == ["x", "xx", "xxx"]


@given(st.lists(st.sampled_from(["publish", "step", "sleep"]), max_size=30),
       st.lists(st.floats(0, 3), min_size=1, max_size=4))
def test_every_subscriber_hears_everything_in_order_whoever_waits(
    script: list[str], waits: list[float],
) -> None:
    heard: list[list[int]] = [[] for _ in waits]

    async def main() -> None:
        bus = EventBus(lambda *_: None)

        def handler(n: int) -> Callable[[Said], Any]:
            async def handle(event: Said) -> None:
                if waits[n] > 1:
                    await trio.sleep(waits[n])
                heard[n].append(int(event.text))
            return handle
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bus.run)
            for n in range(len(waits)):
                bus.subscribe("p", Said, handler(n))
            for index, action in enumerate(script):
                if action == "publish":
                    bus.publish(Said(str(index)))
                elif action == "step":
                    await trio.lowlevel.checkpoint()
                else:
                    await trio.sleep(1)
            await trio.sleep(1000)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    published = [index for index, action in enumerate(script) if action == "publish"]
    assert heard == [published] * len(waits)
