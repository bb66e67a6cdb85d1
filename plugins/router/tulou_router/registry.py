"""Everything that is registered, checked and put into one table. Pure, no I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tulou_contracts.routing import (
    SIGNED_IN,
    Guard,
    Interceptor,
    Parameter,
    Route,
    RouteStatus,
    ToFunction,
    ToPage,
    ToRoute,
)
from tulou_router.pushed import Alias
from tulou_router.table import PathWrong, Pattern, Table, pattern_of
from tulou_router.values import fault_of

MOST_ROUTES = 10_000
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}\.[a-z][a-z0-9_./-]{0,99}\Z")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Entry:
    """What an address leads to: a plugin's route, the trace of one that left, or a company's alias."""

    pattern: Pattern
    route: Route | None = None
    alias: Alias | None = None
    trace: Trace | None = None

    @property
    def guards(self) -> Sequence[str]:
        """Names of the guards that it names itself; `Registry.guards_of` has all that must agree."""
        held = self.route or self.alias
        return held.guards if held is not None else ()

    @property
    def exported(self) -> bool:
        """Whether addresses from outside reach it. Of what left, that is what it was."""
        held = self.route or self.alias or self.trace
        return held is not None and held.exported


@dataclass(frozen=True, slots=True)
class Trace:
    """What is remembered of a route, so that its address is not simply unknown once its plugin left."""

    name: str
    path: str
    owner: str
    exported: bool


@dataclass(slots=True)
class Registry:
    """One state of all registrations; a new one is made for every change."""

    table: Table[Entry] = field(default_factory=Table)
    routes: dict[str, Entry] = field(default_factory=dict)
    guards: dict[str, Guard] = field(default_factory=dict)
    interceptors: dict[str, Interceptor] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    failed: frozenset[str] = frozenset()
    """Plugins that do not run because they failed."""

    @property
    def in_order(self) -> list[Interceptor]:
        """The interceptors, highest priority first, then by name."""
        return sorted(self.interceptors.values(), key=lambda each: (-each.priority, each.name))

    def guards_of(self, entry: Entry) -> Sequence[str]:
        """Names of the guards that must agree: for a page, those of its own address as well."""
        if entry.route is None or not isinstance(entry.route.target, ToPage):
            return entry.guards
        page = entry.route.target.page
        own = self.routes.get(f"app.{page}") or self.routes.get(f"shell.{page}")
        return tuple(dict.fromkeys([*(own.guards if own else ()), *entry.guards]))

    def traces(self) -> list[Trace]:
        """What should be remembered of the plugins' routes."""
        return [
            Trace(each.route.name, each.route.path, each.route.owner, each.route.exported)
            for each in self.routes.values() if each.route is not None
        ]

    def status(self) -> list[RouteStatus]:
        """As shown to people and programs, in the order of paths."""
        known = [_status(each, self.guards_of(each)) for each in self.table]
        return sorted(known, key=lambda each: (each.path, each.name))


def build(
    answers: Iterable[Any], traces: Iterable[Trace] = (), aliases: Iterable[Alias] = ()
) -> Registry:
    """Check the hook's answers one by one; a bad one spoils no other, and each is told.

    Plugins' routes come first, so a company's alias never takes an address from one.
    """
    registry = Registry()
    for answer in answers:
        if not isinstance(answer, Sequence) or isinstance(answer, (str, bytes)):
            registry.problems.append(
                f"A plugin answered contribute_routes with {type(answer).__name__}, not a list."
            )
            continue
        for each in answer:
            problem = _add(registry, each)
            if problem:
                registry.problems.append(problem)
    _add_traces(registry, traces)
    for alias in aliases:
        other = registry.table.add(alias.pattern, Entry(alias.pattern, alias=alias))
        if other is not None:
            registry.problems.append(
                f"The company's route {alias.path!r} is passed over: the address is that of {_named(other)}."
            )
    return registry


def _add(registry: Registry, each: Any) -> str:
    adder = _ADDERS.get(type(each))
    if adder is None:
        return f"{type(each).__name__} is nothing the router knows: contribute Route, Guard or Interceptor."
    return adder(registry, each)


