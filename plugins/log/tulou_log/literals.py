"""The texts that stand in code: what may leave in a report, for it was written before anything happened."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from pathlib import Path
from types import CodeType

_MOST = 3000


class Literals:
    """Asks the code of a logger's package; remembers the answer."""

    def __init__(self) -> None:
        self._known: dict[str, frozenset[str]] = {}

    def of(self, logger: str) -> frozenset[str]:
        """Every text constant of the package behind a logger; empty when there is no such code."""
        package = package_of(logger)
        if package not in self._known:
            self._known[package] = frozenset(_texts(package))
        return self._known[package]


def package_of(logger: str) -> str:
    """The import package that logs under this name."""
    if logger.startswith("tulou.plugin."):
        name = logger.split(".")[2]
        from tulou.discovery import installed

        entry = installed().plugins.get(name)
        target = entry.target if entry is not None else f"tulou_{name.replace('-', '_')}"
        return target.partition(":")[0].partition(".")[0]
    return logger.partition(".")[0]


def _texts(package: str) -> Iterator[str]:
    if not package.isidentifier():
        return
    try:
        spec = find_spec(package)
    except (ImportError, ValueError, AttributeError):
        return
    if spec is None:
        return
    paths = [path for folder in spec.submodule_search_locations or () for path in Path(folder).rglob("*.py")]
    if not paths and spec.origin and spec.origin.endswith(".py"):
        paths = [Path(spec.origin)]
    for path in paths[:_MOST]:
        try:
            code = SourceFileLoader("", str(path)).get_code("")
        except (ImportError, SyntaxError, ValueError, OSError, EOFError, TypeError):
            continue
        if code is not None:
            yield from _constants(code)


def _constants(code: CodeType) -> Iterator[str]:
    waiting = list(code.co_consts)
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, CodeType):
            waiting += each.co_consts
        elif isinstance(each, (tuple, frozenset)):
            waiting += each
