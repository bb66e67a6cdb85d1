"""Which plugins are installed: entry points of the group ``tulou.plugins``.

Scanning every distribution costs hundreds of milliseconds, so the answer is kept in an index that
stays valid while no folder on `sys.path` changes. A scan loads every manifest through stevedore,
which keeps one broken distribution from hiding the others; who it is from is looked up beside it,
because stevedore's own cache forgets that.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tulou.cache import Kept
from tulou.errors import ManifestError
from tulou.failure import place
from tulou.plugin import Command, Plugin

if TYPE_CHECKING:
    from importlib.metadata import Distribution

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
        except (Exception, SystemExit) as error:
            raise ManifestError(self.broken_by(error)) from error
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

    def broken_by(self, error: BaseException) -> str:
        """The sentence for an import that raises: who, what, and at which line."""
        at = place(error, self.target.partition(":")[0].partition(".")[0])
        return (
            f"plugin {self.name!r} of {self.distribution} {self.version} is broken:"
            f" importing {self.target} raises {type(error).__name__}: {error}" + (f" ({at})" if at else "")
        )


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
    entries = list(_entries(GROUP))
    manifests, broken = _load_all(entries)
    commands = {target: manifest.commands for target, manifest in manifests.items()
                if isinstance(manifest, Plugin)}
    problems = [each.broken_by(broken[each.target]) for each in entries if each.target in broken]
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


def _load_all(entries: Iterable[Installed]) -> tuple[dict[str, object], dict[str, BaseException]]:
    """What loads, and why the rest does not, both by target.

    stevedore is handed the entry points: its own caches miss what is installed while the process
    runs, and lose the distribution. It also lets an AssertionError through, and a SystemExit.
    """
    from importlib.metadata import EntryPoint

    from stevedore.extension import ExtensionManager

    broken: dict[str, BaseException] = {}

    class Entry(EntryPoint):
        def load(self) -> Any:
            try:
                return super().load()
            except (AssertionError, SystemExit) as error:
                raise ImportError from error

    class Given(ExtensionManager[Any]):
        def list_entry_points(self) -> list[EntryPoint]:
            return [Entry(each.name, each.target, GROUP) for each in entries]

    def failed(_: Any, entry: Any, error: BaseException) -> None:
        cause = error.__cause__ if isinstance(error.__cause__, (AssertionError, SystemExit)) else error
        broken[entry.value] = cause

    manager = Given(GROUP, invoke_on_load=False, on_load_failure_callback=failed)
    return {each.entry_point.value: each.plugin for each in manager}, broken


def _entries(group: str) -> Iterable[Installed]:
    """Entry points with their distributions, sorted by `_standing`, each once.

    Of two distributions of one name the first on `sys.path` counts, as it does for imports.
    """
    from importlib.metadata import distributions

    seen: set[str] = set()
    found = set()
    for distribution in distributions():
        try:
            entries = [each for each in distribution.entry_points if each.group == group]
        except Exception:  # damaged records of whatever is installed here; `tulou doctor` names them
            continue
        if not entries:
            continue
        name, version = _called(distribution)
        key = _normalized(name)
        if name == _NAMELESS or key not in seen:
            seen.add(key)
            found |= {(each.name, each.value.replace(" ", ""), name, version) for each in entries}
    for entry_name, value, name, version in sorted(found, key=_standing):
        yield Installed(entry_name, value, name, version)


_NAMELESS = "a nameless distribution"


def _called(distribution: Distribution) -> tuple[str, str]:
    """Name and version, in words where the records do not have them or cannot be read."""
    try:
        return distribution.metadata["Name"] or _NAMELESS, distribution.version or "of unknown version"
    except Exception:  # whatever importlib.metadata makes of damaged records differs between its versions
        return _NAMELESS, "of unknown version"


def _standing(entry: tuple[str, ...]) -> tuple[object, ...]:
    """Of two that have one name, the distribution that is called like it comes before a stranger."""
    name, _, distribution, _ = entry
    own, called = _normalized(name), _normalized(distribution)
    return name, called != f"tulou-{own}", called != own, called, entry


def _normalized(name: str) -> str:
    """A distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def index_file() -> Path:
    """Where the index for this interpreter and `sys.path` is kept."""
    return _index().path


def _index() -> Kept:
    """Stale as soon as something was installed or removed, which changes a folder's time."""
    times = []
    for folder in sys.path:
        with suppress(OSError):
            times.append((folder, os.stat(folder or ".").st_mtime_ns))
    return Kept("plugins", sys.path, times)


def _remembered(entry: tuple[Any, ...]) -> Installed:
    """From the index: commands are objects again."""
    *values, commands = entry
    if not commands:
        return Installed._make(entry)
    return Installed._make((*values, tuple(Command(*each) for each in commands)))
