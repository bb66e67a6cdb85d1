"""What a running plugin sees of the kernel; the only door between them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from tulou.composition import DeviceProfile
    from tulou.hooks import HookCaller
    from tulou.services import Wanted

S = TypeVar("S")
E = TypeVar("E")


class Context(Protocol):
    """Handed to a plugin's `run`. Everything done through it is undone when the plugin stops."""

    name: str
    """The plugin's name."""
    config: Any
    """An instance of the manifest's config class, checked; None when it declares none."""
    data: Path
    """A folder of the plugin's own inside the profile; it exists."""
    device: DeviceProfile
    """pc, pad or phone."""
    log: logging.Logger
    random: Random
    """Seeded in simulations; not for secrets."""

    def service(self, contract: type[S]) -> S:
        """The provider of a contract that the manifest `requires`. Raises `NotDeclared`."""

    def services(self, contract: type[S]) -> tuple[S, ...]:
        """All providers of a declared contract, highest rank first."""

    def wanted(self, contract: type[S]) -> Wanted[S]:
        """A handle on a contract that the manifest `wants`: there now, later, or never."""

    def provide(self, contract: type[S], provider: S, *, rank: int = 0) -> None:
        """Offer a service that the manifest `provides`. Raises `ServiceMismatch`, `NotDeclared`."""

    def subscribe(
        self, event: type[E], handler: Callable[[E], None] | Callable[[E], Awaitable[None]]
    ) -> None:
        """Call `handler` for every later event of exactly this type; it may be sync or async."""

    def publish(self, event: object) -> None:
        """Hand an event to its subscribers; returns at once."""

    def implement(self, *implementations: object) -> None:
        """Register hook implementations: functions or objects with methods marked `implements`."""

    def hook(self, spec: Callable[..., Any]) -> HookCaller:
        """The caller of a hook: ``answers = await ctx.hook(contribute_ui)()``."""

    def spawn(self, function: Callable[..., Awaitable[Any]], *args: Any, name: str = "") -> None:
        """Run a task for as long as the plugin runs; when it raises, the plugin has failed."""

    def now(self) -> int:
        """Microseconds since 1970 UTC; virtual in simulations."""
