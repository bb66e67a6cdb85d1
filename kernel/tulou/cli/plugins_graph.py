"""`tulou plugins graph`: who requires whom, as a text tree or in Graphviz's language."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import NamedTuple

from tulou.cli.choose import add_composition
from tulou.cli.output import as_json, drawable
from tulou.cli.survey import Survey, place, survey
from tulou.plugin import Level, contract_name


class Edge(NamedTuple):
    """`consumer` asks for `contract`, which `provider` has (None: nobody)."""

    consumer: str
    contract: str
    provider: str | None
    required: bool


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_composition(parser)
    parser.add_argument("--dot", action="store_true", help="for Graphviz, e.g. `... --dot | dot -Tsvg`")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(options: Namespace) -> int:
    """Print the graph."""
    seen = survey(options.composition, needed=True)
    if options.json:
        as_json({"plugins": [each._asdict() for each in seen.entries() if each.state != "not in it"],
                 "edges": [edge._asdict() for edge in edges(seen)]})
    elif options.dot:
        print("\n".join(dot(seen)))
    else:
        print("\n".join(tree(seen)))
    return 0


def edges(seen: Survey) -> list[Edge]:
    """All of the composition, requirements and wishes."""
    found = []
    for unit in sorted(seen.assembly.units.values(), key=place):
        if not unit.settings.enabled:
            continue
        for contract, providers in seen.requirements(unit.manifest):
            found += [Edge(unit.name, contract, each, True) for each in providers]
            if not providers:
                found.append(Edge(unit.name, contract, None, True))
        for wanted in unit.manifest.wants:
            found += [Edge(unit.name, contract_name(wanted), each, False)
                      for each in seen.providers(wanted) if each != unit.name]
    return found


def tree(seen: Survey) -> list[str]:
    """From those that nobody requires down to what they rest on; what was drawn is not drawn again."""
    branch, last, bar = (("├─ ", "└─ ", "│  ") if drawable("├─└│", "") else ("|- ", "`- ", "|  "))
    below: dict[str, list[str]] = {}
    for edge in edges(seen):
        if edge.required:
            name = edge.provider or f"! {edge.contract}: nobody provides it"
            if name not in below.setdefault(edge.consumer, []):
                below[edge.consumer].append(name)
    entries = {each.name: each for each in seen.entries() if each.state != "not in it"}
    required = {name for names in below.values() for name in names}
    lines, drawn = [], set()
    # those in a cycle are required by each other: they come as roots when nothing led to them
    for root in sorted(entries, key=lambda name: (name in required, name)):
        if root in required and root in drawn:
            continue
        stack = [(root, "", "")]
        while stack:
            name, lead, joint = stack.pop()
            children = below.get(name, [])
            again = name in drawn and bool(children)
            entry = entries.get(name)
            note = "" if entry is None or entry.state == "starts" else f"  [{entry.state}]"
            lines.append(f"{lead}{joint}{name}{note}{'  (see above)' if again else ''}")
            if again:
                continue
            drawn.add(name)
            inner = lead + ({branch: bar, last: "   "}.get(joint, ""))
            for index in range(len(children) - 1, -1, -1):
                stack.append((children[index], inner, last if index == len(children) - 1 else branch))
    return lines


def dot(seen: Survey) -> list[str]:
    """Wishes are dashed; what cannot start is red; a box a level."""
    lines = ["digraph tulou {", "  rankdir=LR; node [shape=box];"]
    for level in Level:
        lines.append(f"  subgraph cluster_{level.name.lower()} {{ label={_quoted(level.name.lower())};")
        for unit in sorted(seen.assembly.units.values(), key=place):
            if _level(unit.manifest.level) is level:
                bad = "" if unit.order is not None else " [color=red]"
                lines.append(f"    {_quoted(unit.name)}{bad};")
        lines.append("  }")
    for name in sorted(seen.assembly.missing):
        lines.append(f"  {_quoted(name)} [color=red, style=dotted];")
    for edge in edges(seen):
        style = "" if edge.required else ", style=dashed"
        target = edge.provider if edge.provider is not None else f"nobody: {edge.contract}"
        label = edge.contract.rpartition(".")[2]
        lines.append(f"  {_quoted(edge.consumer)} -> {_quoted(target)} [label={_quoted(label)}{style}];")
    return [*lines, "}"]


def _level(number: int) -> Level:
    """The named level at or below a number."""
    return max((each for each in Level if each <= number), default=Level.BASE)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
