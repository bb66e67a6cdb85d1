"""The `Context` of one running plugin: registers on its behalf, and takes all of it back."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from tulou.errors import Misused, NotDeclared
from tulou.failure import is_the_plugins
from tulou.hooks import HookCaller
from tulou.plugin import contract_name, contract_of
from tulou.profile import PRIVATE
from tulou.services import Offer, ServiceView, Wanted

if TYPE_CHECKING:
    from tulou.composition import DeviceProfile
    from tulou.house import House
    from tulou.unit import Unit

S = TypeVar("S")


class PluginContext:
    """Implements `tulou.Context`."""

    service: Callable[[type[Any]], Any]
    """Bound straight to the view's look-up, so that asking costs one dict look-up."""

    def __init__(self, house: House, unit: Unit, nursery: trio.Nursery) -> None:
        manifest = unit.manifest
        self.name = unit.name
        self.config = unit.config
        self._house = house
        self._unit = unit
        self._nursery = nursery
        self._undo: list[Callable[[], None]] = []
        self._offered: set[type] = set()
        self._view = ServiceView(
            house.services, unit.name,
            required=frozenset(contract_of(each) for each in manifest.requires),
            wanted=frozenset(manifest.wants), granted=unit.granted(),
        )
        self.service = self._view.__getitem__

    @property
    def log(self) -> logging.Logger:
        return logging.getLogger(f"tulou.plugin.{self.name}")

    @property
    def data(self) -> Path:
        folder = self._house.profile / self.name
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        return folder

    @property
    def device(self) -> DeviceProfile:
        return self._house.composition.device

    @property
    def random(self) -> Random:
        return self._house.random

    def services(self, contract: type[S]) -> tuple[S, ...]:
        return self._view.all(contract)

    def wanted(self, contract: type[S]) -> Wanted[S]:
        return self._view.want(contract)

    def provide(self, contract: type[S], provider: S, *, rank: int = 0) -> None:
        if contract not in self._unit.manifest.provides:
            raise NotDeclared(
                f"plugin {self.name!r} provides {contract_name(contract)} without declaring it:"
                " add it to `provides` in its manifest"
            )
        offer = Offer(provider, self.name, rank)
        self._house.services.add(contract, offer)
        self._offered.add(contract)
        self._undo.append(lambda: self._house.services.remove(contract, offer))

    def subscribe(self, event: type[Any], handler: Callable[[Any], Any]) -> None:
        subscription = self._house.events.subscribe(self.name, event, handler)
        self._undo.append(lambda: self._house.events.unsubscribe(subscription))

    def publish(self, event: object) -> None:
        self._house.events.publish(event)

    def implement(self, *implementations: object) -> None:
        for each in implementations:
            self._undo.append(self._house.hooks.register(self.name, each))

    def hook(self, spec: Callable[..., Any]) -> HookCaller:
        return self._house.hooks.caller(spec)

    def spawn(self, function: Callable[..., Awaitable[Any]], *args: Any, name: str = "") -> None:
        if not callable(function):
            if hasattr(function, "close"):
                function.close()  # a coroutine that nobody will run
            raise Misused(
                f"plugin {self.name!r}: ctx.spawn takes a function and its arguments,"
                " ctx.spawn(work, 1), not the result of a call, ctx.spawn(work(1))"
            )
        label = f"{self.name}: {name or getattr(function, '__qualname__', repr(function))}"
        self._nursery.start_soon(self._task, function, args, name=label)

    async def _task(self, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> None:
        """A failing task asks for the plugin's stop instead of tearing it down at once, so that
        its dependents can still stop in order while it is there."""
        try:
            await function(*args)
        except BaseException as error:
            if not is_the_plugins(error):
                raise
            self._house.plugin_task_failed(self._unit, error)

    def now(self) -> int:
        return self._house.now()

    def unkept_promises(self) -> list[str]:
        """Contracts that the manifest declares and `run` did not provide before its yield."""
        return [contract_name(c) for c in self._unit.manifest.provides if c not in self._offered]

    def withdraw(self) -> None:
        """Take back everything that was registered, newest first."""
        while self._undo:
            self._undo.pop()()
        self._view.clear()
