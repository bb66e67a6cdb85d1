"""`tulou check`: everything that is wrong with a composition, at once, without starting it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from tulou.assembly import Assembly, assemble
from tulou.cli.choose import add_composition, chosen
from tulou.cli.output import as_json
from tulou.composition import Composition, examine
from tulou.discovery import Discovery, refresh
from tulou.errors import LockMismatch, ManifestError
from tulou.lockfile import find, mismatches, read
from tulou.unit import load_target


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_composition(parser)
    parser.add_argument("--json", action="store_true", help="for programs")


def run(options: Namespace) -> int:
    """Exit status 1 when there is a problem."""
    which = chosen(options.composition)
    discovery = refresh()
    composition, problems = examine(which)
    starts = 0
    if composition is not None:
        assembly = assemble(composition, (), discovery)
        starts = len(assembly.order)
        problems += found_problems(composition, assembly, discovery)
        problems += _of_the_lock(which, composition)
    problems = list(dict.fromkeys(problems))
    if options.json:
        as_json({"composition": which, "problems": problems, "plugins": starts})
    elif problems:
        print("\n".join(problems))
    else:
        print(f"{which}: {starts} plugins, nothing wrong")
    return 1 if problems else 0


def found_problems(composition: Composition, assembly: Assembly, discovery: Discovery) -> Iterator[str]:
    """Settings, missing and broken plugins, those that cannot start, and code that does not import."""
    where = composition.source or composition.name
    yield from assembly.faults
    for name, reason in sorted(assembly.missing.items()):
        if name not in composition.plugins or composition.plugins[name].enabled:
            yield f"{where}: {reason}"
    for name, unit in sorted(assembly.units.items()):
        if not unit.settings.enabled:
            if unit.essential:
                yield f"{where}: plugin {name!r} is essential and has enabled = false; change one of the two"
        elif unit.order is None:
            yield f"{where}: plugin {name!r} cannot start: {unit.reason}"
        elif isinstance(unit.manifest.run, str):
            try:
                load_target(unit.manifest.run, name)
            except ManifestError as error:
                yield f"{where}: {error}"
    named = {*assembly.units, *assembly.missing}
    for problem in discovery.problems:
        if any(repr(name) in problem for name in named) and "two distributions" in problem:
            yield problem


def _of_the_lock(which: str, composition: Composition) -> list[str]:
    try:
        lock = find(which, composition)
        return mismatches(read(lock), composition, str(lock)) if lock else []
    except LockMismatch as error:
        return str(error).splitlines()
