"""One plugin in one kernel: manifest, settings, state, and the bill of its start."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import trio

from tulou.composition import PluginSettings
from tulou.errors import ManifestError
from tulou.failure import place
from tulou.plugin import Plugin
from tulou.states import LIVE, State, Step, after


class Bill:
    """What a plugin's start took, in seconds; the moments count from the kernel's start."""

    __slots__ = ("importing", "started", "ready")

    def __init__(self) -> None:
        self.importing = 0.0
        self.started: float | None = None
        self.ready: float | None = None

    @property
    def starting(self) -> float | None:
        """From the call of `run` to its yield."""
        return None if self.started is None or self.ready is None else self.ready - self.started


class Unit:
    """The kernel's own record of a plugin."""

    def __init__(self, manifest: Plugin, settings: PluginSettings, *, essential: bool = False) -> None:
        self.manifest = manifest
        self.settings = settings
        self.essential = essential
        self.config: Any = None
        # what resolution says
        self.order: int | None = None
        self.needs: tuple[tuple[str, ...], ...] = ()
        """For each requirement, who provides it."""
        self.depends: frozenset[str] = frozenset()
        """All who start before it and stop after it."""
        self.dependents: set[str] = set()
        # its life
        self.state = State.DISABLED
        self.reason = ""
        self.observers: list[Callable[[Unit], None]] = []
        self.scope: trio.CancelScope | None = None
        self.stopping: trio.Event
        """Set when this life of it shall end; a new one each life, as is `down`."""
        self.down: trio.Event
        self.why_stopping = Step.ENDED
        # its record
        self.failure: BaseException | None = None
        self.faults = 0
        self.restarts: list[float] = []
        """Moments of restarts inside the budget's window."""
        self.bill = Bill()

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def package(self) -> str:
        """The import package that its code lives in."""
        run = self.manifest.run
        module = run.partition(":")[0] if isinstance(run, str) else run.__module__
        return module.partition(".")[0]

    @property
    def live(self) -> bool:
        """Whether a task of it exists."""
        return self.state in LIVE

    def step(self, step: Step, reason: str = "") -> None:
        """Go to the next state by the table and tell the observers."""
        self.state = after(self.state, step)
        self.reason = reason
        for observe in self.observers:
            observe(self)

    def granted(self) -> frozenset[str]:
        """What it may use: what it asks for, cut down to what the composition allows."""
        asked = frozenset(self.manifest.grants)
        return asked if self.settings.grants is None else asked & frozenset(self.settings.grants)

    def request_stop(self, why: Step, failure: BaseException | None = None) -> None:
        """Ask it to stop; the first failure is kept, and turning off or halting outranks ending."""
        if not self.stopping.is_set():
            self.why_stopping = why
        elif why in (Step.TURNED_OFF, Step.HALTED):
            self.why_stopping = why
        if failure is not None and self.failure is None:
            self.failure = failure
        self.stopping.set()
        if self.state is State.STARTING and self.scope is not None:
            self.scope.cancel()

    def load_run(self) -> Callable[[Any], Any]:
        """Import what `run` names. Raises `ManifestError` with a sentence."""
        target = self.manifest.run
        if not isinstance(target, str):
            return _checked(target, self.name)
        begin = time.perf_counter()
        loaded: Callable[[Any], Any] = load_target(target, self.name)
        self.bill.importing = time.perf_counter() - begin
        return _checked(loaded, self.name)


def load_target(target: str, plugin: str) -> Any:
    """The attribute behind ``module:attribute``. Raises `ManifestError` naming plugin and target."""
    module, _, attribute = target.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (Exception, SystemExit) as error:
        at = place(error, module.partition(".")[0])
        raise ManifestError(
            f"plugin {plugin!r}: importing {target} raises {type(error).__name__}: {error}"
            + (f" ({at})" if at else "")
        ) from error


def _checked(run: Any, plugin: str) -> Callable[[Any], Any]:
    """`run` as it is, when it has the right shape. Raises `ManifestError` saying what it lacks."""
    inner = getattr(run, "__wrapped__", None)
    if inspect.isasyncgenfunction(run):
        lack = "put @asynccontextmanager above it"
    elif inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(run):
        lack = "it has no yield: set up, yield, tear down"
    elif inspect.isgeneratorfunction(inner) or inspect.isgeneratorfunction(run):
        lack = "write it with async def"
    elif not callable(run):
        lack = f"it is {type(run).__name__}, not a function"
    else:
        checked: Callable[[Any], Any] = run
        return checked
    raise ManifestError(f"plugin {plugin!r}: its run cannot be used: {lack}")
