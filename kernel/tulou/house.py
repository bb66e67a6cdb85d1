"""What all plugins of one kernel share: registries, clock, profile. Owned by the kernel."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

from tulou.composition import Composition
from tulou.events import EventBus
from tulou.hooks import HookRegistry
from tulou.services import ServiceRegistry
from tulou.states import Step
from tulou.unit import Unit

log = logging.getLogger("tulou.kernel")


class House(NamedTuple):
    """The courtyard: every room opens onto it."""

    composition: Composition
    profile: Path
    units: dict[str, Unit]
    services: ServiceRegistry
    events: EventBus
    hooks: HookRegistry
    random: Random
    now: Callable[[], int]

    def plugin_task_failed(self, unit: Unit, error: Exception) -> None:
        """A task spawned by a plugin raised: the plugin has failed."""
        unit.request_stop(Step.FAIL, error)


def make_house(
    composition: Composition, profile: Path, units: dict[str, Unit],
    rng: Random, now: Callable[[], int],
) -> House:
    """Wire the registries together."""

    def report(plugin: str, doing: str, error: BaseException) -> None:
        unit = units.get(plugin)
        if unit is not None:
            unit.faults += 1
        log.error("plugin %r failed in %s: %s: %s", plugin, doing, type(error).__name__, error,
                  exc_info=error)

    def order(plugin: str) -> int:
        unit = units.get(plugin)
        return -1 if unit is None or unit.order is None else unit.order

    return House(composition, profile, units, ServiceRegistry(), EventBus(report),
                 HookRegistry(report, order), rng, now)
