"""Hooks at run time: pluggy declares, validates and keeps them; our compiled callers run them.

pluggy's own caller stops at the first exception and cannot await. Ours isolates: a failing
implementation is reported by plugin name and passed over, unless the hook is strict.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from tulou.errors import HookError
from tulou.hookspec import (
    IMPLEMENTATION_ATTRIBUTE,
    SPEC_ATTRIBUTE,
    Implementation,
    Kind,
    Prevent,
    Spec,
    Stage,
)

if TYPE_CHECKING:
    import pluggy

Report = Callable[[str, str, BaseException], None]
Run = Callable[..., Any]
Order = Callable[[str], int]
"""A plugin's place in the start order."""


class Entry(NamedTuple):
    """One implementation, compiled: what to call, whether to await it, whose it is, its stage."""

    run: Run
    is_async: bool
    plugin: str
    stage: Stage


class HookCaller:
    """Calls one hook; compiled anew whenever an implementation comes or goes.

    Call it with the specification's parameters: ``await caller(draft)``.
    """

    __slots__ = ("name", "entries", "_strict", "_report", "_build", "_call")

    def __init__(self, spec: Callable[..., Any], report: Report) -> None:
        marked: Spec = getattr(spec, SPEC_ATTRIBUTE)
        self.name = spec.__name__
        self.entries: tuple[Entry, ...] = ()
        self._strict = marked.strict
        self._report = report
        self._build = _compiled(marked.kind, tuple(inspect.signature(spec).parameters))
        self.compile(())

    def __call__(self, *args: Any, **named: Any) -> Awaitable[Any]:
        return self._call(*args, **named)

    def compile(self, entries: tuple[Entry, ...]) -> None:
        """Use these implementations from the next call on; calls under way keep the former ones."""
        self.entries = entries

        def failed(run: Run, error: BaseException) -> None:
            plugin = next(entry.plugin for entry in entries if entry.run is run)
            self._report(plugin, f"hook {self.name!r}", error)
            if self._strict:
                raise HookError(f"plugin {plugin!r} failed in hook {self.name!r}: {error}") from error

        self._call = self._build(entries, failed)


Build = Callable[[tuple[Entry, ...], Callable[[Run, BaseException], None]], Callable[..., Awaitable[Any]]]

_TEMPLATES = {
    Kind.COLLECT: """
def build(entries, failed):
    pairs = tuple((entry.run, entry.is_async) for entry in entries)
    async def call({parameters}):
        answers = []
        for run, is_async in pairs:
            try:
                answer = await run({parameters}) if is_async else run({parameters})
                if answer is not None:
                    answers.append(answer)
            except (Exception, SystemExit) as error:
                failed(run, error)
        return answers
    return call
""",
    Kind.FIRST: """
def build(entries, failed):
    pairs = tuple((entry.run, entry.is_async) for entry in entries)
    async def call({parameters}):
        for run, is_async in pairs:
            try:
                answer = await run({parameters}) if is_async else run({parameters})
                if answer is not None:
                    return answer
            except (Exception, SystemExit) as error:
                failed(run, error)
        return None
    return call
""",
    Kind.PIPELINE: """
def build(entries, failed):
    async def call({parameters}):
        for run, is_async, plugin, stage in entries:
            try:
                answer = await run({parameters}) if is_async else run({parameters})
                if answer is None or stage is OBSERVE:
                    continue
                if isinstance(answer, Prevent):
                    return Prevent(answer.reason, plugin)
                if stage is PREVENT:
                    raise HookError("in stage PREVENT the answer is None or Prevent, not a value")
                {first} = answer
            except (Exception, SystemExit) as error:
                failed(run, error)
        return {first}
    return call
""",
}
"""Source of the callers. Written out with the hook's own parameters, as dataclasses do it: passing
`*args` on costs a third of a call, and names in error messages are the specification's."""


def _compiled(kind: Kind, parameters: tuple[str, ...]) -> Build:
    if kind is Kind.PIPELINE and not parameters:
        raise HookError("a pipeline needs a first parameter: the value that passes through")
    first = parameters[0] if parameters else ""
    source = _TEMPLATES[kind].format(parameters=", ".join(parameters), first=first)
    names = {"Prevent": Prevent, "HookError": HookError, "OBSERVE": Stage.OBSERVE, "PREVENT": Stage.PREVENT}
    exec(source, names)
    build: Any = names["build"]
    return build  # type: ignore[no-any-return]


