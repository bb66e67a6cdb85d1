"""Starts, stops and restarts plugins, each in a nursery of its own.

Nothing here waits for a plugin it does not have to: a plugin starts when the last one it requires
is up, so independent ones start side by side, and a chain of any length needs no recursion.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable

import trio

from tulou.deadlines import Deadlines
from tulou.errors import ManifestError, PluginFailed, TulouError
from tulou.failure import is_the_plugins, place, root, sentence
from tulou.flow import backoff
from tulou.house import House
from tulou.plugin_context import PluginContext
from tulou.states import State, Step
from tulou.unit import Unit

log = logging.getLogger("tulou.kernel")

_NEWS_FOR_DEPENDENTS = frozenset(
    {State.RUNNING, State.FAILED, State.UNRESOLVED, State.BACKOFF, State.DISABLED})
"""States in which a unit either serves, or has made room for another provider."""


class Supervisor:
    """The life of all units of a house; runs inside the kernel's nursery."""

    def __init__(self, house: House, nursery: trio.Nursery) -> None:
        self._house = house
        self.nursery = nursery
        self._began = trio.current_time()
        self._changed = trio.lowlevel.ParkingLot()
        self._idle = trio.Event()
        self.deadlines = Deadlines(self._clings)
        self._busy = 0
        self._halting = False

    # -- what the kernel asks for -------------------------------------------------------------

    def admit(self, units: Iterable[Unit]) -> None:
        """Take units that are resolved (in start order) into care and start those that can."""
        admitted = list(units)
        for unit in admitted:
            unit.observers = [self._observe]
            unit.step(Step.RESOLVE)
        for unit in admitted:
            self._consider(unit)

    async def settled(self) -> None:
        """Returns when nothing starts or stops any more: everybody runs, waits, or has failed."""
        while self._busy or self._essential_backing_off():
            self._idle = trio.Event()
            await self._idle.wait()

    async def stop(self, unit: Unit, why: Step) -> None:
        """Stop a unit after everybody who requires it, and return when it is down."""
        self._ask_to_stop(unit, why)
        while unit.live:
            await self._changed.park()
        if unit.state in (State.WAITING, State.BACKOFF, State.FAILED, State.UNRESOLVED):
            unit.step(why)

    async def halt(self) -> None:
        """Stop everybody, dependents first."""
        self._halting = True
        for unit in self._house.units.values():
            if unit.live:
                unit.request_stop(Step.HALTED)
        for unit in self._house.units.values():
            if unit.live:
                await unit.down.wait()

    def retry(self, unit: Unit) -> None:
        """Start again one that was turned off or has failed."""
        unit.restarts.clear()
        unit.observers = [self._observe]
        unit.step(Step.RESOLVE)
        self._consider(unit)

    # -- reactions to changes -----------------------------------------------------------------

    def _observe(self, unit: Unit) -> None:
        """Every change of state comes by here."""
        if self._changed:  # usually nobody waits, and looking is cheaper than waking nobody
            self._changed.unpark_all()
        self._tell(unit)
        if unit.state in _NEWS_FOR_DEPENDENTS:
            for name in unit.dependents:
                self._consider(self._house.units[name])
        if not self._busy:
            self._idle.set()

    def _tell(self, unit: Unit) -> None:
        """Publish the change, if anybody has taken up the type of that event."""
        app_events = sys.modules.get("tulou.app_events")
        if app_events is not None:
            self._house.events.publish(app_events.PluginChanged(unit.name, unit.state.value, unit.reason))

    def _consider(self, unit: Unit) -> None:
        """Start a waiting unit if everything it requires is up; else say what it waits for."""
        if unit.state is not State.WAITING or self._halting:
            return
        unit.reason = self._waits_for(unit)
        if unit.reason:
            return
        try:
            run = unit.load_run()
        except ManifestError as error:
            log.error("%s", error)
            unit.step(Step.FAIL, str(error))
            return
        unit.stopping, unit.down = trio.Event(), trio.Event()
        unit.failure = None
        unit.bill.started = trio.current_time() - self._began
        unit.bill.ready = None
        unit.step(Step.START)
        self._busy += 1
        self.nursery.start_soon(self._live, unit, run, name=f"plugin {unit.name}")

    def _waits_for(self, unit: Unit) -> str:
        """Of each requirement one provider must be up, and none still on its way."""
        for names in unit.needs:
            others = [self._house.units[name] for name in names]
            states = [each.state for each in others]
            if State.RUNNING not in states or State.STARTING in states or State.STOPPING in states:
                other = next(each for each in others if each.state is not State.RUNNING)
                why = f": {other.reason}" if other.reason else ""
                return f"it waits for {other.name!r}, which is {other.state.value}{why}"
        return ""

    def _ask_to_stop(self, unit: Unit, why: Step) -> None:
        """Ask a unit and, for that reason, everybody who directly or indirectly requires it."""
        asked = [unit]
        seen = {unit.name}
        while asked:
            each = asked.pop()
            if each.live:
                each.request_stop(why if each is unit else Step.ENDED)
            for name in each.dependents - seen:
                seen.add(name)
                asked.append(self._house.units[name])

    # -- one life -----------------------------------------------------------------------------

    async def _live(self, unit: Unit, run: object) -> None:
        """From start to end of one life of a plugin; never raises an ordinary exception."""
        try:
            await self._enter_and_leave(unit, run)
        except BaseException as error:
            if not is_the_plugins(error):  # KeyboardInterrupt: the whole app ends
                self._halting = True
                unit.request_stop(Step.HALTED)
                raise
            unit.failure = unit.failure or error
        finally:
            self._ended(unit)
            unit.down.set()

    async def _enter_and_leave(self, unit: Unit, run: object) -> None:
        manifest = unit.manifest
        assert callable(run)
        left = False
        async with trio.open_nursery() as nursery:
            scope = unit.scope = nursery.cancel_scope
            # shielded: cancelling the app stops plugins in order, by `halt`, not all at once
            scope.shield = True
            self.deadlines.set(scope, manifest.start_deadline)
            context = PluginContext(self._house, unit, nursery)
            try:
                async with run(context):
                    self.deadlines.clear(scope)
                    self._ready(unit, context)
                    await unit.stopping.wait()
                    await self._left_alone(unit)
                    self.deadlines.set(scope, manifest.stop_deadline)
            finally:
                context.withdraw()
            left = True
            scope.cancel()
        if self.deadlines.passed(scope) and not left:
            unit.failure = unit.failure or PluginFailed(_too_late(unit))

    def _ready(self, unit: Unit, context: PluginContext) -> None:
        lacking = context.unkept_promises()
        if lacking:
            raise PluginFailed(
                f"plugin {unit.name!r} declares that it provides {', '.join(lacking)}, but its run()"
                " came to its yield without ctx.provide for it"
            )
        unit.bill.ready = trio.current_time() - self._began
        if not unit.stopping.is_set():
            self._busy -= 1
            unit.step(Step.READY)

    async def _left_alone(self, unit: Unit) -> None:
        """Dependents stop first, while what they require still works."""
        if unit.state is State.RUNNING:
            self._busy += 1
        unit.step(Step.STOP, sentence(unit.failure))
        if unit.failure is not None:
            self._ask_to_stop(unit, Step.FAIL)
        for name in tuple(unit.dependents):
            dependent = self._house.units[name]
            if dependent.live:
                await dependent.down.wait()

    def _clings(self, scope: trio.CancelScope) -> None:
        """Nothing inside the process can end such a plugin; it can be named."""
        for unit in self._house.units.values():
            if unit.live and unit.scope is scope:
                log.error("plugin %r does not stop: it ignores cancellation; a second Ctrl-C ends the process"
                          " at once", unit.name)

    def _ended(self, unit: Unit) -> None:
        if unit.state is not State.RUNNING:
            self._busy -= 1
        failure, why = unit.failure, unit.why_stopping
        if failure is None and not unit.stopping.is_set():
            failure = PluginFailed(f"plugin {unit.name!r}: its run() ended without being asked to")
        if failure is not None and why is not Step.HALTED:
            self._failed(unit, failure, why)
            return
        if failure is not None:
            log.error("plugin %r failed while stopping: %s", unit.name, sentence(failure))
        if unit.state is not State.STOPPING:
            unit.step(Step.STOP)
        unit.step(why)
        if why is Step.ENDED:
            self._consider(unit)

    def _failed(self, unit: Unit, failure: BaseException, why: Step) -> None:
        started = unit.bill.ready is not None
        reason = sentence(failure)
        if started:
            self._ask_to_stop(unit, Step.FAIL)
        delay = self._pause(unit, permanent=isinstance(root(failure), TulouError) and not started)
        self._log_failure(unit, failure, delay)
        if why is Step.TURNED_OFF and unit.state is State.STOPPING:
            unit.step(Step.TURNED_OFF, reason)
        elif delay is None:
            unit.step(Step.FAIL, reason)
        else:
            unit.restarts.append(trio.current_time())
            unit.step(Step.RETRY, reason)
            self.nursery.start_soon(self._start_again, unit, delay, name=f"restart {unit.name}")

    def _pause(self, unit: Unit, *, permanent: bool) -> float | None:
        """Seconds until the next attempt; None when there is none."""
        budget = unit.manifest.restart
        unit.restarts = [at for at in unit.restarts if at > trio.current_time() - budget.window]
        if permanent or self._halting or len(unit.restarts) >= budget.attempts:
            return None
        delays = backoff(budget.base, budget.cap, self._house.random)
        return [next(delays) for _ in range(len(unit.restarts) + 1)][-1]

    def _log_failure(self, unit: Unit, failure: BaseException, delay: float | None) -> None:
        at = place(failure, unit.package)
        attempt = f"attempt {len(unit.restarts) + 1} of {unit.manifest.restart.attempts}"
        log.error(
            "plugin %r failed %s: %s%s; %s", unit.name,
            "at start" if unit.bill.ready is None else "while running", sentence(failure),
            f" ({at})" if at else "",
            "given up" if delay is None else f"it is started again in {delay:.1f} s, {attempt}",
            exc_info=None if isinstance(root(failure), TulouError) else failure)

    async def _start_again(self, unit: Unit, delay: float) -> None:
        attempt = len(unit.restarts)
        with trio.move_on_after(delay):
            while unit.state is State.BACKOFF:
                await self._changed.park()
        if unit.state is State.BACKOFF and len(unit.restarts) == attempt and not self._halting:
            unit.step(Step.RESOLVE)
            self._consider(unit)

    def _essential_backing_off(self) -> bool:
        return any(u.essential and u.state is State.BACKOFF for u in self._house.units.values())


def _too_late(unit: Unit) -> str:
    if unit.bill.ready is None:
        return (f"plugin {unit.name!r} was not ready within {unit.manifest.start_deadline:g} s"
                " (start_deadline in its manifest)")
    return (f"plugin {unit.name!r} did not stop within {unit.manifest.stop_deadline:g} s"
            " (stop_deadline in its manifest) and was cancelled")
