"""What all plugins of one kernel share: registries, clock, profile. Owned by the kernel."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from random import Random

from tulou.composition import Composition
from tulou.events import EventBus
from tulou.hooks import HookRegistry
from tulou.services import ServiceRegistry
from tulou.states import Step
from tulou.unit import Unit

log = logging.getLogger("tulou.kernel")


class House:
    """The courtyard: every room opens onto it."""

    def __init__(
        self, composition: Composition, profile: Path, units: dict[str, Unit],
        rng: Random, now: Callable[[], int],
    ) -> None:
        self.composition = composition
        self.profile = profile
        self.units = units
        self.random = rng
        self.now = now
        self.services = ServiceRegistry()
        self.events = EventBus(self.report)
        self.hooks = HookRegistry(self.report, self._order)

    def report(self, plugin: str, doing: str, error: BaseException) -> None:
        """A handler or hook implementation of a plugin failed; it is named and counted."""
        unit = self.units.get(plugin)
        if unit is not None:
            unit.faults += 1
        log.error("plugin %r failed in %s: %s: %s", plugin, doing, type(error).__name__, error,
                  exc_info=error)

    def plugin_task_failed(self, unit: Unit, error: BaseException) -> None:
        """A task spawned by a plugin raised: the plugin has failed."""
        unit.request_stop(Step.FAIL, error)

    def _order(self, plugin: str) -> int:
        unit = self.units.get(plugin)
        return -1 if unit is None or unit.order is None else unit.order