class HookRegistry:
    """All hooks of one kernel."""

    def __init__(self, report: Report, order: Order) -> None:
        self._report = report
        self._order = order
        self._callers: dict[Callable[..., Any], HookCaller] = {}
        self._pluggy: pluggy.PluginManager | None = None
        self._serial = 0

    def caller(self, spec: Callable[..., Any]) -> HookCaller:
        """The caller of a specification. Raises `HookError` for what is not marked with `hook`."""
        known = self._callers.get(spec)
        if known is not None:
            return known
        marked = getattr(spec, SPEC_ATTRIBUTE, None)
        if not isinstance(marked, Spec):
            raise HookError(f"{spec!r} is not a hook: mark the specification with @hook(...)")
        name = spec.__name__
        if any(caller.name == name for caller in self._callers.values()):
            raise HookError(f"two specifications are called {name!r}: rename one of them")
        self._manager().add_hookspecs(type(name, (), {name: staticmethod(spec)}))
        caller = self._callers[spec] = HookCaller(spec, self._report)
        return caller

    def callers(self) -> tuple[HookCaller, ...]:
        """Every hook that was called or implemented so far."""
        return tuple(self._callers.values())

    def register(self, plugin: str, implementation: object) -> Callable[[], None]:
        """Add an implementation; the result takes it away. Raises `HookError`."""
        import pluggy

        marked = _implementations(implementation)
        if not marked:
            advice = (f"pass an instance, {implementation.__name__}()" if isinstance(implementation, type)
                      else "mark a method with @implements(specification)")
            raise HookError(f"plugin {plugin!r}: {implementation!r} implements no hook; {advice}")
        specs = [each.spec for each in marked.values()]
        for method, each in marked.items():
            self.caller(each.spec)
            if method != each.spec.__name__:
                raise HookError(
                    f"plugin {plugin!r}: {method!r} implements {each.spec.__name__!r};"
                    " the two must have the same name"
                )
        self._serial += 1
        unique = f"{plugin}#{self._serial}"
        holder = SimpleNamespace(**{name: getattr(implementation, name, implementation) for name in marked})
        try:
            self._manager().register(holder, unique)
        except pluggy.PluginValidationError as error:
            self._manager().unregister(name=unique)
            raise HookError(_misfit(plugin, marked, holder) or f"plugin {plugin!r}: {error}") from error
        self._recompile(specs)

        def withdraw() -> None:
            self._manager().unregister(name=unique)
            self._recompile(specs)

        return withdraw

    def _recompile(self, specs: list[Callable[..., Any]]) -> None:
        for spec in specs:
            caller = self._callers[spec]
            found = []
            for implementation in getattr(self._manager().hook, caller.name).get_hookimpls():
                marked: Implementation = getattr(implementation.function, IMPLEMENTATION_ATTRIBUTE)
                plugin, _, serial = implementation.plugin_name.partition("#")
                stage = marked.stage if getattr(spec, SPEC_ATTRIBUTE).kind is Kind.PIPELINE else Stage.MODIFY
                turn = -1 if marked.tryfirst else 1 if marked.trylast else 0
                entry = Entry(
                    _adapted(implementation.function, implementation.argnames, spec),
                    inspect.iscoroutinefunction(implementation.function), plugin, stage,
                )
                found.append(((stage, turn, self._order(plugin), int(serial)), entry))
            found.sort(key=lambda each: each[0])
            caller.compile(tuple(entry for _, entry in found))

    def _manager(self) -> pluggy.PluginManager:
        if self._pluggy is None:
            self._pluggy = _plugin_manager()
        return self._pluggy


def _plugin_manager() -> pluggy.PluginManager:
    """pluggy reading our marks. Imported late: an app without hooks does not pay for it."""
    import pluggy

    class Manager(pluggy.PluginManager):
        def parse_hookspec_opts(self, module_or_class: Any, name: str) -> pluggy.HookspecOpts | None:
            if not hasattr(getattr(module_or_class, name), SPEC_ATTRIBUTE):
                return None
            return {"firstresult": False, "historic": False, "warn_on_impl": None,
                    "warn_on_impl_args": None}

        def parse_hookimpl_opts(self, plugin: Any, name: str) -> pluggy.HookimplOpts | None:
            marked = getattr(getattr(plugin, name), IMPLEMENTATION_ATTRIBUTE, None)
            if marked is None:
                return None
            return {"wrapper": False, "hookwrapper": False, "optionalhook": False, "specname": None,
                    "tryfirst": marked.tryfirst, "trylast": marked.trylast}

    return Manager("tulou")


def _implementations(candidate: object) -> dict[str, Implementation]:
    """Name -> mark, for a function or for the methods of an object."""
    own = getattr(candidate, IMPLEMENTATION_ATTRIBUTE, None)
    if isinstance(own, Implementation):
        return {getattr(candidate, "__name__", ""): own}
    found = {}
    for name in dir(type(candidate)):
        marked = getattr(getattr(type(candidate), name, None), IMPLEMENTATION_ATTRIBUTE, None)
        if isinstance(marked, Implementation):
            found[name] = marked
    return found


def _misfit(plugin: str, marked: dict[str, Implementation], holder: SimpleNamespace) -> str:
    """Which parameter of which implementation its specification does not have, and what it has."""
    from difflib import get_close_matches

    for name, mark in marked.items():
        offered = list(inspect.signature(mark.spec).parameters)
        function = getattr(holder, name)
        for taken in inspect.signature(function).parameters:
            if taken not in offered:
                close = get_close_matches(taken, offered, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(offered) or 'none'}"
                code = function.__code__
                return (
                    f"plugin {plugin!r}: {function.__qualname__} ({code.co_filename}:{code.co_firstlineno})"
                    f" takes {taken!r}, which the hook {name!r} does not have; {hint}"
                )
    return ""


def _adapted(function: Run, accepted: tuple[str, ...], spec: Callable[..., Any]) -> Run:
    """The function as it is when it takes all parameters in order, else behind a selection."""
    offered = tuple(inspect.signature(spec).parameters)
    if accepted == offered[: len(accepted)] and len(accepted) == len(offered):
        return function
    places = [offered.index(name) for name in accepted]
    return lambda *args: function(*(args[place] for place in places))
