"""What is installed and what a composition makes of it, looked at now and not started."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tulou.assembly import Assembly, assemble
from tulou.cli.choose import chosen_or_none
from tulou.composition import Composition
from tulou.discovery import Discovery, Installed, refresh
from tulou.errors import ManifestError
from tulou.plugin import Needs, Plugin, contract_name, contract_of
from tulou.unit import Unit


class Entry(NamedTuple):
    """A plugin for a list. `state`: 'starts', 'cannot start', 'disabled', 'not installed', 'broken',
    'not in it' (the composition), or plain 'installed' where no composition is looked at."""

    name: str
    state: str
    reason: str
    order: int | None
    essential: bool
    distribution: str
    version: str
    target: str
    summary: str
    commands: tuple[str, ...]


class Survey(NamedTuple):
    """`broken`: why a manifest cannot be loaded, by plugin."""

    discovery: Discovery
    composition: Composition | None
    assembly: Assembly
    broken: dict[str, str]
    manifests: dict[str, Plugin]

    @property
    def problems(self) -> list[str]:
        """Everything that is wrong with the installation and the settings, each told once."""
        return list(dict.fromkeys(
            [*self.discovery.problems, *self.broken.values(), *self.assembly.faults]))

    def entries(self) -> list[Entry]:
        """In start order; what does not start comes last."""
        names = {*self.discovery.plugins, *self.assembly.units, *self.assembly.missing}
        entries = [self.entry(name) for name in names]
        return sorted(entries, key=lambda each: (each.order is None, each.order or 0, each.name))

    def entry(self, name: str) -> Entry:
        """One plugin, installed or only named."""
        installed = self.discovery.plugins.get(name, Installed(name, "", "", ""))
        unit, manifest = self.assembly.units.get(name), self.manifests.get(name)
        state, reason = self._state(name, unit)
        return Entry(
            name, state, reason, unit.order if unit else None, unit.essential if unit else False,
            installed.distribution, installed.version, installed.target,
            manifest.summary if manifest else "", tuple(each.name for each in installed.commands))

    def _state(self, name: str, unit: Unit | None) -> tuple[str, str]:
        if name in self.broken:
            return "broken", self.broken[name]
        if name in self.assembly.missing:
            known = name in self.discovery.plugins
            return ("broken" if known else "not installed"), self.assembly.missing[name]
        if self.composition is None:
            return "installed", ""
        if unit is None:
            return "not in it", (f"the composition {self.composition.name!r} does not name it; add"
                                 f" [plugins.{name}]")
        if not unit.settings.enabled:
            return "disabled", f"{unit.settings.source} says enabled = false"
        return ("starts", "") if unit.order is not None else ("cannot start", unit.reason)

    def providers(self, contract: type) -> list[str]:
        """Enabled plugins of the composition whose manifests provide a contract, in start order."""
        found = [unit for unit in self.assembly.units.values()
                 if unit.settings.enabled and contract in unit.manifest.provides]
        return [unit.name for unit in sorted(found, key=place)]

    def requirements(self, manifest: Plugin) -> Iterator[tuple[str, list[str]]]:
        """Each required contract by name (with its version range), and who could provide it."""
        for each in manifest.requires:
            versions = f" {each.versions}" if isinstance(each, Needs) else ""
            others = [name for name in self.providers(contract_of(each)) if name != manifest.name]
            yield contract_name(contract_of(each)) + versions, others


def place(unit: Unit) -> tuple[bool, int, str]:
    """Sorts units by start order, then by name."""
    return unit.order is None, unit.order or 0, unit.name


def survey(which: str | None, *, needed: bool = False) -> Survey:
    """Scan, load all manifests, and put a composition together.

    Without a composition (none named, none in this folder) only the installation is looked at,
    unless one is `needed`. Raises `CompositionError`.
    """
    from tulou.cli.choose import chosen

    discovery = refresh()
    name = chosen(which) if needed else chosen_or_none(which)
    composition = Composition.load(name) if name else None
    manifests, broken = {}, {}
    for plugin, entry in discovery.plugins.items():
        try:
            manifests[plugin] = entry.load()
        except ManifestError as error:
            broken[plugin] = str(error)
    assembly = assemble(composition, (), discovery) if composition else Assembly()
    return Survey(discovery, composition, assembly, broken, manifests)
