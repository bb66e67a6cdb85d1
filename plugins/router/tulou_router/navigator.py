"""Follows one address from its text to its end. Every turn is checked anew, from the first step on.

The order: is it an address; is there a route; may this origin reach it; is its plugin there; are the
parameters right; what do the interceptors say; what do its guards say; only then its target.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any

from tulou.correlation import correlated
from tulou_contracts.routing import (
    Navigation,
    Origin,
    Outcome,
    PageIntent,
    ParameterWrong,
    Presenter,
    Route,
    RouteForbidden,
    RouteLoops,
    RouteNotFound,
    RouteUnavailable,
    ToFunction,
    ToPage,
    ToRoute,
)
from tulou_router.decisions import Decisions, NotSignedIn
from tulou_router.pushed import Alias
from tulou_router.registry import Entry, Registry
from tulou_router.table import pattern_of
from tulou_router.url import put_together, shown, take_apart
from tulou_router.values import checked

TURNS = 8
"""Redirections of one navigation, and navigations within navigations."""

_DEPTH: ContextVar[int] = ContextVar("tulou_router_depth", default=0)


class Navigator:
    """`settled` waits until it is safe to decide and gives the registrations; `sign_in` waits for a
    person; `account` is the profile's; `presenter` shows pages."""

    def __init__(
        self, *, settled: Callable[[], Awaitable[Registry]], sign_in: Callable[[str], Awaitable[None]],
        account: Callable[[], str], presenter: Callable[[], Presenter | None],
        decisions: Decisions, links: tuple[str, ...],
    ) -> None:
        self._settled = settled
        self._sign_in = sign_in
        self._account = account
        self._presenter = presenter
        self._decisions = decisions
        self.links = links

    async def open(self, url: str, origin: Origin, at: str) -> Outcome:
        """Follow an address. Raises `RoutingError`, and what a function raises."""
        depth = _DEPTH.get()
        if depth >= TURNS:
            raise RouteLoops(f"{shown(url)} is opened by something that it opened itself, {depth} deep.")
        token = _DEPTH.set(depth + 1)
        try:
            with correlated():
                return await self._follow(url, origin, at)
        finally:
            _DEPTH.reset(token)

    async def _follow(self, url: str, origin: Origin, at: str) -> Outcome:
        take_apart(url, self.links)  # what is no address waits for nobody
        via: list[str] = []
        asked = False
        account = self._account()
        while True:
            registry = await self._settled()
            if url in via or len(via) > TURNS:
                raise RouteLoops(f"{shown(via[0])} leads in a circle, by {shown(url)}.")
            entry, given = found(registry, url, self.links, origin)
            navigation = _navigation(entry, url, given, origin, account, via)
            elsewhere = await self._decisions.intercepted(registry, navigation)
            if elsewhere is not None:
                via.append(url)
                url = elsewhere
                continue
            try:
                await self._decisions.guarded(registry, registry.guards_of(entry), navigation)
            except NotSignedIn:
                if asked:
                    raise RouteForbidden("Not opened: nobody is signed in.") from None
                asked = True
                await self._sign_in(account)
                account = self._account()
                continue
            if self._account() != account:
                raise RouteForbidden(f"{shown(url)} is not opened: another account is signed in by now.")
            if entry.alias is not None:
                via.append(url)
                # what the company says may point to exported routes only, wherever its address stood
                url, origin = _alias_address(registry, entry.alias, given, url), Origin.OUTSIDE
                continue
            route = entry.route
            assert route is not None
            if isinstance(route.target, ToRoute):
                via.append(url)
                url = redirected(route.target, navigation.parameters, given)
                continue
            return await self._arrive(route, navigation, at)

    async def _arrive(self, route: Route, navigation: Navigation, at: str) -> Outcome:
        if isinstance(route.target, ToFunction):
            return Outcome(route=route.name, result=await route.target.function(navigation))
        assert isinstance(route.target, ToPage)
        presenter = self._presenter()
        if presenter is None:
            raise RouteUnavailable("There is no plugin that shows pages (shell).")
        intent = PageIntent(
            page=route.target.page, parameters={**navigation.parameters, **route.target.fixed},
            title=route.title,
        )
        await presenter.present(intent, at)
        return Outcome(route=route.name, intent=intent)


def _navigation(
    entry: Entry, url: str, given: dict[str, str], origin: Origin, account: str, via: list[str]
) -> Navigation:
    if entry.alias is not None:
        name, parameters = f"company:{entry.alias.path}", dict(given)
    else:
        assert entry.route is not None
        name, parameters = entry.route.name, checked(entry.route, given)
    return Navigation(
        url=url, route=name, parameters=parameters, origin=origin, account=account, via=tuple(via)
    )


def found(
    registry: Registry, url: str, links: tuple[str, ...], origin: Origin
) -> tuple[Entry, dict[str, str]]:
    """The entry of an address and the texts of its parameters. Raises `RoutingError`."""
    parts = take_apart(url, links)
    match = registry.table.find(parts.segments)
    if match is None:
        raise RouteNotFound(f"{shown(url)} leads nowhere in this app.")
    entry, given = match
    if origin is Origin.OUTSIDE and not entry.exported:
        raise RouteForbidden(f"{shown(url)} may not be opened from outside the app.")
    if entry.trace is not None:
        owner = f"the plugin {entry.trace.owner!r}" if entry.trace.owner else "the plugin behind it"
        why = "has failed; the log says why" if entry.trace.owner in registry.failed else "is not here"
        raise RouteUnavailable(f"{shown(url)} cannot be opened now: {owner} {why}.")
    for name in parts.query:
        if name in given:
            raise ParameterWrong(f"{shown(url)} has the parameter {name!r} twice.")
    return entry, {**given, **parts.query}


def redirected(target: ToRoute, parameters: Mapping[str, Any], given: Mapping[str, str]) -> str:
    """Where a redirection leads: parameters that its path does not take go along in the query."""
    pattern = pattern_of(target.path)
    texts = {name: given[name] if name in given else _text(value) for name, value in parameters.items()}
    segments = pattern.filled(texts)
    return put_together(segments, texts)


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _alias_address(registry: Registry, alias: Alias, given: Mapping[str, str], url: str) -> str:
    lacking = sorted(alias.names - set(given))
    strange = sorted(set(given) - alias.names)
    if lacking or strange:
        raise ParameterWrong(
            f"{shown(url)} needs the parameter {lacking[0]!r}." if lacking
            else f"{shown(url)} has no parameter {strange[0]!r}."
        )
    entry = registry.routes.get(alias.to)
    if entry is None or entry.route is None:
        raise RouteUnavailable(f"{shown(url)} leads to the route {alias.to}, whose plugin is not here.")
    if not entry.route.exported:
        raise RouteForbidden(f"{shown(url)} leads to {alias.to}, which the company may not point to.")
    texts = alias.values(given)
    for name in entry.pattern.names:
        if name not in texts:
            raise ParameterWrong(f"{shown(url)} does not say the parameter {name!r} of {alias.to}.")
    return put_together(entry.pattern.filled(texts), texts)
