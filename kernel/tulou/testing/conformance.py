"""What every plugin owes the house: one suite, run against any plugin.

Either ``python -m tulou.testing NAME`` for an installed plugin, or in its own tests::

    from tulou.testing.conformance import Conformance

    class TestGreeter(Conformance):
        plugin = tulou_greeter.plugin
        fakes = {Messenger: MyFakeMessenger()}      # else stand-ins are made
        config = {"text": "hello"}                  # else its defaults

Everything it requires is faked, so the suite says something about this plugin alone. What it adds to
the pages has a suite of its own, `tulou_contracts.testing.ui.UiConformance`: the kernel knows no pages.
"""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest
import trio

from tulou import discovery
from tulou.errors import CompositionError
from tulou.grants import grants_of
from tulou.hookspec import IMPLEMENTATION_ATTRIBUTE
from tulou.kernel import Kernel
from tulou.plugin import Plugin, contract_of
from tulou.states import State, Step
from tulou.testing.kit import boot, states
from tulou.testing.stand_in import stand_in

_BLOCKED_AFTER = 0.5
"""Seconds; longer than that, and people notice that nothing else moves."""


class Conformance:
    """Subclass it in a test module and set `plugin`."""

    plugin: ClassVar[Plugin]
    fakes: ClassVar[Mapping[type, Any]] = {}
    config: ClassVar[Mapping[str, Any]] = {}

    # -- what the tests stand on --------------------------------------------------------------

    def boot(self, tmp_path: Path, **settings: Any) -> Any:
        """A kernel with the plugin and a fake for all that it requires."""
        needed = [contract_of(each) for each in self.plugin.requires]
        fakes = {contract: stand_in(contract) for contract in needed} | dict(self.fakes)
        mine = {contract: fakes[contract] for contract in fakes if contract not in self.plugin.provides}
        config = {self.plugin.name: dict(self.config)}
        return boot(self.plugin, fakes=mine, config=config, profile=tmp_path / "profile", **settings)

    # -- life cycle ---------------------------------------------------------------------------

    async def test_it_starts_and_stops(self, tmp_path: Path) -> None:
        with _errors() as errors:
            async with self.boot(tmp_path) as kernel:
                await _calm()
                status = _status(kernel, self.plugin.name)
                assert status.state is State.RUNNING and not status.restarts, status.reason or errors
                assert status.faults == 0, f"it failed while starting: {errors}"
            status = _status(kernel, self.plugin.name)
            assert status.state is State.STOPPED, status.reason
            assert status.faults == 0, f"it failed while stopping: {errors}"

    async def test_it_does_not_block_the_loop_while_starting(self, tmp_path: Path) -> None:
        for _ in range(3):  # imports take part in the first start only, a busy machine hardly in all three
            with _errors() as errors:
                async with self.boot(tmp_path, watch=_BLOCKED_AFTER):
                    await _calm()
            blocked = [each for each in errors if "event loop has been blocked" in each]
            if not blocked:
                return
        raise AssertionError(f"{blocked[0]}; use trio's own calls, or trio.to_thread.run_sync")

    async def test_it_can_be_disabled_and_enabled_again(self, tmp_path: Path) -> None:
        async with self.boot(tmp_path) as kernel:
            for _ in range(3):
                await kernel.disable(self.plugin.name)
                assert states(kernel)[self.plugin.name] == "disabled"
                await kernel.enable(self.plugin.name)
                status = _status(kernel, self.plugin.name)
                assert status.state is State.RUNNING, status.reason

    async def test_it_leaves_nothing_behind(self, tmp_path: Path) -> None:
        async with self.boot(tmp_path) as kernel:
            await kernel.disable(self.plugin.name)  # first use may fill caches of libraries
            await kernel.enable(self.plugin.name)
            await kernel.disable(self.plugin.name)
            before = await _belongings(kernel)
            await kernel.enable(self.plugin.name)
            await kernel.disable(self.plugin.name)
            after = await _belongings(kernel)
        left = {what: (before[what], after[what]) for what in before if before[what] != after[what]}
        assert not left, f"left behind after stopping, as (before, after): {left}"

    async def test_it_can_be_cancelled_at_every_await_of_its_start(self, tmp_path: Path) -> None:
        for step in range(1, 200):
            canceller = _CancelAtStep(self.plugin.name, step)
            trio.lowlevel.add_instrument(canceller)
            try:
                with trio.fail_after(60):
                    async with self.boot(tmp_path) as kernel:
                        canceller.kernel = kernel
                        status = _status(kernel, self.plugin.name)
                        assert status.state in (State.RUNNING, State.WAITING, State.STOPPED), (
                            f"cancelled at step {step} of its start it is {status.state.value}:"
                            f" {status.reason}")
            finally:
                with suppress(KeyError):
                    trio.lowlevel.remove_instrument(canceller)
            if not canceller.fired:
                return

    # -- declarations -------------------------------------------------------------------------

    def test_its_manifest_is_cheap(self) -> None:
        run = self.plugin.run
        if not isinstance(run, str):
            pytest.skip("run is given as a function, so its module is loaded with the manifest")
        package, module = run.split(".")[0], run.partition(":")[0]
        code = f"import sys, {package}; print('trio' in sys.modules, {module!r} in sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["False", "False"] or module == package, (
            f"importing {package} loads trio or {module}; a manifest should import neither")

    def test_every_grant_it_asks_for_is_one_of_its_contracts(self) -> None:
        contracts = [contract_of(each) for each in self.plugin.requires]
        contracts += [*self.plugin.wants, *self.plugin.provides]
        known = {grant for contract in contracts for grant in grants_of(contract).values()}
        unknown = set(self.plugin.grants) - known
        assert not unknown, (
            f"no contract it requires, wants or provides knows {sorted(unknown)}; they know {sorted(known)}")

    async def test_without_its_grants_it_harms_nobody(self, tmp_path: Path) -> None:
        async with self.boot(tmp_path) as kernel:
            others = {name: state for name, state in states(kernel).items() if name != self.plugin.name}
            assert set(others.values()) <= {"running"}

    def test_wrong_settings_are_told_in_sentences(self) -> None:
        table = {**self.config, "no_such_setting": 1}
        with pytest.raises(CompositionError, match="no_such_setting|has no settings"):
            from tulou.composition import Composition
            Kernel(Composition.of(**{self.plugin.name: table}), plugins=[self.plugin])

    def test_what_it_provides_is_documented(self) -> None:
        bare = [
            f"{contract.__qualname__}.{name}"
            for contract in self.plugin.provides for name, member in vars(contract).items()
            if callable(member) and not name.startswith("_") and not member.__doc__
        ]
        bare += [contract.__qualname__ for contract in self.plugin.provides if not contract.__doc__]
        assert not bare, f"these lack a docstring: {', '.join(bare)}"

    async def test_the_hooks_it_implements_are_documented(self, tmp_path: Path) -> None:
        async with self.boot(tmp_path) as kernel:
            house = kernel._running_house()
            for caller in house.hooks.callers():
                for entry in caller.entries:
                    if entry.plugin == self.plugin.name:
                        marked = getattr(entry.run, IMPLEMENTATION_ATTRIBUTE, None)
                        assert marked is None or marked.spec.__doc__, f"hook {caller.name} lacks a docstring"


