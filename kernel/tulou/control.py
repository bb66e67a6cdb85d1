"""The kernel's own service: what became of the plugins, and changing that while the app runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from tulou.grants import needs_grant

if TYPE_CHECKING:
    from tulou.status import PluginStatus


class PluginControl(Protocol):
    """Provided by the kernel itself; a plugin that shows or manages plugins `wants` it.

    A plugin must not wait in here for its own end: let a person's request be handled by a task of
    another plugin, or do not await the answer.
    """

    def status(self) -> Sequence[PluginStatus]:
        """Every plugin of the composition, in start order; those that cannot start come last."""

    def missing(self) -> Mapping[str, str]:
        """Plugins that the composition names and that are not installed, or broken: name -> why."""

    @needs_grant("plugins.manage")
    async def enable(self, name: str) -> None:
        """Start a plugin that was disabled or has failed, or one installed meanwhile."""

    @needs_grant("plugins.manage")
    async def disable(self, name: str) -> None:
        """Stop a plugin after everybody who requires it."""

    @needs_grant("plugins.manage")
    async def reload(self, name: str) -> None:
        """Stop a plugin, import its code anew, and start it again."""
