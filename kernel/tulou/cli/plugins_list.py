"""`tulou plugins list`: installed plugins and those of a composition; always a fresh scan."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from tulou.cli.choose import add_composition
from tulou.cli.output import as_json, as_table
from tulou.cli.survey import Survey, survey


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_composition(parser)
    parser.add_argument("--json", action="store_true", help="for programs")


def run(options: Namespace) -> int:
    """Print the list."""
    seen = survey(options.composition)
    if options.json:
        as_json({
            "composition": seen.composition.name if seen.composition else None,
            "source": seen.composition.source if seen.composition else None,
            "plugins": [each._asdict() for each in seen.entries()],
            "problems": seen.problems,
        })
    else:
        _print(seen)
    return 0


def _print(seen: Survey) -> None:
    entries = seen.entries()
    if seen.composition is not None:
        print(f"composition {seen.composition.name} ({seen.composition.source})\n")
    if entries:
        as_table(("PLUGIN", "STATE", "DISTRIBUTION", "SUMMARY OR REASON"), (
            (each.name, each.state, f"{each.distribution} {each.version}".strip() or "-",
             each.summary if each.state in ("starts", "installed") else each.reason)
            for each in entries))
    else:
        print("no plugins are installed")
    told = {each.reason for each in entries}
    problems = [problem for problem in seen.problems if problem not in told]
    if problems:
        print("\nproblems:")
        for problem in problems:
            print(f"  - {problem}")
