"""The plugin's life, and the service `Router`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import trio

from tulou import AccountChanged, PluginControl
from tulou.app_events import PluginChanged
from tulou.context import Context
from tulou.flow import Signal
from tulou_contracts.company import Company, DocumentChanged
from tulou_contracts.identity import Identity
from tulou_contracts.routing import (
    SCHEME,
    Origin,
    Outcome,
    Presenter,
    RouteForbidden,
    RouteNotFound,
    Router,
    RoutesChanged,
    RouteStatus,
    RouteUnavailable,
    RoutingError,
    contribute_routes,
)
from tulou_router.company import KIND, CompanyRoutes
from tulou_router.config import Config
from tulou_router.decisions import Decisions
from tulou_router.keeping import keep_in_backups
from tulou_router.memory import Memory
from tulou_router.navigator import Navigator, found
from tulou_router.readiness import FAILED, RUNNING, Standing, absent, forgotten, still_starting
from tulou_router.registry import Registry, build
from tulou_router.url import put_together
from tulou_router.values import written

WAITING = 64
"""Addresses that may be on their way at the same time."""


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Follow addresses for as long as the plugin runs."""
    router = TheRouter(ctx)
    ctx.subscribe(PluginChanged, router.on_plugin)
    ctx.subscribe(RoutesChanged, router.on_routes)
    ctx.subscribe(DocumentChanged, router.on_document)
    ctx.subscribe(AccountChanged, router.on_account)
    end_watch = ctx.wanted(Company).watch(router.look_again.set)
    try:
        ctx.spawn(router.keep_looking, name="registrations")
        ctx.spawn(keep_in_backups, ctx, name="backups")
        ctx.provide(Router, router)
        yield
    finally:
        end_watch()


