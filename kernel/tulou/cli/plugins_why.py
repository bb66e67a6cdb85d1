"""`tulou plugins why NAME`: for started and not-started plugins alike, down to the first cause."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from difflib import get_close_matches
from typing import Any

from tulou.cli.choose import add_composition
from tulou.cli.output import as_json
from tulou.cli.survey import Survey, place, survey
from tulou.plugin import Level, contract_name, contract_of
from tulou.unit import Unit


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="the plugin")
    add_composition(parser)
    parser.add_argument("--start", action="store_true",
                        help="also start the app once, on a temporary profile, and tell what came of it")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(options: Namespace) -> int:
    """Print the answer; exit status 1 for a name that nobody knows."""
    seen = survey(options.composition)
    answer = explain(seen, options.name)
    if options.start and seen.composition is not None:
        answer["start"] = _outcome(seen, options.name)
    if options.json:
        as_json(answer)
    else:
        print("\n".join(_lines(answer)))
    return 1 if answer["state"] == "unknown" else 0


def explain(seen: Survey, name: str) -> dict[str, Any]:
    """Everything known about a plugin's place, as data."""
    entry, unit = seen.entry(name), seen.assembly.units.get(name)
    answer: dict[str, Any] = {
        "name": name, "state": entry.state, "reason": entry.reason,
        "distribution": entry.distribution, "version": entry.version, "summary": entry.summary,
        "problems": [each for each in seen.problems if repr(name) in each and each != entry.reason],
    }
    known = {*seen.discovery.plugins, *seen.assembly.units, *seen.assembly.missing}
    if name not in known:
        close = get_close_matches(name, known, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        return answer | {"state": "unknown", "reason": f"no plugin {name!r} is installed or named{hint}"}
    if unit is not None and seen.composition is not None:
        answer["named_by"] = (unit.settings.source if name in seen.composition.plugins
                              else f"{seen.composition.source} (discover = \"all\")")
        answer["essential"] = unit.essential
        answer |= _needs(seen, unit)
        if unit.order is not None:
            answer |= _place(seen, unit)
        elif unit.settings.enabled:
            answer["chain"] = chain(seen, unit)
    return answer


def _needs(seen: Survey, unit: Unit) -> dict[str, Any]:
    manifest = unit.manifest
    consumers: list[dict[str, str]] = []
    for other in sorted(seen.assembly.units.values(), key=place):
        if other is unit or not other.settings.enabled:
            continue
        for contract in manifest.provides:
            asked = {"requires": map(contract_of, other.manifest.requires), "wants": other.manifest.wants}
            consumers += [{"plugin": other.name, "verb": verb, "contract": contract_name(contract)}
                          for verb, contracts in asked.items() if contract in contracts]
    return {
        "level": int(manifest.level), "priority": unit.settings.priority,
        "requires": [{"contract": contract, "providers": names}
                     for contract, names in seen.requirements(manifest)],
        "wants": [{"contract": contract_name(each), "providers": seen.providers(each)}
                  for each in manifest.wants],
        "provides": [contract_name(each) for each in manifest.provides],
        "needed_by": consumers,
        "grants": sorted(unit.granted()),
        "refused_grants": sorted(set(manifest.grants) - unit.granted()),
    }


def _place(seen: Survey, unit: Unit) -> dict[str, Any]:
    order = seen.assembly.order
    at = order.index(unit.name)
    return {
        "place": at + 1, "of": len(order),
        "before": _compared(seen.assembly.units[order[at - 1]], unit) if at else "",
        "after": _compared(unit, seen.assembly.units[order[at + 1]]) if at + 1 < len(order) else "",
    }


def _compared(first: Unit, second: Unit) -> str:
    """Why `first` starts before `second`, its successor in the order."""
    lead = f"{first.name!r} comes before {second.name!r}: "
    if first.name in second.depends:
        return lead + f"{second.name!r} requires what it provides"
    ours, theirs = first.manifest.level, second.manifest.level
    if ours < theirs:
        return lead + f"its level is lower ({level_name(ours)} before {level_name(theirs)})"
    ours, theirs = first.settings.priority, second.settings.priority
    if first.manifest.level == second.manifest.level and ours > theirs:
        return lead + f"same level, higher priority ({ours} against {theirs})"
    if first.manifest.level == second.manifest.level and ours == theirs and first.name < second.name:
        return lead + "same level and priority, then the alphabet decides"
    # by level and priority it would come later, so the other one was not free earlier
    return lead + f"{second.name!r} had to wait for what it requires"


def level_name(level: int) -> str:
    """A level in words: its name, or the one below it and the distance."""
    named = max((each for each in Level if each <= level), default=None)
    if named is None:
        return str(level)
    return named.name if named == level else f"{named.name}+{level - named}"


def chain(seen: Survey, unit: Unit) -> list[dict[str, str]]:
    """From a plugin that cannot start to the first cause, one step each."""
    units = seen.assembly.units
    steps: list[dict[str, str]] = []
    visited = set()
    while unit.name not in visited:
        visited.add(unit.name)
        cause = _cause(seen, unit)
        reason = unit.reason
        if cause is not None and cause.reason and reason.endswith(cause.reason):
            reason = reason.removesuffix(cause.reason).rstrip(": ")
        steps.append({"plugin": unit.name, "reason": reason})
        if cause is None:
            break
        unit = units[cause.name]
    return steps


def _cause(seen: Survey, unit: Unit) -> Unit | None:
    """The provider that `unit` lacks because it cannot start itself; a cycle tells itself."""
    for _, providers in seen.requirements(unit.manifest):
        for name in providers:
            if repr(name) in unit.reason and seen.assembly.units[name].order is None:
                return seen.assembly.units[name]
    return None


def _outcome(seen: Survey, name: str) -> dict[str, str]:
    from tulou.cli.boot import boot_once

    assert seen.composition is not None
    booted = boot_once(seen.composition)
    for each in booted.plugins:
        if each.name == name:
            return {"state": each.state.value, "reason": each.reason}
    return {"state": "absent", "reason": booted.missing.get(name, "")}


def _lines(answer: dict[str, Any]) -> list[str]:
    name = answer["name"]
    if answer["state"] == "unknown":
        return [answer["reason"]]
    version = f" ({answer['distribution']} {answer['version']})" if answer["distribution"] else ""
    summary = f": {answer['summary']}" if answer["summary"] else ""
    lines = [f"{name}{version}{summary}"]
    if "place" in answer:
        lines.append(f"  starts as number {answer['place']} of {answer['of']}")
    elif "chain" in answer:
        lines.append("  cannot start:")
        lines += [f"    {each['plugin']}: {each['reason']}" for each in answer["chain"]]
    else:
        lines.append(f"  {answer['state']}" + (f": {answer['reason']}" if answer["reason"] else ""))
    if "named_by" in answer:
        essential = ", and it is essential: without it the app does not start" if answer["essential"] else ""
        lines.append(f"  it is part of the app: {answer['named_by']} names it{essential}")
        lines += _need_lines(answer)
    lines += [f"  problem: {each}" for each in answer["problems"]]
    if "start" in answer:
        outcome = answer["start"]
        lines.append(f"  started once: {outcome['state']}" +
                     (f": {outcome['reason']}" if outcome["reason"] else ""))
    return lines


def _need_lines(answer: dict[str, Any]) -> list[str]:
    lines = [f"  {each['plugin']} {each['verb']} it for {each['contract']}" for each in answer["needed_by"]]
    if not lines:
        lines = ["  no other plugin of the app asks for what it provides"]
    lines.append(f"  level {level_name(answer['level'])}, priority {answer['priority']}")
    for each in answer["requires"]:
        who = ", ".join(each["providers"]) or "nobody here"
        lines.append(f"  it requires {each['contract']} from {who}")
    for each in answer["wants"]:
        who = ", ".join(each["providers"]) or "nobody here, and does without"
        lines.append(f"  it wants {each['contract']} from {who}")
    lines += [f"  {answer[key]}" for key in ("before", "after") if answer.get(key)]
    if answer["refused_grants"]:
        lines.append(f"  the composition does not grant it {', '.join(answer['refused_grants'])}")
    return lines
