"""Life of plugins: start, stop, failure, restart, run-time changes."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import pytest
import trio
import trio.testing

from tulou import (
    Composition, Kernel, Kind, ManifestError, NotDeclared, Plugin, PluginFailed, Restart, hook, implements,
)
from tulou.flow import leaves


class Greeter(Protocol):
    def greet(self, name: str) -> str:
        """Say hello."""


class Plain:
    def greet(self, name: str) -> str:
        return f"你好, {name}"


def plugin(name: str, run: Any, **settings: Any) -> Plugin:
    return Plugin(name=name, run=asynccontextmanager(run), **settings)


def make(*plugins: Plugin, essential: tuple[str, ...] = (), **kwargs: Any) -> Kernel:
    composition = Composition.of(*(each.name for each in plugins))._replace(essential=frozenset(essential))
    return Kernel(composition, plugins=plugins, blocked_after=0, **kwargs)


def states(kernel: Kernel) -> dict[str, str]:
    return {each.name: each.state.value for each in kernel.status()}


def recorder(log: list[str], name: str, **settings: Any) -> Plugin:
    async def run(ctx: Any) -> Any:
        log.append(f"+{name}")
        for contract in settings.get("provides", ()):
            ctx.provide(contract, Plain())
        yield
        log.append(f"-{name}")
    return plugin(name, run, **settings)


async def test_a_plugin_starts_after_what_it_requires_and_stops_before_it() -> None:
    log: list[str] = []
    kernel = make(recorder(log, "user", requires=(Greeter,)), recorder(log, "greeter", provides=(Greeter,)))
    async with kernel.running():
        assert log == ["+greeter", "+user"]
        assert kernel.service(Greeter).greet("小明") == "你好, 小明"
    assert log == ["+greeter", "+user", "-user", "-greeter"]


async def test_a_plugin_that_raises_at_start_leaves_the_others_running(mock_clock: Any) -> None:
    async def broken(ctx: Any) -> Any:
        raise ValueError("no luck")
        yield
    log: list[str] = []
    mock_clock.autojump_threshold = 0
    kernel = make(plugin("broken", broken, provides=(Greeter,), restart=Restart(attempts=0)),
                  recorder(log, "user", requires=(Greeter,)), recorder(log, "other"))
    async with kernel.running():
        assert states(kernel) == {"broken": "failed", "user": "waiting", "other": "running"}
        reasons = {each.name: each.reason for each in kernel.status()}
        assert reasons["broken"] == "ValueError: no luck"
        assert "'broken'" in reasons["user"] and "no luck" in reasons["user"]
    assert log == ["+other", "-other"]


async def test_a_task_that_fails_stops_dependents_first_then_restarts_with_them(autojump_clock: Any) -> None:
    log: list[str] = []
    lives = 0

    async def fragile(ctx: Any) -> Any:
        nonlocal lives
        lives += 1
        log.append(f"+fragile{lives}")
        ctx.provide(Greeter, Plain())

        async def task() -> None:
            await trio.sleep(1)
            if lives == 1:
                raise OSError("lost")
            await trio.sleep_forever()
        ctx.spawn(task)
        yield
        log.append(f"-fragile{lives}")
    kernel = make(plugin("fragile", fragile, provides=(Greeter,)), recorder(log, "user", requires=(Greeter,)))
    async with kernel.running():
        await trio.sleep(30)
        assert log == ["+fragile1", "+user", "-user", "-fragile1", "+fragile2", "+user"]
        assert states(kernel) == {"fragile": "running", "user": "running"}


@pytest.mark.parametrize("where", ["at start", "in a task", "in a nursery", "at stop"])
async def test_a_plugin_that_calls_exit_ends_itself_and_not_the_app(autojump_clock: Any, where: str) -> None:
    async def leave() -> None:
        sys.exit(3)

    async def quits(ctx: Any) -> Any:
        if where == "at start":
            sys.exit(3)
        if where == "in a task":
            ctx.spawn(leave)
        async with trio.open_nursery() as nursery:
            if where == "in a nursery":
                nursery.start_soon(trio.sleep_forever)
                nursery.start_soon(leave)
            yield
        if where == "at stop":
            sys.exit(3)
    log: list[str] = []
    kernel = make(plugin("quits", quits, restart=Restart(attempts=0)), recorder(log, "calm"))
    async with kernel.running():
        await trio.sleep(1)
        if where == "at stop":
            await kernel.disable("quits")
        else:
            assert states(kernel) == {"calm": "running", "quits": "failed"}
        assert "SystemExit: 3" in {each.name: each.reason for each in kernel.status()}["quits"]
        assert log == ["+calm"]
    assert log == ["+calm", "-calm"]


@dataclass
class Knock:
    pass


@hook(Kind.COLLECT)
def asked() -> None:
    """Somebody asks."""


async def test_a_handler_that_calls_exit_is_a_fault_like_any() -> None:
    class Quits:
        @implements(asked)
        def asked(self) -> None:
            sys.exit(3)

    async def run(ctx: Any) -> Any:
        ctx.subscribe(Knock, lambda _: sys.exit(3))
        ctx.implement(Quits())
        yield
    kernel = make(plugin("quits", run))
    async with kernel.running():
        assert await kernel.hook(asked)() == []
        kernel.publish(Knock())
        await trio.testing.wait_all_tasks_blocked()
        [status] = kernel.status()
        assert (status.state.value, status.faults) == ("running", 2)


async def test_a_keyboard_interrupt_in_a_plugin_ends_the_app(autojump_clock: Any) -> None:
    async def interrupt() -> None:
        raise KeyboardInterrupt

    async def run(ctx: Any) -> Any:
        ctx.spawn(interrupt)
        yield
    with pytest.raises(BaseExceptionGroup) as caught:
        async with make(plugin("one", run)).running():
            await trio.sleep(5)
    assert [type(each) for each in leaves(caught.value)] == [KeyboardInterrupt]


async def test_the_restart_budget_ends_in_quarantine(autojump_clock: Any) -> None:
    starts = []

    async def hopeless(ctx: Any) -> Any:
        starts.append(trio.current_time())
        raise RuntimeError("again")
        yield
    kernel = make(plugin("hopeless", hopeless, restart=Restart(attempts=2, window=1000)))
    async with kernel.running():
        await trio.sleep(100)
        assert len(starts) == 3
        assert states(kernel) == {"hopeless": "failed"}


async def test_a_never_ready_plugin_meets_its_deadline(autojump_clock: Any) -> None:
    async def never(ctx: Any) -> Any:
        await trio.sleep_forever()
        yield
    kernel = make(plugin("never", never, start_deadline=5))
    async with kernel.running():
        [status] = kernel.status()
        assert status.state.value == "failed" and "not ready within 5 s" in status.reason


async def test_a_plugin_that_does_not_stop_is_cancelled_at_its_deadline(
    autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def clings(ctx: Any) -> Any:
        yield
        await trio.sleep_forever()
    kernel = make(plugin("clings", clings, stop_deadline=2))
    async with kernel.running():
        pass
    assert states(kernel) == {"clings": "stopped"}
    assert not any("ignores cancellation" in each for each in caplog.messages)


@pytest.mark.parametrize("where", ["after its yield", "in a task", "at start"])
async def test_a_plugin_that_ignores_cancellation_is_named(
    autojump_clock: Any, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    async def cling() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(60)

    async def clings(ctx: Any) -> Any:
        if where == "in a task":
            ctx.spawn(cling)
        if where == "at start":
            await cling()
        yield
        if where == "after its yield":
            await cling()
    async with make(plugin("clings", clings, start_deadline=2, stop_deadline=2)).running():
        pass
    said = [each for each in caplog.messages if "does not stop" in each]
    assert said == ["plugin 'clings' does not stop: it ignores cancellation;"
                    " a second Ctrl-C ends the process at once"]


async def test_an_essential_plugin_that_fails_is_told_in_a_sentence(autojump_clock: Any) -> None:
    async def broken(ctx: Any) -> Any:
        raise ValueError("no luck")
        yield
    kernel = make(plugin("heart", broken), essential=("heart",))
    with pytest.raises(PluginFailed, match="essential plugin 'heart' is failed: ValueError: no luck"):
        async with kernel.running():
            raise AssertionError("must not get here")


async def test_disable_and_enable_while_running() -> None:
    log: list[str] = []
    kernel = make(recorder(log, "greeter", provides=(Greeter,)), recorder(log, "user", requires=(Greeter,)))
    async with kernel.running():
        await kernel.disable("greeter")
        assert states(kernel) == {"greeter": "disabled", "user": "waiting"}
        assert log[2:] == ["-user", "-greeter"]
        await kernel.enable("greeter")
        assert states(kernel) == {"greeter": "running", "user": "running"}
        with pytest.raises(ManifestError, match="not part of this composition"):
            await kernel.disable("nobody")


async def test_cancelling_the_app_ends_everything() -> None:
    log: list[str] = []
    kernel = make(recorder(log, "a", provides=(Greeter,)), recorder(log, "b", requires=(Greeter,)))
    with trio.CancelScope() as scope:
        async with kernel.running():
            scope.cancel()
            await trio.sleep_forever()
    assert log == ["+a", "+b", "-b", "-a"]
    assert set(states(kernel).values()) == {"stopped"}


async def test_an_undeclared_service_is_refused() -> None:
    caught = []

    async def nosy(ctx: Any) -> Any:
        try:
            ctx.service(Greeter)
        except NotDeclared as error:
            caught.append(str(error))
        yield
    async with make(plugin("nosy", nosy), recorder([], "greeter", provides=(Greeter,))).running():
        assert "add it to `requires`" in caught[0]


@pytest.mark.parametrize("length", [1000])
async def test_a_chain_in_reverse_order_comes_up(length: int) -> None:
    contracts = [type(f"C{n}", (), {}) for n in range(length)]

    def link(n: int) -> Plugin:
        async def run(ctx: Any) -> Any:
            ctx.provide(contracts[n], contracts[n]())
            yield
        return plugin(f"p{n}", run, provides=(contracts[n],), requires=(contracts[n - 1],) if n else ())
    kernel = make(*(link(n) for n in reversed(range(length))))
    assert length > sys.getrecursionlimit() / 2
    async with kernel.running():
        assert set(states(kernel).values()) == {"running"}
