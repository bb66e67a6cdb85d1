"""Grants: which parts of a service a plugin may use.

A contract marks methods with `needs_grant`; a plugin whose manifest (and composition) lacks the
grant receives a view of the provider on which those methods raise `NotGranted`. Plugins share the
process, so this guards against mistakes, not against malice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tulou.errors import NotGranted

F = TypeVar("F", bound=Callable[..., Any])
_ATTRIBUTE = "__tulou_grant__"


def needs_grant(grant: str) -> Callable[[F], F]:
    """Mark a method of a contract as usable only by plugins that hold `grant`."""

    def mark(function: F) -> F:
        setattr(function, _ATTRIBUTE, grant)
        return function

    return mark


def grants_of(contract: type) -> dict[str, str]:
    """Method name -> grant, for every marked method of a contract."""
    found: dict[str, str] = {}
    for klass in reversed(contract.__mro__):
        for name, member in vars(klass).items():
            grant = getattr(member, _ATTRIBUTE, None)
            if isinstance(grant, str):
                found[name] = grant
    return found


class _Guarded:
    """Stands before a provider and refuses the methods that were not granted."""

    __slots__ = ("_provider", "_refusals")

    def __init__(self, provider: object, refusals: dict[str, str]) -> None:
        self._provider = provider
        self._refusals = refusals

    def __getattr__(self, name: str) -> Any:
        refusal = self._refusals.get(name)
        if refusal is not None:
            raise NotGranted(refusal)
        return getattr(self._provider, name)

    def __repr__(self) -> str:
        return f"<guarded {self._provider!r}>"


def guard(provider: Any, contract: type, plugin: str, granted: frozenset[str]) -> Any:
    """The provider itself when everything is granted, else a view that refuses the rest."""
    refusals = {
        method: f"plugin {plugin!r} may not call {contract.__qualname__}.{method}: it lacks the grant"
        f" {grant!r}; add it to `grants` in its manifest and leave it allowed in the composition"
        for method, grant in grants_of(contract).items()
        if grant not in granted
    }
    return _Guarded(provider, refusals) if refusals else provider
