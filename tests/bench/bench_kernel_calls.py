"""What a call through the kernel costs: hooks, events, service look-ups."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from statistics import median
from typing import Any

import pluggy
import trio

from tests.bench.harness import Measurement, at_most
from tulou import Composition, Context, Kernel, Kind, Plugin, hook, implements

WORK = 20_000
"""Implementations or subscribers called in one round."""


@hook(Kind.COLLECT)
def ping(value: int) -> int | None:
    """Answers what it is given."""
    return value


class Echo:
    """One implementation."""

    @implements(ping)
    def ping(self, value: int) -> int:
        return value


class Tick:
    """An event."""


class Service:
    """A contract and its provider in one."""


def measure() -> Iterator[Measurement]:
    """All measurements of this file."""
    for count, hook_bar in ((10, 2.0), (100, 1.7)):
        yield trio.run(hooks, count, hook_bar)
    for count in (10, 100):
        yield trio.run(events, count)
    yield trio.run(look_up)


async def rounds(sides: dict[str, Callable[[], Awaitable[object]]], times: int = 15) -> dict[str, float]:
    """Median seconds of asynchronous sides, in turn."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(times + 2):
        for name, side in sides.items():
            begin = time.perf_counter()
            await side()
            if turn > 1:
                taken[name].append(time.perf_counter() - begin)
    return {name: median(each) for name, each in taken.items()}


def one(run: Callable[[Context], AsyncIterator[None]], **settings: Any) -> Kernel:
    """A kernel with one plugin."""
    plugin = Plugin(name="subject", run=asynccontextmanager(run), **settings)
    return Kernel(Composition.of("subject"), plugins=[plugin], blocked_after=0)


async def hooks(count: int, bar: float) -> Measurement:
    """An isolated hook call against a plain loop that collects what is not None; pluggy likewise."""
    echoes = [Echo() for _ in range(count)]
    bare = [echo.ping for echo in echoes]
    peer = pluggy_caller(count)

    async def run(ctx: Context) -> AsyncIterator[None]:
        ctx.implement(*echoes)
        yield

    async with one(run).running() as kernel:
        call = kernel.hook(ping)

        async def ours() -> None:
            for _ in range(WORK // count):
                await call(1)

        async def loop() -> None:
            for _ in range(WORK // count):
                answers = []
                for function in bare:
                    answer = function(1)
                    if answer is not None:
                        answers.append(answer)

        async def pluggys() -> None:
            for _ in range(WORK // count):
                peer(value=1)

        medians = await rounds({"tulou": ours, "loop": loop, "pluggy": pluggys})
    return at_most(f"hook call, {count} implementations / plain loop", bar, medians,
                   ours="tulou", floor="loop", peers=("pluggy",))


def pluggy_caller(count: int) -> Any:
    """The same hook in pluggy."""
    spec, impl = pluggy.HookspecMarker("bench"), pluggy.HookimplMarker("bench")

    class Specs:
        @spec
        def ping(self, value: int) -> None:
            """Answers what it is given."""

    class Plain:
        @impl
        def ping(self, value: int) -> int:
            return value

    manager = pluggy.PluginManager("bench")
    manager.add_hookspecs(Specs)
    for _ in range(count):
        manager.register(Plain())
    return manager.hook.ping


async def events(count: int) -> Measurement:
    """Bursts of 100 events to no-op async subscribers, against awaiting the same functions in turn."""
    seen = [0]
    handlers: list[Callable[[Tick], Awaitable[None]]] = []

    async def run(ctx: Context) -> AsyncIterator[None]:
        for _ in range(count):
            async def handler(event: Tick) -> None:
                seen[0] += 1
            handlers.append(handler)
            ctx.subscribe(Tick, handler)
        yield

    async with one(run).running() as kernel:
        async def ours() -> None:
            due = seen[0] + WORK
            for _ in range(WORK // count // 100):
                for _ in range(100):
                    kernel.publish(Tick())
                await trio.lowlevel.checkpoint()
            while seen[0] < due:
                await trio.lowlevel.checkpoint()

        async def in_turn() -> None:
            for _ in range(WORK // count // 100):
                for _ in range(100):
                    event = Tick()
                    for handler in handlers:
                        await handler(event)
                await trio.lowlevel.checkpoint()

        medians = await rounds({"tulou": ours, "awaiting in turn": in_turn})
    return at_most(f"event to {count} subscribers / awaiting them in turn", 2.0, medians,
                   ours="tulou", floor="awaiting in turn")


async def look_up() -> Measurement:
    """`ctx.service(Contract)` against one look-up in a dict."""
    contexts: list[Context] = []

    async def run(ctx: Context) -> AsyncIterator[None]:
        ctx.provide(Service, Service())
        yield

    async def use(ctx: Context) -> AsyncIterator[None]:
        contexts.append(ctx)
        yield

    plugins = [
        Plugin(name="provider", run=asynccontextmanager(run), provides=(Service,)),
        Plugin(name="user", run=asynccontextmanager(use), requires=(Service,)),
    ]
    kernel = Kernel(Composition.of("provider", "user"), plugins=plugins, blocked_after=0)
    async with kernel.running():
        ctx = contexts[0]
        table = {Service: object()}

        async def ours() -> None:
            for _ in range(200_000):
                ctx.service(Service)

        async def plain() -> None:
            for _ in range(200_000):
                table[Service]

        sides: dict[str, Callable[[], Awaitable[object]]] = {"tulou": ours, "dict": plain}
        with ipopo_look_up() as peer:
            if peer is not None:
                async def ipopos() -> None:
                    for _ in range(2_000):
                        peer()
                sides["iPOPO"] = ipopos
            medians = await rounds(sides)
    if "iPOPO" in medians:
        medians["iPOPO"] *= 100  # it was asked a hundredth as often
    return at_most("service look-up / dict look-up", 3.0, medians, ours="tulou", floor="dict",
                   peers=("iPOPO",))


@contextmanager
def ipopo_look_up() -> Iterator[Callable[[], object] | None]:
    """The same in iPOPO: get a registered service by its reference; None where it is not installed."""
    try:
        from pelix.framework import create_framework
    except ImportError:
        yield None
        return
    framework = create_framework(())
    framework.start()
    context = framework.get_bundle_context()
    context.register_service("bench.service", Service(), {})
    reference = context.get_service_reference("bench.service")
    try:
        yield lambda: context.get_service(reference)
    finally:
        framework.stop()
