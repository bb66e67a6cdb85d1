"""The provider as a service: chosen and imported at the first use, and at no cost after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from tulou_contracts.crypto import Primitives

METHODS = tuple(name for name, member in vars(Primitives).items()
                if callable(member) and not name.startswith("_"))


class LazyPrimitives:
    """Stands for the provider that `choose` returns. The first call of a method puts all methods of
    the provider in place of the stand-ins; later ones go to it directly."""

    def __init__(self, choose: Callable[[], Primitives]) -> None:
        self._choose = choose
        self._provider: Primitives | None = None

    def __repr__(self) -> str:
        return f"<LazyPrimitives: {self._provider.name if self._provider else 'not chosen yet'}>"

    @property
    def name(self) -> str:
        """Of the library."""
        return self.load().name

    def load(self) -> Primitives:
        """The provider itself. Raises `CryptoError` when it cannot be had."""
        if self._provider is None:
            provider = self._choose()
            for name in METHODS:
                setattr(self, name, getattr(provider, name))
            self._provider = provider
        return self._provider


def lazily(choose: Callable[[], Primitives]) -> Primitives:
    """What `choose` returns, when it is needed."""
    return cast(Primitives, LazyPrimitives(choose))


def _stand_in(name: str) -> Callable[..., Any]:
    def method(self: LazyPrimitives, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.load(), name)(*args, **kwargs)

    method.__name__ = name
    method.__doc__ = getattr(Primitives, name).__doc__
    return method


for _name in METHODS:
    setattr(LazyPrimitives, _name, _stand_in(_name))