class TheRouter:
    """Keeps the registrations as they are now, and hands addresses to the navigator."""

    def __init__(self, ctx: Context) -> None:
        config: Config = ctx.config
        self._ctx = ctx
        self._config = config
        self._identity = ctx.wanted(Identity)
        self._control = ctx.wanted(PluginControl)
        self._memory = Memory(ctx.data)
        self._company = CompanyRoutes(self._memory, ctx.wanted(Company).get, ctx.now)
        self._registry = Registry()
        self._told: set[str] = set()
        self._changed = trio.Event()
        self._looking = True
        self._seen: set[str] = set()
        """Plugins that were running when they were asked last."""
        self._complete = True
        self._up = False
        self._open = 0
        self.look_again = Signal()
        self.look_again.set()
        links = (f"{SCHEME}://", config.web) if config.web else (f"{SCHEME}://",)
        self._navigator = Navigator(
            settled=self.settled, sign_in=self._sign_in, account=self._account,
            presenter=ctx.wanted(Presenter).get, links=links,
            decisions=Decisions(config.decision_patience, self._signed_in, ctx.log),
        )

    # -- Router --

    @property
    def links(self) -> Sequence[str]:
        """Beginnings of addresses that lead inside."""
        return self._navigator.links

    async def open(self, url: str, *, origin: Origin = Origin.INSIDE, at: str = "") -> Outcome:
        """Follow an address to its end."""
        if not isinstance(origin, Origin):
            raise TypeError(f"origin is Origin.INSIDE or Origin.OUTSIDE, not {origin!r}")
        with self._counted():
            return await self._navigator.open(url, origin, at)

    def address(self, route: str, parameters: Mapping[str, Any] | None = None) -> str:
        """The address of a route by its name."""
        entry = self._registry.routes.get(route)
        if entry is None or entry.route is None:
            raise RouteNotFound(f"There is no route {route!r} now.")
        texts = {name: written(entry.route, name, value) for name, value in (parameters or {}).items()}
        for name in entry.pattern.names:
            if name not in texts:
                raise RouteNotFound(f"The route {route} needs the parameter {name!r}.")
        return put_together(entry.pattern.filled(texts), texts)

    def leads(self, url: str, *, origin: Origin = Origin.INSIDE) -> bool:
        """Whether a route would take this address."""
        try:
            found(self._registry, url, self._navigator.links, origin)
        except RoutingError:
            return False
        return True

    def routes(self) -> Sequence[RouteStatus]:
        """Every route that is known, in the order of their paths."""
        return self._registry.status()

    def problems(self) -> Sequence[str]:
        """A sentence for each contribution and document that is passed over."""
        return [*self._registry.problems, *([self._company.problem] if self._company.problem else [])]

    # -- registrations --

    def on_plugin(self, event: PluginChanged) -> None:
        """Routes may have come or gone."""
        self._looking = True
        self.look_again.set()

    def on_routes(self, event: RoutesChanged) -> None:
        """A plugin contributes something else."""
        self._looking = True
        self.look_again.set()

    def on_document(self, event: DocumentChanged) -> None:
        """The company says something else."""
        if event.kind == KIND:
            self._looking = True
            self.look_again.set()

    def on_account(self, event: AccountChanged) -> None:
        """Somebody signed in or out: who waits for that looks again, and so do the company's routes."""
        self.look_again.set()
        self._tell()

    async def keep_looking(self) -> None:
        """Ask for registrations whenever something changed, until cancelled."""
        while True:
            await self.look_again.wait()
            self._looking = False
            plugins, missing = self._plugins()
            states = {name: each.state for name, each in plugins.items()}
            caller = self._ctx.hook(contribute_routes)
            asked = len(caller.entries)
            answers = await caller()
            self._seen = _running(states)
            self._complete = len(answers) == asked
            self._rebuild(answers, states, missing)
            self._tell()
            if not still_starting(plugins, first=not self._up):
                self._save()

    def _save(self) -> None:
        try:
            self._memory.save()  # small, and only after something changed: not worth a thread
        except OSError as error:
            self._ctx.log.warning("what is registered cannot be remembered: %s", error)

    def _rebuild(self, answers: Sequence[Any], states: dict[str, str], missing: set[str]) -> None:
        self._company.read()
        registry = build(answers, self._memory.traces.values(), self._company.aliases)
        registry.failed = frozenset(name for name, state in states.items() if state in FAILED)
        here = {each.name: each.owner for each in registry.interceptors.values()}
        forget = forgotten(self._memory.interceptors, here, states, missing, self._complete)
        self._memory.note(registry.traces(), here, forget)
        self._registry = registry
        for problem in self.problems():
            if problem not in self._told:
                self._told.add(problem)
                self._ctx.log.error("%s", problem)

    def _plugins(self) -> tuple[dict[str, Standing], set[str]]:
        control = self._control.get()
        if control is None:
            return {}, set()
        plugins = {
            each.name: Standing(each.state.value, each.requires, each.provides) for each in control.status()
        }
        return plugins, set(control.missing())

    # -- waiting --

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def settled(self) -> Registry:
        """The registrations, once nobody is on the way who could have something to say."""
        reason = ""
        with trio.move_on_after(self._config.start_patience):
            while True:
                reason = self._not_yet()
                if not reason:
                    self._up = True
                    return self._registry
                await self._changed.wait()
        self._up = True  # from now on, a plugin that waits for another one holds up nobody
        if not (reason := self._not_yet()):
            return self._registry
        raise RouteUnavailable(reason)

    def _not_yet(self) -> str:
        plugins, missing = self._plugins()
        states = {name: each.state for name, each in plugins.items()}
        if self._looking or self._company.over or _running(states) != self._seen:
            self.look_again.set()  # an event may be on its way still, or dropped
            return "The app is still finding out where its addresses lead; try again in a moment."
        starting = still_starting(plugins, first=not self._up)
        if starting:
            return f"The plugin {starting[0]!r} is still starting; try again in a moment."
        here = self._registry.interceptors
        lost = absent(self._memory.interceptors, here, states, missing, self._complete)
        for name in lost:
            if lost[name]:
                return f"The interceptor {name!r} is being started; try again in a moment."
        for name in [*lost, *(each for each in self._config.required if each not in here)]:
            raise RouteForbidden(
                f"Nothing is opened, for the interceptor {name!r} that has to agree is not running."
            )
        return ""

    async def _sign_in(self, account: str) -> None:
        """Until somebody signed in, for a while; only for the same account as before."""
        if self._identity.get() is None:
            raise RouteForbidden("Not opened: there is no plugin for signing in (auth).")
        with trio.move_on_after(self._config.sign_in_patience):
            while not self._signed_in():
                await self._changed.wait()
        if not self._signed_in():
            raise RouteForbidden("Not opened: nobody signed in for that.")
        if account and self._account() != account:
            raise RouteForbidden(f"Not opened: that was meant for {account}, who is not signed in.")

    def _signed_in(self) -> bool:
        identity = self._identity.get()
        return identity is not None and identity.signed_in

    def _account(self) -> str:
        identity = self._identity.get()
        account = identity.account if identity else None
        return account.address if account else ""

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._open >= WAITING:
            raise RouteUnavailable(f"There are {WAITING} addresses on their way already; try again later.")
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1


def _running(states: Mapping[str, str]) -> set[str]:
    return {name for name, state in states.items() if state == RUNNING}
