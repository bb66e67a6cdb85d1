"""The kernel: a value that runs one composition on one profile.

No state is global, so many kernels may run side by side in one process and one event loop.
"""

from __future__ import annotations

import gc
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from tulou import discovery, early_records
from tulou.assembly import Assembly, assemble, plan
from tulou.behalf import on_behalf_of
from tulou.composition import Composition, PluginSettings
from tulou.errors import CompositionError, ManifestError, PluginFailed, ServiceGone
from tulou.hooks import HookCaller
from tulou.house import House
from tulou.plugin import Plugin, contract_name
from tulou.profile import lock_profile
from tulou.states import State, Step
from tulou.supervisor import Supervisor
from tulou.unit import Unit
from tulou.watchdog import Watchdog

if TYPE_CHECKING:
    from tulou.status import PluginStatus

T = TypeVar("T")


class Kernel:
    """Runs the plugins of a composition.

    `profile`: the folder that holds everything this app keeps (None: a temporary one).
    `plugins`: manifests that need not be installed; they come before installed ones of that name.
    `now`: the wall clock in microseconds; `seed`: makes `Context.random` repeatable.
    `blocked_after`: seconds after which a blocked event loop is reported; 0 turns the watch off.

    Raises `CompositionError` with every wrong setting at once.
    """

    def __init__(
        self, composition: Composition, *, profile: Path | str | None = None,
        plugins: Iterable[Plugin] = (), now: Callable[[], int] | None = None,
        seed: int | None = None, blocked_after: float = 1.0,
    ) -> None:
        self.composition = composition
        self._given = tuple(plugins)
        self._profile = Path(profile) if profile is not None else None
        self._now = now or (lambda: time.time_ns() // 1000)
        self._random = random.Random(seed)
        self._blocked_after = blocked_after
        self._discovery = self._discover()
        self._assembly: Assembly = assemble(composition, self._given, self._discovery)
        if self._assembly.faults:
            raise CompositionError(self._assembly.faults)
        self._house: House | None = None
        self._supervisor: Supervisor | None = None
        self._changing = trio.Lock()
        self._stop = trio.Event()

    # -- running ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until `stop` is called. Raises as `running` does."""
        async with self.running():
            await self._stop.wait()

    def stop(self) -> None:
        """Ask `run` to end, in order."""
        self._stop.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Kernel]:
        """Everything that can run is running inside the block; leaving it stops all, in order.

        Raises `ProfileLocked` when another process uses the profile, `PluginFailed` when an
        essential plugin does not start, with the reason.
        """
        with ExitStack() as held:
            profile = self._profile or Path(held.enter_context(
                tempfile.TemporaryDirectory(prefix="tulou-")))
            if self._profile is not None:
                held.enter_context(lock_profile(profile))
            held.enter_context(early_records.held_for_this_app())
            failure: Exception | KeyboardInterrupt | None = None
            async with trio.open_nursery() as nursery:
                if self._blocked_after:
                    held.enter_context(Watchdog(self._owner_of, self._blame, self._blocked_after))
                self._house = House(
                    self.composition, profile, self._assembly.units, self._random, self._now)
                self._house.services.offer_kernel(self)
                self._supervisor = supervisor = Supervisor(self._house, nursery)
                attending = trio.CancelScope(shield=True)
                nursery.start_soon(_attend, attending, self._house, supervisor)
                try:
                    with _collection_put_off():
                        supervisor.admit(self._startable())
                        await supervisor.settled()
                    early_records.hold_no_more()
                    self._check_essential()
                    yield self
                except (Exception, KeyboardInterrupt) as error:  # carried out: the nursery would wrap it
                    failure = error
                finally:
                    failure = await _halted(supervisor) or failure
                    attending.cancel()
                    nursery.cancel_scope.cancel()
            if failure is not None:
                raise failure

    def _startable(self) -> list[Unit]:
        units = self._assembly.units
        return [units[name] for name in self._assembly.order if units[name].settings.enabled]

    def _check_essential(self) -> None:
        troubles = []
        for name in sorted(self.composition.essential):
            unit = self._assembly.units.get(name)
            if name in self._assembly.missing:
                troubles.append(self._assembly.missing[name])
            elif unit is not None and unit.state is not State.RUNNING and unit.settings.enabled:
                troubles.append(f"essential plugin {name!r} is {unit.state.value}: {unit.reason}")
        if troubles:
            raise PluginFailed("the app cannot start:\n" + "\n".join(f"  - {t}" for t in troubles))

    # -- what an embedding program may use ----------------------------------------------------

    @property
    def profile(self) -> Path:
        """The profile folder, while running."""
        return self._running_house().profile

    def service(self, contract: type[T]) -> T:
        """The highest-ranked provider of a contract. Raises `ServiceGone`."""
        offer = self._running_house().services.top(contract)
        if offer is None:
            raise ServiceGone(f"nobody provides {contract_name(contract)} now{self._why_nobody(contract)}")
        provider: T = offer.provider
        return provider

    def hook(self, spec: Callable[..., Any]) -> HookCaller:
        """The caller of a hook."""
        return self._running_house().hooks.caller(spec)

    def publish(self, event: object) -> None:
        """Hand an event to its subscribers, e.g. that the app went to the background."""
        self._running_house().events.publish(event)

    def acting(self) -> AbstractContextManager[None]:
        """What this task logs inside the block is this app's; for a program that runs several."""
        return on_behalf_of(self._running_supervisor().nursery)

    @contextmanager
    def subscribed(self, event: type[T], handler: Callable[[T], Any]) -> Iterator[None]:
        """Call `handler` for every event of a type while the block lasts."""
        events = self._running_house().events
        subscription = events.subscribe("", event, handler)
        try:
            yield
        finally:
            events.unsubscribe(subscription)

    def status(self) -> list[PluginStatus]:
        """Every plugin of the composition, in start order; those that cannot start come last."""
        from tulou.status import status_of

        units = sorted(self._assembly.units.values(),
                       key=lambda unit: (unit.order is None, unit.order or 0, unit.name))
        return [status_of(unit) for unit in units]

    def missing(self) -> dict[str, str]:
        """Plugins that the composition names and that are not installed, or broken; with why."""
        return dict(self._assembly.missing)

    # -- changes while running ----------------------------------------------------------------

    async def disable(self, name: str) -> None:
        """Stop a plugin after everybody who requires it; those wait until it is enabled again.

        Raises `ManifestError` for a name that the composition does not have.
        """
        async with self._changing:
            unit = self._unit(name)
            if unit.state is not State.DISABLED:
                await self._running_supervisor().stop(unit, Step.TURNED_OFF)
                await self._running_supervisor().settled()

    async def enable(self, name: str) -> None:
        """Start a plugin that was disabled or has failed, or one installed meanwhile.

        Returns when the app has settled again. Raises `ManifestError`, `CompositionError`.
        """
        async with self._changing:
            await self._enable(name)

    async def reload(self, name: str) -> None:
        """Stop a plugin, import its code anew, and start it and its dependents again.

        Raises `ManifestError` when the new code is broken; the plugin then stays down.
        """
        async with self._changing:
            unit = self._unit(name)
            if unit.state is not State.DISABLED:
                await self._running_supervisor().stop(unit, Step.TURNED_OFF)
            package = unit.package
            for module in [m for m in sys.modules if m == package or m.startswith(package + ".")]:
                del sys.modules[module]
            invalidate_caches()
            self._given = tuple(_fresh(each) if each.name == name else each for each in self._given)
            await self._enable(name, anew=True)

    async def _enable(self, name: str, *, anew: bool = False) -> None:
        supervisor = self._running_supervisor()
        known = self._assembly.units.get(name)
        if known is not None and (known.live or known.state is State.WAITING):
            return
        if known is None or anew or not known.settings.enabled:
            settings = known.settings if known else self.composition.plugins.get(name, PluginSettings())
            self._discovery = self._discover(rescan=known is None)
            self._admit_one(name, Composition(plugins={name: settings}).with_plugin(name, enabled=True))
        unit = self._assembly.units[name]
        if unit.state is not State.UNRESOLVED or unit.order is not None:
            supervisor.retry(unit)
        await supervisor.settled()

    def _admit_one(self, name: str, composition: Composition) -> None:
        fresh = assemble(composition, self._given, self._discovery)
        if fresh.faults:
            raise CompositionError(fresh.faults)
        if name in fresh.missing:
            raise ManifestError(fresh.missing[name])
        unit = fresh.units[name]
        unit.essential = name in self.composition.essential
        unit.state = State.DISABLED
        self._assembly.units[name] = unit
        self._assembly.missing.pop(name, None)
        plan(self._assembly, self._discovery)

    # -- small parts --------------------------------------------------------------------------

    def _discover(self, *, rescan: bool = False) -> discovery.Discovery:
        """Installed plugins; not looked at when every plugin was given."""
        names = {each.name for each in self._given}
        if not rescan and not self.composition.discover_all and names >= self.composition.plugins.keys():
            return discovery.Discovery({})
        return discovery.scan() if rescan else discovery.installed()

    def _unit(self, name: str) -> Unit:
        unit = self._assembly.units.get(name)
        if unit is None:
            raise ManifestError(self._assembly.missing.get(
                name, f"plugin {name!r} is not part of this composition; it has"
                f" {', '.join(sorted(self._assembly.units))}"))
        return unit

    def _why_nobody(self, contract: type) -> str:
        for unit in self._assembly.units.values():
            if contract in unit.manifest.provides:
                reason = f": {unit.reason}" if unit.reason else ""
                return f"; plugin {unit.name!r} would, but it is {unit.state.value}{reason}"
        return ""

    def _running_house(self) -> House:
        if self._house is None:
            raise PluginFailed("the kernel is not running")
        return self._house

    def _running_supervisor(self) -> Supervisor:
        if self._supervisor is None:
            raise PluginFailed("the kernel is not running")
        return self._supervisor

    def _owner_of(self, module: str) -> str | None:
        package = module.partition(".")[0]
        for unit in self._assembly.units.values():
            if unit.package == package:
                return unit.name
        return None

    def _blame(self, plugin: str | None, _: str) -> None:
        if plugin is not None:
            self._assembly.units[plugin].faults += 1


