"""`tulou lock`: pin the plugins of a composition."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tulou.assembly import assemble
from tulou.cli.check import found_problems
from tulou.cli.choose import chosen, is_file
from tulou.cli.output import as_json
from tulou.composition import Composition
from tulou.discovery import refresh
from tulou.errors import CompositionError
from tulou.lockfile import FILE_NAME, make, write


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("compositions", nargs="*", metavar="COMPOSITION",
                        help="files or shipped names; one lock may serve several")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path,
                        help=f"where to write; left out: {FILE_NAME} beside the first composition's file,"
                        " or in this folder for a shipped one")
    parser.add_argument("--json", action="store_true", help="print what was pinned as JSON")


def run(options: Namespace) -> int:
    """Write the lock."""
    names = options.compositions or [chosen(None)]
    discovery = refresh()
    compositions = [Composition.load(name) for name in names]
    lock = make(compositions)
    problems = [problem for each in compositions
                for problem in found_problems(each, assemble(each, (), discovery), discovery)]
    if problems:
        raise CompositionError(problems)    # it would pin what never starts
    first = Path(names[0])
    path = options.output or (first.with_name(FILE_NAME) if is_file(names[0]) else Path(FILE_NAME))
    write(path, lock)
    if options.json:
        as_json({"file": str(path), "compositions": lock.compositions, "plugins": lock.plugins,
                 "distributions": {name: each._asdict() for name, each in lock.pins.items()}})
    else:
        print(f"{path}: {len(lock.plugins)} plugins from {len(lock.pins)} distributions pinned")
    return 0
