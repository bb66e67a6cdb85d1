"""The composition: one TOML file that says which plugins make the app, and how they are set.

::

    include = ["office"]                # a shipped composition by name, or a file beside this one
    device = "pc"                       # pc, pad or phone
    essential = ["store", "net"]        # without these the app does not start
    discover = "listed"                 # "all" also runs every other installed plugin

    [plugins.im]                        # naming a plugin makes it part of the app
    enabled = true
    priority = 10                       # higher starts earlier, within its level
    grants = ["messages.read"]          # leave out: all that its manifest asks for
    [plugins.im.config]
    in_flight = 8
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from tulou.cache import Kept
from tulou.discovery import installed
from tulou.errors import CompositionError
from tulou.schema import convert
from tulou.toml import parse


class DeviceProfile(Enum):
    """What kind of device the app runs on."""

    PC = "pc"
    PAD = "pad"
    PHONE = "phone"


_NOTHING: Mapping[str, Any] = MappingProxyType({})


class PluginSettings(NamedTuple):
    """What a composition says of one plugin; `grants` None means all that the manifest asks for."""

    enabled: bool = True
    priority: int = 0
    grants: tuple[str, ...] | None = None
    config: Mapping[str, Any] = _NOTHING
    source: str = "the program"


class Composition(NamedTuple):
    """A checked composition, includes resolved."""

    name: str = "unnamed"
    device: DeviceProfile = DeviceProfile.PC
    essential: frozenset[str] = frozenset()
    discover_all: bool = False
    plugins: Mapping[str, PluginSettings] = _NOTHING
    source: Path | None = None

    @classmethod
    def load(cls, which: str | Path) -> Composition:
        """Read a composition by file path or by the name under which a distribution ships it.

        Raises `CompositionError` with everything that is wrong in it and in what it includes.
        """
        return load(which)

    @classmethod
    def of(cls, *names: str, **settings: Mapping[str, Any]) -> Composition:
        """A composition made in code: plugin names, and a config table by plugin name."""
        tables = {name: PluginSettings() for name in names}
        tables |= {name: PluginSettings(config=table) for name, table in settings.items()}
        return cls(plugins=tables)

    def with_plugin(self, name: str, **changes: Any) -> Composition:
        """The same composition with other settings for one plugin (added when it is not there)."""
        settings = self.plugins.get(name, PluginSettings())._replace(**changes)
        return self._replace(plugins={**self.plugins, name: settings})

    def with_config(self, name: str, **values: Any) -> Composition:
        """The same composition with some config values of one plugin set."""
        known = self.plugins.get(name, PluginSettings())
        return self.with_plugin(name, config={**known.config, **values})

    def without(self, *names: str) -> Composition:
        """The same composition without some plugins."""
        left = {name: each for name, each in self.plugins.items() if name not in names}
        return self._replace(plugins=left, essential=self.essential - set(names))


def load(which: str | Path) -> Composition:
    """See `Composition.load`."""
    merged, problems = examine(which)
    if problems or merged is None:
        raise CompositionError(problems)
    return merged


def examine(which: str | Path) -> tuple[Composition | None, list[str]]:
    """What can be read of a composition, and a sentence for everything that is wrong in it."""
    problems: list[str] = []
    path = locate(which, None, problems)
    merged = _read(path, problems, ()) if path else None
    return merged, problems


def shipped() -> dict[str, Path]:
    """Compositions that installed distributions ship, by name."""
    from importlib.util import find_spec

    found: dict[str, Path] = {}
    for name, package in installed().compositions.items():
        with suppress(Exception):  # whose package is broken is told by discovery
            spec = find_spec(package)
            if spec is not None and spec.submodule_search_locations:
                found[name] = Path(next(iter(spec.submodule_search_locations))) / f"{name}.toml"
    return found


def locate(which: str | Path, base: Path | None, problems: list[str]) -> Path | None:
    """The file meant by a path or a shipped name; a sentence in `problems` when there is none."""
    text = str(which)
    if text.endswith(".toml") or "/" in text or "\\" in text:
        path = (base / text) if base else Path(text)
        if path.is_file():
            return path
        problems.append(f"there is no composition file {path}")
        return None
    from difflib import get_close_matches

    known = shipped()
    if text in known:
        return known[text]
    close = get_close_matches(text, known, 1)
    hint = f"did you mean {close[0]!r}?" if close else (
        f"installed ones are: {', '.join(sorted(known)) or 'none'}; a file needs its ending .toml")
    problems.append(f"there is no composition {text!r}; {hint}")
    return None


_TOP = {"include": list[str], "device": DeviceProfile, "essential": list[str], "discover": str,
        "plugins": dict[str, dict[str, Any]]}
_PLUGIN = {"enabled": bool, "priority": int, "grants": list[str], "config": dict}


def _read(path: Path, problems: list[str], trail: tuple[Path, ...]) -> Composition | None:
    resolved = path.resolve()
    if resolved in trail:
        problems.append(f"{path}: includes itself, by way of {' -> '.join(p.name for p in trail)}")
        return None
    try:
        table = _parsed(path)
    except ValueError as error:
        problems.append(f"{path}: not a TOML file: {error}")
        return None
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")
        return None
    top = _checked(table, _TOP, str(path), problems)
    composition = Composition()
    for name in top.get("include", ()):
        included = locate(name, path.parent, problems)
        below = _read(included, problems, (*trail, resolved)) if included else None
        if below is not None:
            composition = _merge(composition, below)
    return _laid_over(composition, path, top, problems)


def _parsed(path: Path) -> dict[str, Any]:
    """The file as tables. Kept between starts: importing tomllib alone costs five milliseconds."""
    status = path.stat()
    kept = Kept("composition", str(path.resolve()), (status.st_mtime_ns, status.st_size, status.st_ino))
    table: dict[str, Any] | None = kept.get()
    if table is None:
        table = parse(path.read_text("utf-8"))
        kept.put(table)
    return table


def _laid_over(
    below: Composition, path: Path, top: Mapping[str, Any], problems: list[str]
) -> Composition:
    """What a file says itself, over what it includes."""
    plugins = dict(below.plugins)
    for name, table in top.get("plugins", {}).items():
        values = _checked(table, _PLUGIN, f"{path}: [plugins.{name}]", problems)
        if "grants" in values:
            values["grants"] = tuple(values["grants"])
        known = plugins.get(name, PluginSettings())
        values["config"] = {**known.config, **values.get("config", {})}
        plugins[name] = known._replace(**values, source=str(path))
    if top.get("discover", "listed") not in ("listed", "all"):
        problems.append(f"{path}.discover: {top['discover']!r} should be 'listed' or 'all'")
    return Composition(
        name=path.stem, device=top.get("device", below.device),
        essential=below.essential | frozenset(top.get("essential", ())),
        discover_all=top["discover"] == "all" if "discover" in top else below.discover_all,
        plugins=plugins, source=path,
    )


def _merge(first: Composition, second: Composition) -> Composition:
    """Two includes of one file: the later wins, config tables are merged key by key."""
    plugins = dict(first.plugins)
    for name, settings in second.plugins.items():
        if name in plugins:
            settings = settings._replace(config={**plugins[name].config, **settings.config})
        plugins[name] = settings
    return second._replace(
        plugins=plugins, essential=first.essential | second.essential,
        discover_all=first.discover_all or second.discover_all,
    )


def _checked(
    table: Mapping[str, Any], schema: Mapping[str, Any], where: str, problems: list[str]
) -> dict[str, Any]:
    """The values that are right; a sentence for each that is not."""
    values = {}
    for key, value in table.items():
        if key not in schema:
            from difflib import get_close_matches

            close = get_close_matches(key, schema, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(schema)}"
            problems.append(f"{where}: unknown key {key!r}; {hint}")
            continue
        converted, faults = convert(value, schema[key], f"{where}.{key}")
        problems.extend(faults)
        if not faults:
            values[key] = converted
    return values