class _CancelAtStep(trio.abc.Instrument):
    """Asks the plugin to stop when its task is scheduled for the n-th time during its start."""

    def __init__(self, plugin: str, step: int) -> None:
        self.task_name = f"plugin {plugin}"
        self.left = step
        self.fired = False
        self.kernel: Kernel | None = None

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if task.name != self.task_name or self.fired:
            return
        self.left -= 1
        if self.left == 0:
            frame = getattr(task.coro, "cr_frame", None)
            unit = frame.f_locals.get("unit") if frame is not None else None
            if unit is not None and unit.state is State.STARTING:
                self.fired = True
                unit.request_stop(Step.ENDED)
            else:
                self.left = 0


def _status(kernel: Kernel, name: str) -> Any:
    return next(each for each in kernel.status() if each.name == name)


async def _calm() -> None:
    """Let tasks do what they do at once."""
    for _ in range(20):
        await trio.lowlevel.checkpoint()


@contextmanager
def _errors() -> Iterator[list[str]]:
    """What the kernel reports as an error while the block lasts."""
    found: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("tulou")
    log.addHandler(handler)
    try:
        yield found
    finally:
        log.removeHandler(handler)


async def _belongings(kernel: Kernel) -> dict[str, Any]:
    """What could leak, counted after everything that ends by itself has ended."""
    await _calm()
    gc.collect()
    house = kernel._running_house()
    statistics = trio.lowlevel.current_statistics()
    descriptors = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    return {
        "tasks": statistics.tasks_living,
        "threads": sorted(t.name for t in threading.enumerate() if not t.name.startswith("Trio thread")),
        "open files": descriptors,
        "services": len(house.services.contracts()),
        "event handlers": len(house.events.subscriptions()),
        "hook implementations": sum(len(caller.entries) for caller in house.hooks.callers()),
    }


@pytest.fixture(autouse=True)
def _plugin_by_option(request: pytest.FixtureRequest) -> None:
    """For ``python -m tulou.testing NAME``."""
    name = request.config.getoption("--tulou-plugin")
    if request.cls is TestInstalledPlugin:
        if not name:
            pytest.skip("no --tulou-plugin given")
        entry = discovery.scan().plugins.get(name)
        assert entry is not None, f"plugin {name!r} is not installed"
        request.cls.plugin = entry.load()


class TestInstalledPlugin(Conformance):
    """The suite against the plugin that ``--tulou-plugin`` names."""
