"""From manifests to a plan: who can start, in which order, and why not.

Pure: manifests and settings in, a `Plan` out. Order is dependencies first, then level, priority,
name - total, so two starts of one composition are the same.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

from tulou.plugin import API_VERSION, Needs, Plugin, contract_name, contract_of


class Candidate:
    """A plugin that the composition wants to run."""

    __slots__ = ("manifest", "priority")

    def __init__(self, manifest: Plugin, priority: int = 0) -> None:
        self.manifest = manifest
        self.priority = priority


class Plan:
    """`order`: who can start, in order. `rejected`: who cannot, with one sentence each.

    `providers`: contract -> names; `depends`: name -> names that must be up before it.
    """

    def __init__(
        self, order: tuple[str, ...], rejected: Mapping[str, str],
        providers: Mapping[type, tuple[str, ...]], depends: Mapping[str, frozenset[str]],
    ) -> None:
        self.order = order
        self.rejected = rejected
        self.providers = providers
        self.depends = depends


def resolve(candidates: Iterable[Candidate], available: Mapping[type, str] | None = None,
            disabled: Mapping[type, str] | None = None) -> Plan:
    """Make the plan.

    `available` names installed plugins outside the composition by the contracts they provide, so
    that a missing provider can be told with what to add; `disabled` those that the composition has
    and does not let run.
    """
    pool = {each.manifest.name: each for each in candidates}
    rejected: dict[str, str] = {}
    for name, each in list(pool.items()):
        if not _in_range(API_VERSION, each.manifest.api):
            rejected[name] = (
                f"it is written for plugin API {each.manifest.api}, this kernel speaks {API_VERSION};"
                f" install a version of {name!r} for this API"
            )
            del pool[name]
    providers = _providers(pool)
    remedies = {contract: f", which nobody in the composition provides; add [plugins.{name}]"
                for contract, name in (available or {}).items()}
    remedies |= {contract: f"; plugin {name!r} provides it, but it is disabled: enable it"
                 for contract, name in (disabled or {}).items()}
    _reject_unprovided(pool, providers, rejected, remedies)
    depends = {
        name: frozenset(
            provider for requirement in each.manifest.requires
            for provider in providers.get(contract_of(requirement), ()) if provider in pool
        )
        for name, each in pool.items()
    }
    order = _sorted(pool, depends)
    if len(order) < len(pool):
        _reject_cycles(pool, depends, set(pool) - set(order), rejected)
    return Plan(tuple(order), rejected, providers, depends)


def _providers(pool: Mapping[str, Candidate]) -> dict[type, tuple[str, ...]]:
    providers: dict[type, tuple[str, ...]] = {}
    for name in sorted(pool):
        for contract in pool[name].manifest.provides:
            providers[contract] = (*providers.get(contract, ()), name)
    return providers


def _reject_unprovided(
    pool: dict[str, Candidate], providers: dict[type, tuple[str, ...]],
    rejected: dict[str, str], remedies: Mapping[type, str],
) -> None:
    """Take out whoever requires what nobody can provide, and in turn whoever relied on them."""
    consumers: dict[type, list[str]] = {}
    for name, each in pool.items():
        for requirement in each.manifest.requires:
            consumers.setdefault(contract_of(requirement), []).append(name)
    doubtful = sorted(pool, reverse=True)
    while doubtful:
        name = doubtful.pop()
        if name not in pool:
            continue
        reason = _unprovided(pool[name].manifest, pool, providers, rejected, remedies)
        if reason:
            gone = pool.pop(name)
            rejected[name] = reason
            for contract in gone.manifest.provides:
                doubtful.extend(consumers.get(contract, ()))


def _unprovided(
    manifest: Plugin, pool: Mapping[str, Candidate], providers: Mapping[type, tuple[str, ...]],
    rejected: Mapping[str, str], remedies: Mapping[type, str],
) -> str:
    for requirement in manifest.requires:
        contract = contract_of(requirement)
        named = [name for name in providers.get(contract, ()) if name != manifest.name]
        present = [name for name in named if name in pool]
        if isinstance(requirement, Needs):
            fitting = [n for n in present if _in_range(pool[n].manifest.version, requirement.versions)]
            if present and not fitting:
                found = ", ".join(f"{n} {pool[n].manifest.version}" for n in present)
                return (
                    f"it requires {contract_name(contract)} {requirement.versions}, but the composition"
                    f" has {found}; install a version in that range"
                )
            present = fitting
        if not present:
            return _nobody(contract, named, rejected, remedies)
    return ""


def _nobody(
    contract: type, named: list[str], rejected: Mapping[str, str], remedies: Mapping[type, str]
) -> str:
    what = f"it requires {contract_name(contract)}"
    if named:
        return f"{what}, which {named[0]!r} provides, but that cannot start: {rejected[named[0]]}"
    if contract in remedies:
        return what + remedies[contract]
    return f"{what}, which no installed plugin provides; install one that does"


def _sorted(pool: Mapping[str, Candidate], depends: Mapping[str, frozenset[str]]) -> list[str]:
    """Kahn's algorithm with a heap: among those that are free, level, priority and name decide."""
    waiting = {name: len(needed) for name, needed in depends.items()}
    dependents: dict[str, list[str]] = {}
    for name, needed in depends.items():
        for other in needed:
            dependents.setdefault(other, []).append(name)

    def turn(name: str) -> tuple[int, int, str]:
        return (pool[name].manifest.level, -pool[name].priority, name)

    free = [turn(name) for name, count in waiting.items() if count == 0]
    heapq.heapify(free)
    order = []
    while free:
        name = heapq.heappop(free)[2]
        order.append(name)
        for other in dependents.get(name, ()):
            waiting[other] -= 1
            if waiting[other] == 0:
                heapq.heappush(free, turn(other))
    return order


def _reject_cycles(
    pool: dict[str, Candidate], depends: Mapping[str, frozenset[str]], left: set[str],
    rejected: dict[str, str],
) -> None:
    """One sentence for everybody in or behind a cycle; the cycle itself is spelled out."""
    import graphlib

    while left:
        sorter = graphlib.TopologicalSorter({name: depends[name] & left for name in sorted(left)})
        try:
            sorter.prepare()
        except graphlib.CycleError as error:
            cycle = list(reversed(error.args[1]))
            text = " -> ".join(cycle)
            for name in cycle[1:]:
                rejected[name] = (
                    f"it is in a cycle of requirements: {text}; let one of them use `wants` instead"
                )
                left.discard(name)
        else:
            for name in sorted(left):
                behind = sorted(depends[name] - pool.keys() | depends[name] & rejected.keys())
                named = ", ".join(map(repr, behind)) or "a plugin in a cycle"
                rejected[name] = f"it requires {named}, which cannot start"
            left.clear()


def _in_range(version: str, versions: str) -> bool:
    """Whether a version lies in a PEP 440 range. The common case costs no import of packaging."""
    if versions == ">=1,<2":
        return version.startswith("1.") or version == "1"
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion

    try:
        return SpecifierSet(versions).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return False
