"""`tulou routes`: where the addresses of an app lead, as a list, a table or a graph.

Routes are registered by running code, so the app is started once, on a temporary profile.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tulou_contracts.routing import SCHEME, RouteStatus


def main(arguments: list[str]) -> int:
    """Print; the exit status."""
    import trio

    from tulou import Composition
    from tulou.errors import TulouError
    from tulou.flow import leaves

    options = _parser().parse_args(arguments)
    try:
        composition = Composition.load(options.composition)
        if "shell" in composition.plugins:
            composition = composition.with_config("shell", announce="nothing")
        routes, problems = trio.run(_survey, composition)
    except BaseException as error:
        sentences = [str(each) for each in leaves(error) if isinstance(each, TulouError)]
        if not sentences:
            raise
        print("\n".join(sentences), file=sys.stderr)
        return 1
    print(FORMS[options.graph or ("table" if options.table else "list")](routes))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tulou routes", description="Where the addresses of an app lead.")
    parser.add_argument("composition", nargs="?", default="office", help="a name or a file (default: office)")
    parser.add_argument("--graph", nargs="?", const="dot", choices=("dot", "mermaid"),
                        help="for Graphviz, or as a Mermaid diagram")
    parser.add_argument("--table", action="store_true", help="as a table in Markdown")
    return parser


async def _survey(composition: object) -> tuple[Sequence[RouteStatus], Sequence[str]]:
    from tulou import Composition, Kernel
    from tulou.errors import TulouError
    from tulou_contracts.routing import Router

    assert isinstance(composition, Composition)
    if "router" not in composition.plugins:
        raise TulouError("This composition has no plugin 'router', so its addresses lead nowhere.")
    with tempfile.TemporaryDirectory() as folder:
        kernel = Kernel(composition, profile=Path(folder) / "profile")
        async with kernel.running():
            router = kernel.service(Router)
            await router.settled()  # type: ignore[attr-defined]  # no part of the contract
            return router.routes(), router.problems()


def as_list(routes: Sequence[RouteStatus]) -> str:
    """Lines for a terminal."""
    lines = []
    for each in routes:
        marks = [mark for mark, holds in (("exported", each.exported), ("pushed", each.pushed),
                                          ("not here", not each.available)) if holds]
        guards = f" [{', '.join(each.guards)}]" if each.guards else ""
        lines.append(f"{address(each):44} {each.leads_to or '-':28} {' '.join(marks)}{guards}".rstrip())
    return "\n".join(lines)


def as_table(routes: Sequence[RouteStatus]) -> str:
    """A table for documentation."""
    lines = ["| address | leads to | from outside | guards | of |", "| --- | --- | --- | --- | --- |"]
    for each in routes:
        lines.append(
            f"| `{address(each)}` | {each.leads_to or '-'} | {'yes' if each.exported else 'no'}"
            f" | {', '.join(each.guards) or '-'} | {each.owner or '-'} |"
        )
    return "\n".join(lines)


def as_dot(routes: Sequence[RouteStatus]) -> str:
    """For Graphviz: who from outside may come in, and what leads where."""
    lines = ["digraph routes {", "  rankdir=LR; node [shape=box, fontname=Helvetica];",
             '  outside [shape=ellipse]; inside [shape=ellipse];']
    for each in routes:
        source = "outside" if each.exported else "inside"
        style = "" if each.available else " [style=dashed]"
        lines.append(f"  {source} -> {_quoted(each.path)}{style};")
        if each.leads_to:
            lines.append(f"  {_quoted(each.path)} -> {_quoted(each.leads_to)};")
    return "\n".join([*lines, "}"])


def as_mermaid(routes: Sequence[RouteStatus]) -> str:
    """A Mermaid diagram."""
    lines = ["flowchart LR"]
    for number, each in enumerate(routes):
        source = "outside([outside])" if each.exported else "inside([inside])"
        arrow = "-->" if each.available else "-.->"
        label = each.path.replace('"', "'")
        lines.append(f'  {source} {arrow} r{number}["{label}"]')
        if each.leads_to:
            goal = each.leads_to.replace('"', "'")
            lines.append(f'  r{number} --> t{number}["{goal}"]')
    return "\n".join(lines)


def address(route: RouteStatus) -> str:
    """The address with its parameters, those of the query that are required too."""
    in_path = {each[1:-1] for each in route.path.split("/") if each.startswith("{")}
    query = [name for name, each in route.parameters.items()
             if name not in in_path and each.default is None and not each.optional]
    return f"{SCHEME}://{route.path}" + ("?" + "&".join(f"{name}=" for name in query) if query else "")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


FORMS = {"list": as_list, "table": as_table, "dot": as_dot, "mermaid": as_mermaid}
