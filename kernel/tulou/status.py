"""What the kernel tells people and programs about its plugins."""

from __future__ import annotations

from typing import NamedTuple

from tulou.plugin import contract_name, contract_of
from tulou.states import State
from tulou.unit import Bill, Unit


class PluginStatus(NamedTuple):
    """A plugin as shown to people and programs."""

    name: str
    state: State
    reason: str
    summary: str
    version: str
    level: int
    order: int | None
    essential: bool
    requires: tuple[str, ...]
    provides: tuple[str, ...]
    grants: tuple[str, ...]
    faults: int
    restarts: int
    bill: Bill


def status_of(unit: Unit) -> PluginStatus:
    """A snapshot for people and programs."""
    manifest = unit.manifest
    return PluginStatus(
        name=unit.name, state=unit.state, reason=unit.reason, summary=manifest.summary,
        version=manifest.version, level=manifest.level, order=unit.order, essential=unit.essential,
        requires=tuple(contract_name(contract_of(each)) for each in manifest.requires),
        provides=tuple(contract_name(each) for each in manifest.provides),
        grants=tuple(sorted(unit.granted())), faults=unit.faults, restarts=len(unit.restarts),
        bill=unit.bill,
    )
