"""Which plugins are installed: entry points of the group ``tulou.plugins``.

Scanning every distribution costs hundreds of milliseconds, so the answer is kept in an index that
stays valid while no folder on `sys.path` changes. A scan loads every manifest through stevedore,
which keeps one broken distribution from hiding the others; who it is from is looked up beside it,
because stevedore's own cache forgets that.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from tulou.cache import Kept
from tulou.errors import ManifestError
from tulou.plugin import Command, Plugin

GROUP = "tulou.plugins"
COMPOSITIONS = "tulou.compositions"
"""Entry-point group of shipped compositions: name = package that holds the file ``NAME.toml``."""


class Installed(NamedTuple):
    """One entry point: the plugin's name, where its manifest is, and which distribution has it.

    `commands` are the manifest's, kept so that the command line can list them without imports.
    """

    name: str
    target: str
    distribution: str
    version: str
    commands: tuple[Command, ...] = ()

    def load(self) -> Plugin:
        """Import the manifest. Raises `ManifestError` naming the distribution, whatever went wrong."""
        module, _, attribute = self.target.partition(":")
        try:
            manifest = getattr(import_module(module), attribute)
        except Exception as error:
            raise ManifestError(
                f"plugin {self.name!r} of {self.distribution} {self.version} is broken:"
                f" importing {self.target} raises {type(error).__name__}: {error}"
            ) from error
        if not isinstance(manifest, Plugin):
            raise ManifestError(
                f"plugin {self.name!r} of {self.distribution} {self.version}: {self.target} is"
                f" {type(manifest).__name__}, not a tulou.Plugin"
            )
        if manifest.name != self.name:
            raise ManifestError(
                f"{self.distribution} {self.version} registers {self.name!r}, but the manifest at"
                f" {self.target} is called {manifest.name!r}: make the two names equal"
            )
        return manifest


class Discovery(NamedTuple):
    """The result: one entry a name, and a sentence for everything that is wrong.

    `compositions`: the package that ships a composition, by the composition's name.
    """

    plugins: dict[str, Installed]
    problems: tuple[str, ...] = ()
    compositions: dict[str, str] = {}


def installed() -> Discovery:
    """Installed plugins by the cached index; a scan only when the index is stale."""
    kept = _index().get()
    if kept is None:
        return refresh()
    plugins, problems, compositions = kept
    return Discovery({name: _remembered(entry) for name, entry in plugins.items()}, problems, compositions)


def refresh() -> Discovery:
    """Scan now, and keep the answer for the next start."""
    index = _index()
    found = scan()
    entries = {name: (*each[:-1], tuple(map(tuple, each.commands))) for name, each in found.plugins.items()}
    index.put((entries, found.problems, found.compositions))
    return found


def index_state() -> str:
    """'valid', 'stale' or 'absent': what the next start finds at `index_file`."""
    index = _index()
    return "valid" if index.get() is not None else "stale" if index.path.exists() else "absent"


def scan() -> Discovery:
    """Look at every distribution now, loading each manifest once."""
    from stevedore.extension import ExtensionManager

    entries = list(_entries(GROUP))
    broken: dict[str, str] = {}

    def failed(_: Any, entry: Any, error: BaseException) -> None:
        broken[entry.value] = f"{type(error).__name__}: {error}"

    manager = ExtensionManager(GROUP, invoke_on_load=False, on_load_failure_callback=failed)
    commands = {each.entry_point.value.replace(" ", ""): each.plugin.commands
                for each in manager if isinstance(each.plugin, Plugin)}
    problems = [
        f"plugin {each.name!r} of {each.distribution} {each.version} is broken:"
        f" importing {each.target} raises {broken[each.target]}"
        for each in entries if each.target in broken
    ]
    plugins: dict[str, Installed] = {}
    for each in entries:
        whole = each._replace(commands=commands.get(each.target, ()))
        first = plugins.setdefault(each.name, whole)
        if first is not whole:
            problems.append(
                f"two distributions install a plugin {each.name!r}: {first.distribution}"
                f" {first.version} ({first.target}) and {each.distribution} {each.version}"
                f" ({each.target}); the first is used - uninstall one of them"
            )
    compositions: dict[str, Installed] = {}
    for each in _entries(COMPOSITIONS):
        first = compositions.setdefault(each.name, each)
        if first is not each:
            problems.append(
                f"two distributions ship a composition {each.name!r}: {first.distribution}"
                f" {first.version} and {each.distribution} {each.version}; the first is used -"
                " uninstall one of them, or name a file instead"
            )
    return Discovery(plugins, tuple(problems), {name: each.target for name, each in compositions.items()})


def _entries(group: str) -> Iterable[Installed]:
    """Entry points with their distributions, sorted, each once."""
    from importlib.metadata import distributions

    seen = set()
    for distribution in distributions():
        for entry in distribution.entry_points:
            if entry.group == group:
                name = distribution.metadata["Name"] or "a nameless distribution"
                seen.add((entry.name, entry.value.replace(" ", ""), name, distribution.version))
    for name, value, distribution_name, version in sorted(seen):
        yield Installed(name, value, distribution_name, version)


def index_file() -> Path:
    """Where the index for this interpreter and `sys.path` is kept."""
    return _index().path


def _index() -> Kept:
    """Stale as soon as something was installed or removed, which changes a folder's time."""
    times = []
    for place in sys.path:
        with suppress(OSError):
            times.append((place, os.stat(place or ".").st_mtime_ns))
    return Kept("plugins", sys.path, times)


def _remembered(entry: tuple[Any, ...]) -> Installed:
    """From the index: commands are objects again."""
    *values, commands = entry
    return Installed._make((*values, tuple(Command(*each) for each in commands)))
