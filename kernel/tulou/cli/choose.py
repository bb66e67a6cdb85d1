"""What the command line says of composition, profile and settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tulou.cli import Usage
from tulou.composition import Composition
from tulou.errors import CompositionError
from tulou.toml import parse

if TYPE_CHECKING:
    from argparse import ArgumentParser

DEFAULT_FILE = "tulou.toml"


def add_composition(parser: ArgumentParser, *, option: bool = False) -> None:
    """The argument (or option) that names a composition."""
    words = ["-c", "--composition"] if option else ["composition"]
    more: dict[str, Any] = {} if option else {"nargs": "?"}
    parser.add_argument(
        *words, **more, metavar="COMPOSITION",
        help=f"a file ending in .toml, or the name of a shipped one; left out: ./{DEFAULT_FILE}")


def chosen(which: str | None) -> str:
    """The composition meant. Raises `CompositionError` when none is named and none lies here."""
    found = chosen_or_none(which)
    if found is not None:
        return found
    from tulou.composition import shipped

    names = ", ".join(sorted(shipped())) or "none"
    raise CompositionError([
        f"which composition? There is no {DEFAULT_FILE} in this folder; name a file, or one of the"
        f" installed ones ({names})"])


def chosen_or_none(which: str | None) -> str | None:
    """As `chosen`; None when there is none."""
    return which or (DEFAULT_FILE if Path(DEFAULT_FILE).is_file() else None)


def is_file(which: str) -> bool:
    """Whether a composition is named by its file, not by the name it is shipped under."""
    return which.endswith(".toml") or "/" in which or "\\" in which


def with_settings(composition: Composition, settings: Sequence[str]) -> Composition:
    """Apply ``--set plugin.key=value``; a value is TOML, and what is no TOML is a text.

    Raises `CompositionError` with a sentence for each that cannot be.
    """
    problems = []
    for each in settings:
        name, key, value = _taken_apart(each)
        known = composition.plugins.get(name)
        if known is None:
            problems.append(f"--set {each}: {_no_such_plugin(name, composition)}")
            continue
        source = known.source if known.source.endswith("--set") else f"{known.source} and --set"
        table = _with_value(known.config, key.split("."), value)
        composition = composition.with_plugin(name, config=table, source=source)
    if problems:
        raise CompositionError(problems)
    return composition


def _taken_apart(setting: str) -> tuple[str, str, Any]:
    path, equals, text = setting.partition("=")
    name, dot, key = path.strip().partition(".")
    if not (equals and dot and name and all(key.split("."))):
        raise Usage(f"--set {setting}: write it as plugin.key=value, e.g. --set greeter.text=hello")
    return name, key, _value(text.strip())


def _value(text: str) -> Any:
    try:
        table = parse(f"value = {text}")
    except ValueError:
        return text
    return table["value"] if len(table) == 1 else text


def _with_value(table: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    first, *rest = path
    if rest:
        inner = table.get(first, {})
        value = _with_value(inner if isinstance(inner, Mapping) else {}, rest, value)
    return {**table, first: value}


def _no_such_plugin(name: str, composition: Composition) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, composition.plugins, 1)
    hint = f"did you mean {close[0]!r}?" if close else (
        f"it has {', '.join(sorted(composition.plugins)) or 'no plugins'}")
    return f"the composition {composition.name!r} has no plugin {name!r}; {hint}"


def default_profile(which: str) -> Path:
    """Where a composition keeps its data when nobody says where.

    A shipped composition has one folder by its name; one from a file has a folder of its own for
    each place of the file.
    """
    if not is_file(which):
        return data_folder() / which
    from hashlib import blake2b

    path = Path(which).resolve()
    return data_folder() / f"{path.stem}-{blake2b(os.fsencode(path), digest_size=4).hexdigest()}"


def data_folder() -> Path:
    """The folder of all profiles: TULOU_DATA, or where the system keeps such data."""
    told = os.environ.get("TULOU_DATA")
    if told:
        return Path(told)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "tulou"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "tulou"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "tulou"