def _add_route(registry: Registry, route: Route) -> str:
    if not isinstance(route.name, str) or not _NAME.match(route.name):
        return f"The route {route.name!r}: name it PLUGIN.WORD in lower case, as in 'log.open'."
    try:
        pattern = pattern_of(route.path)
    except PathWrong as error:
        return f"The route {route.name} is passed over: {error}."
    problem = _fault_of_route(route, pattern)
    if problem:
        return f"The route {route.name} is passed over: {problem}."
    if route.name in registry.routes:
        return f"Two routes are named {route.name!r}: the first one is used."
    if len(registry.routes) >= MOST_ROUTES:
        return f"The route {route.name} is passed over: there are {MOST_ROUTES} already."
    parameters = {**{name: Parameter() for name in pattern.names}, **route.parameters}
    entry = Entry(pattern, route=replace(route, parameters=parameters))
    other = registry.table.add(pattern, entry)
    if other is not None:
        return f"The route {route.name} is passed over: {_named(other)} has the same address {route.path!r}."
    registry.routes[route.name] = entry
    return ""


def _fault_of_route(route: Route, pattern: Pattern) -> str:
    if not isinstance(route.target, (ToPage, ToFunction, ToRoute)):
        return f"its target {type(route.target).__name__} is none of ToPage, ToFunction, ToRoute"
    if type(route.exported) is not bool:
        return f"exported={route.exported!r} should be True or False"
    if isinstance(route.guards, str):
        return f"guards={route.guards!r} should be a list of names"
    for name, parameter in route.parameters.items():
        fault = fault_of(parameter)
        if fault:
            return f"its parameter {name!r} {fault}"
    for name in pattern.names:
        if name in route.parameters and (route.parameters[name].optional
                                         or route.parameters[name].default is not None):
            return f"its parameter {name!r} is part of the path, so it cannot be left out"
    if isinstance(route.target, ToRoute):
        return _fault_of_redirection(route, pattern, route.target)
    return ""


def _fault_of_redirection(route: Route, pattern: Pattern, target: ToRoute) -> str:
    try:
        pattern_of(target.path)
    except PathWrong as error:
        return f"it leads nowhere: {error}"
    known = {*pattern.names, *route.parameters}
    strange = [name for name in _PLACEHOLDER.findall(target.path) if name not in known]
    return f"it leads to {target.path!r}, but has no parameter {strange[0]!r}" if strange else ""


def _add_guard(registry: Registry, guard: Guard) -> str:
    if guard.name == SIGNED_IN or guard.name in registry.guards:
        return f"There is a guard {guard.name!r} already: the second one is passed over."
    if not guard.name or ":" in guard.name:
        return f"The guard {guard.name!r}: its name is a word without ':'."
    registry.guards[guard.name] = guard
    return ""


def _add_interceptor(registry: Registry, interceptor: Interceptor) -> str:
    if interceptor.name in registry.interceptors:
        return f"Two interceptors are named {interceptor.name!r}: the first one is used."
    registry.interceptors[interceptor.name] = interceptor
    return ""


_ADDERS: Mapping[type, Callable[[Registry, Any], str]] = {
    Route: _add_route, Guard: _add_guard, Interceptor: _add_interceptor,
}


def _add_traces(registry: Registry, traces: Iterable[Trace]) -> None:
    for trace in traces:
        if trace.name not in registry.routes:
            try:
                pattern = pattern_of(trace.path)
            except PathWrong:
                continue  # somebody else wrote into our file
            registry.table.add(pattern, Entry(pattern, trace=trace))


def _named(entry: Entry) -> str:
    if entry.route is not None:
        return f"the route {entry.route.name}"
    if entry.trace is not None:
        return f"the route {entry.trace.name}, whose plugin is not running"
    return f"the company's route {entry.alias.path!r}" if entry.alias else "another one"


def _status(entry: Entry, guards: Sequence[str]) -> RouteStatus:
    if entry.route is not None:
        route = entry.route
        return RouteStatus(
            name=route.name, path=route.path, leads_to=_words(route), parameters=route.parameters,
            exported=route.exported, guards=tuple(guards), owner=route.owner, pushed=False,
            available=True,
        )
    if entry.alias is not None:
        alias = entry.alias
        return RouteStatus(
            name=f"company:{alias.path}", path=alias.path, leads_to=f"route {alias.to}",
            parameters={name: Parameter() for name in alias.names}, exported=alias.exported,
            guards=alias.guards, owner="company", pushed=True, available=True,
        )
    trace = entry.trace
    assert trace is not None
    return RouteStatus(
        name=trace.name, path=trace.path, leads_to="", parameters={}, exported=trace.exported, guards=(),
        owner=trace.owner, pushed=False, available=False,
    )


def _words(route: Route) -> str:
    if isinstance(route.target, ToPage):
        return f"page {route.target.page}"
    return f"route {route.target.path}" if isinstance(route.target, ToRoute) else "function"
