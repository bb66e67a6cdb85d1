"""The build's check: every event that a package tracks is one that it, or another package, declares.

Calls are read from the source, for they need not run to be wrong; declarations are constants of modules
(an `EventSpec`, or a tuple or list of them), which are imported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from tulou_contracts.tracking import EventSpec, Field, TrackingError
from tulou_tracking.rows import Row
from tulou_tracking.table import fault_of


class NoPackage(TrackingError):
    """A package that is to be checked cannot be found, or a module of it not be read."""


class Call(NamedTuple):
    """One call of `track`; `name` is None where it is no literal."""

    place: str
    name: str | None
    fields: Mapping[str, object]
    """Field -> the literal it is given, or `...` where that is known only when it runs."""
    spread: bool
    """It has a `**fields`, so that nobody can read what is passed."""


def check(packages: Iterable[str], *, also: Iterable[str] = ()) -> list[str]:
    """A sentence for everything that is wrong in `packages`; `also` only declare.

    Raises `NoPackage`.
    """
    packages = list(packages)
    table, problems = declarations([*packages, *also])
    for package in packages:
        for path in sources(package):
            for call in calls(path):
                fault = _fault(call, table)
                if fault:
                    problems.append(f"{call.place}: {fault}")
    return problems


def declarations(packages: Iterable[str]) -> tuple[dict[str, EventSpec], list[str]]:
    """Every event that constants of the packages' modules declare, and what is wrong with them."""
    table: dict[str, EventSpec] = {}
    problems = []
    for package in packages:
        for module in _declaring(package):
            for spec in _constants(module):
                fault = fault_of(spec)
                if not fault and table.get(spec.name, spec) != spec:
                    fault = f"{spec.name!r} is declared twice, and not alike"
                if fault:
                    problems.append(f"{module}: {fault}")
                else:
                    table[spec.name] = spec
    return table, problems


def sources(package: str) -> list[Path]:
    """The Python files of an installed package or module. Raises `NoPackage`."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError) as error:
        raise NoPackage(f"the package {package!r} cannot be found: {error}") from error
    if spec is None:
        raise NoPackage(f"there is no package {package!r}; is it installed, and is that its import name?")
    if spec.submodule_search_locations:
        folders = map(Path, spec.submodule_search_locations)
        return sorted(path for folder in folders for path in folder.rglob("*.py"))
    if not spec.has_location or not spec.origin:
        raise NoPackage(f"the package {package!r} is a part of Python itself, without a source to be read")
    return [Path(spec.origin)]


def calls(path: Path) -> Iterator[Call]:
    """Every call of a method `track` whose first argument is a text; where a file imports the contract,
    also those whose first argument is none."""
    tree = _parsed(path)
    ours = any(isinstance(node, ast.ImportFrom) and node.module == "tulou_contracts.tracking"
               for node in ast.walk(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr != "track" or not (node.args or ours):
            continue
        first = node.args[0] if node.args else None
        name = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
        if name is not None or ours:
            fields = {each.arg: _literal(each.value) for each in node.keywords if each.arg is not None}
            spread = len(node.args) > 1 or any(each.arg is None for each in node.keywords)
            yield Call(f"{path}:{node.lineno}", name, fields, spread)


def _fault(call: Call, table: Mapping[str, EventSpec]) -> str:
    if call.name is None:
        return "the name of the event is no literal, so that nobody can check it; write it out"
    spec = table.get(call.name)
    if spec is None:
        return f"the event {call.name!r} is not declared; add an EventSpec to a constant of a module"
    if call.spread:
        return f"the fields of {call.name!r} are not all keywords, so that nobody can check them"
    known = {field.name: field for field in spec.fields}
    fault = Row(spec).fault({name: _example(known.get(name)) if value is ... else value  # type: ignore[misc]
                             for name, value in call.fields.items()})
    return f"the event {call.name!r} does not fit the table: {fault}" if fault else ""


def _example(field: Field | None) -> object:
    """A value that fits, in the place of one that is known only when it runs."""
    if field is None or field.choices:
        return field.choices[0] if field else ""
    return {"text": "", "integer": 0, "number": 0.0, "boolean": False}[field.type.value]


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ...


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text("utf-8"), str(path))
    except (SyntaxError, UnicodeDecodeError, OSError) as error:
        raise NoPackage(f"{path} cannot be read: {error}") from error


def _declaring(package: str) -> Iterator[str]:
    """Names of the modules that mention `EventSpec(`."""
    for path in sources(package):
        if any(isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", ""))
               == "EventSpec" for node in ast.walk(_parsed(path))):
            yield _module_of(package, path)


def _module_of(package: str, path: Path) -> str:
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if path.is_relative_to(folder):
            parts = [*package.split("."), *path.relative_to(folder).with_suffix("").parts]
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return package


def _constants(name: str) -> Iterator[EventSpec]:
    try:
        module = import_module(name)
    except Exception as error:  # whatever the import of somebody's module raises, the check says so
        raise NoPackage(f"the module {name!r} cannot be imported: {error!r}") from error
    for value in vars(module).values():
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(each, EventSpec):
                yield each
