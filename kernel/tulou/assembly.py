"""From a composition to units: load manifests, check settings, resolve; every fault in words."""

from __future__ import annotations

from collections.abc import Iterable

from tulou.composition import Composition, PluginSettings
from tulou.discovery import Discovery
from tulou.errors import ManifestError
from tulou.plugin import Plugin, contract_of
from tulou.resolution import Candidate, Plan, resolve
from tulou.states import State, Step
from tulou.unit import Unit, load_target


class Assembly:
    """A composition turned into units."""

    def __init__(self) -> None:
        self.units: dict[str, Unit] = {}
        self.order: tuple[str, ...] = ()
        self.missing: dict[str, str] = {}
        """Asked for, but not installed or broken: name -> why."""
        self.faults: list[str] = []
        """Settings that are wrong; these keep the app from starting."""


def assemble(
    composition: Composition, given: Iterable[Plugin], discovery: Discovery
) -> Assembly:
    """Make the units of a composition. `given` manifests come before installed ones."""
    assembly = Assembly()
    manifests = {each.name: each for each in given}
    wanted = dict(composition.plugins)
    if composition.discover_all:
        for name in (*manifests, *discovery.plugins):
            wanted.setdefault(name, PluginSettings())
    for name, settings in wanted.items():
        manifest = manifests.get(name) or _installed(name, discovery, assembly)
        if manifest is not None:
            unit = Unit(manifest, settings, essential=name in composition.essential)
            unit.config = _settings(unit, assembly)
            assembly.units[name] = unit
    for name in sorted(composition.essential - wanted.keys()):
        assembly.faults.append(f"{composition.source or 'composition'}: essential plugin {name!r} is"
                               f" not part of it; add [plugins.{name}]")
    plan(assembly, discovery)
    return assembly


def plan(assembly: Assembly, discovery: Discovery) -> Plan:
    """(Re)compute order, dependencies and rejections of all units that are not disabled."""
    enabled = {name: unit for name, unit in assembly.units.items() if unit.settings.enabled}
    candidates = [Candidate(unit.manifest, unit.settings.priority) for unit in enabled.values()]
    result = resolve(candidates)
    if result.rejected:
        outside = _available(assembly.units, discovery)
        result = resolve(candidates, outside, _disabled(assembly.units))
    assembly.order = result.order
    for unit in assembly.units.values():
        unit.dependents = set()
        unit.order = None
    for place, name in enumerate(result.order):
        unit = enabled[name]
        unit.order = place
        unit.depends = result.depends[name]
        unit.needs = tuple(
            tuple(each for each in result.providers[contract_of(r)] if each in result.depends[name])
            for r in unit.manifest.requires
        )
    for name in result.order:
        for other in enabled[name].depends:
            enabled[other].dependents.add(name)
    for name, reason in result.rejected.items():
        if not enabled[name].live and enabled[name].state is not State.STOPPED:
            enabled[name].step(Step.REJECT, reason)
    return result


def _installed(name: str, discovery: Discovery, assembly: Assembly) -> Plugin | None:
    entry = discovery.plugins.get(name)
    if entry is None:
        from difflib import get_close_matches

        close = get_close_matches(name, discovery.plugins, 1)
        hint = f"did you mean {close[0]!r}?" if close else "install the distribution that has it"
        assembly.missing[name] = f"plugin {name!r} is not installed; {hint}"
        return None
    try:
        return entry.load()
    except ManifestError as error:
        assembly.missing[name] = str(error)
        return None


def _settings(unit: Unit, assembly: Assembly) -> object:
    """The config instance, or None with sentences in `assembly.faults`."""
    manifest, settings = unit.manifest, unit.settings
    where = f"{settings.source}: [plugins.{unit.name}.config]"
    unknown = set(settings.grants or ()) - set(manifest.grants)
    if unknown:
        assembly.faults.append(
            f"{settings.source}: [plugins.{unit.name}].grants: the plugin does not ask for"
            f" {', '.join(map(repr, sorted(unknown)))}; it asks for"
            f" {', '.join(map(repr, manifest.grants)) or 'nothing'}")
    if manifest.config is None:
        if settings.config:
            assembly.faults.append(f"{where}: plugin {unit.name!r} has no settings")
        return None
    from tulou.schema import bind

    try:
        config = manifest.config
        kind: type = load_target(config, unit.name) if isinstance(config, str) else config
    except ManifestError as error:
        assembly.missing[unit.name] = str(error)
        return None
    instance, faults = bind(kind, settings.config, where)
    assembly.faults.extend(faults)
    return instance


def _disabled(units: dict[str, Unit]) -> dict[type, str]:
    """Contracts that plugins provide which the composition has with ``enabled = false``."""
    return {contract: name for name, unit in sorted(units.items(), reverse=True)
            if not unit.settings.enabled for contract in unit.manifest.provides}


def _available(units: dict[str, Unit], discovery: Discovery) -> dict[type, str]:
    """Contracts that installed plugins outside the composition provide."""
    available: dict[type, str] = {}
    for name, entry in discovery.plugins.items():
        if name not in units:
            try:
                manifest = entry.load()
            except ManifestError:
                continue
            for contract in manifest.provides:
                available.setdefault(contract, name)
    return available
