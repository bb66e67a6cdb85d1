"""Guards and interceptors are asked here. Whatever is not a clear yes is a no."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import trio

from tulou.errors import TulouError
from tulou_contracts.routing import (
    SIGNED_IN,
    Guard,
    Interceptor,
    Navigation,
    Redirect,
    Refuse,
    RouteForbidden,
)
from tulou_router.registry import Registry
from tulou_router.url import shown


class NotSignedIn(Exception):
    """The route wants a person who is signed in."""


class Decisions:
    """Asks, within a time, and never lets a fault pass for a yes."""

    def __init__(self, patience: float, signed_in: Callable[[], bool], log: logging.Logger) -> None:
        self._patience = patience
        self._signed_in = signed_in
        self._log = log

    async def intercepted(self, registry: Registry, navigation: Navigation) -> str | None:
        """Where an interceptor leads instead, or None. Raises `RouteForbidden`."""
        for interceptor in registry.in_order:
            answer = await self._asked(interceptor, interceptor.intercept, navigation)
            if isinstance(answer, Redirect):
                return str(answer.url)
            if isinstance(answer, Refuse):
                raise RouteForbidden(answer.reason)
            if answer is not None:
                raise self._fault(interceptor, f"answered {type(answer).__name__}")
        return None

    async def guarded(self, registry: Registry, guards: Sequence[str], navigation: Navigation) -> None:
        """Returns when every guard agrees. Raises `RouteForbidden`, `NotSignedIn`."""
        for named in guards:
            if named == SIGNED_IN:
                if not self._signed_in():
                    raise NotSignedIn
                continue
            name, _, detail = named.partition(":")
            guard = registry.guards.get(name)
            if guard is None:
                raise RouteForbidden(
                    f"{shown(navigation.url)} is guarded by {name!r}, and the plugin with that guard"
                    " is not running."
                )
            refusal = await self._asked(guard, guard.check, navigation, detail)
            if isinstance(refusal, str):
                raise RouteForbidden(refusal or f"The guard {name!r} says no.")
            if refusal is not None:
                raise self._fault(guard, f"answered {type(refusal).__name__}")

    async def _asked(
        self, who: Guard | Interceptor, question: Callable[..., Awaitable[Any]], *args: Any
    ) -> Any:
        answer: Any = None
        with trio.move_on_after(self._patience) as scope:
            try:
                answer = await question(*args)
            except Exception as error:  # whatever it is, it is no yes
                self._log.warning("the %s %r failed", type(who).__name__.lower(), who.name, exc_info=True)
                raise self._fault(who, str(error) if isinstance(error, TulouError) else "failed") from error
        if scope.cancelled_caught:
            raise self._fault(who, f"did not answer within {self._patience:g} s")
        return answer

    def _fault(self, who: Guard | Interceptor, what: str) -> RouteForbidden:
        return RouteForbidden(
            f"Not opened: the {type(who).__name__.lower()} {who.name!r} {what}, and so nothing passes it."
        )