async def _halted(supervisor: Supervisor) -> KeyboardInterrupt | None:
    """Stop everybody; an interrupt meanwhile, to be raised when that is done.

    trio raises it here, shield or not. Leaving then would leave behind what attends the stopping and
    is shielded itself: nobody would ever end that. Deadlines bound the time it takes.
    """
    interrupt = None
    while True:
        try:
            with trio.CancelScope(shield=True):
                await supervisor.halt()
            return interrupt
        except KeyboardInterrupt as error:
            interrupt = error


async def _attend(scope: trio.CancelScope, house: House, supervisor: Supervisor) -> None:
    """Events and deadlines, until everybody is down, also while the app is being cancelled."""
    with scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.events.run)
            nursery.start_soon(supervisor.deadlines.run)


@contextmanager
def _collection_put_off() -> Iterator[None]:
    """A start makes thousands of objects that stay: looking for garbage among them, again and
    again, takes longer than all else."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _fresh(manifest: Plugin) -> Plugin:
    """The manifest from newly imported code, when it can be found there."""
    if not isinstance(manifest.run, str):
        return manifest
    package = import_module(manifest.run.partition(":")[0].partition(".")[0])
    candidates = [each for each in vars(package).values() if isinstance(each, Plugin)]
    return next((each for each in candidates if each.name == manifest.name), manifest)
