"""The lock: which content of which distribution each plugin of an app must have.

A lock is a TOML file made by `tulou lock`, meant to be kept under version control::

    compositions = ["office.toml"]
    [distributions.tulou-im]
    version = "0.1.0"
    sha256 = "..."
    [plugins.im]
    distribution = "tulou-im"

The hash is over the files that the distribution's RECORD lists; what differs between two proper
installations of one wheel (byte code, scripts, the installer's notes) is left out. For an editable
installation it is over the files of its import packages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from typing import Any, NamedTuple

from tulou.composition import Composition
from tulou.discovery import Installed, installed
from tulou.errors import LockMismatch
from tulou.toml import parse

FILE_NAME = "tulou.lock"
_HOST = "tulou"
_VOLATILE = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}


class Pin(NamedTuple):
    """One distribution as it was when the lock was made."""

    version: str
    sha256: str
    editable: bool = False


class Lock(NamedTuple):
    """`plugins`: the distribution of each plugin; `pins`: by distribution."""

    compositions: tuple[str, ...]
    plugins: dict[str, str]
    pins: dict[str, Pin]


def make(compositions: Iterable[Composition]) -> Lock:
    """Pin what is installed now. Raises `LockMismatch` for plugins that are not installed."""
    known = installed().plugins
    names: list[str] = []
    plugins: dict[str, str] = {}
    targets: dict[str, list[str]] = {_HOST: ["tulou", "tulou_contracts"]}
    absent = []
    for composition in compositions:
        names.append(composition.source.name if composition.source else composition.name)
        for name in sorted(parts(composition, known)):
            entry = known.get(name)
            if entry is None:
                absent.append(f"plugin {name!r} of {names[-1]} is not installed, so it cannot be pinned;"
                              " install it, or set enabled = false in the composition")
            elif name not in plugins:
                plugins[name] = entry.distribution
                targets.setdefault(entry.distribution, []).append(_package(entry))
    if absent:
        raise LockMismatch("\n".join(absent))
    pins = {each: pin(each, packages) for each, packages in sorted(targets.items())}
    return Lock(tuple(names), plugins, pins)


def parts(composition: Composition, known: Iterable[str] = ()) -> set[str]:
    """Names of the plugins that the composition runs."""
    named = {name for name, settings in composition.plugins.items() if settings.enabled}
    return named | (set(known) - composition.plugins.keys() if composition.discover_all else set())


def find(which: str, composition: Composition) -> Path | None:
    """The lock that counts for a composition when none is named: beside its file.

    For a shipped composition: the one in this folder, if it was made for that composition.
    """
    if composition.source is not None and (which.endswith(".toml") or "/" in which or "\\" in which):
        beside = composition.source.with_name(FILE_NAME)
        return beside if beside.is_file() else None
    here = Path(FILE_NAME)
    if here.is_file() and f"{which}.toml" in read(here).compositions:
        return here
    return None


def verify(path: Path, composition: Composition) -> None:
    """Raises `LockMismatch` with a sentence for everything that is not as pinned."""
    faults = mismatches(read(path), composition, str(path))
    if faults:
        raise LockMismatch("\n".join(faults))


def mismatches(lock: Lock, composition: Composition, where: str) -> list[str]:
    """A sentence for each plugin or distribution of the composition that is not as pinned."""
    known = installed().plugins
    faults = []
    packages: dict[str, list[str]] = {_HOST: ["tulou", "tulou_contracts"]}
    for name in sorted(parts(composition, known)):
        entry, pinned = known.get(name), lock.plugins.get(name)
        if pinned is None:
            made_for = ", ".join(lock.compositions)
            faults.append(f"{where}: plugin {name!r} is not pinned (the lock was made for {made_for});"
                          " `tulou lock` pins it")
        elif entry is None:
            faults.append(f"{where}: plugin {name!r} is pinned to {pinned} {lock.pins[pinned].version},"
                          " but it is not installed; install that version")
        elif entry.distribution != pinned:
            faults.append(f"{where}: plugin {name!r} is pinned to {pinned}, but {entry.distribution}"
                          f" {entry.version} installs it; uninstall that, or lock anew")
        else:
            packages.setdefault(pinned, []).append(_package(entry))
    for distribution, names in sorted(packages.items()):
        faults.extend(_compare(where, distribution, lock.pins.get(distribution), names))
    return faults


def _compare(where: str, distribution: str, pinned: Pin | None, packages: list[str]) -> Iterator[str]:
    if pinned is None:
        yield f"{where}: {distribution} is not pinned; `tulou lock` pins it"
        return
    now = pin(distribution, packages)
    if now.version != pinned.version:
        yield (f"{where}: {distribution} is pinned to {pinned.version}, but {now.version} is installed;"
               " install the pinned version, or run `tulou lock` to accept this one")
    elif now.editable != pinned.editable:
        kinds = ["an editable installation", "a regular one"]
        was, there = kinds if pinned.editable else kinds[::-1]
        yield (f"{where}: {distribution} is pinned as {was}, but {there} is there; install it the other"
               " way, or run `tulou lock` to accept this one")
    elif now.sha256 != pinned.sha256:
        yield (f"{where}: {distribution} {now.version} has other files than were pinned; reinstall it,"
               " or run `tulou lock` if the change is wanted")


def pin(distribution: str, packages: Iterable[str]) -> Pin:
    """What is installed of a distribution now; `packages` are its import packages."""
    try:
        found = Distribution.from_name(distribution)
    except PackageNotFoundError:
        return Pin("nothing", "")
    editable = _is_editable(found)
    files = {} if editable else _recorded(found)
    if not files:
        files = _sources({*packages, *(found.read_text("top_level.txt") or "").split()})
    return Pin(found.version, _digest(files), editable)


def _is_editable(distribution: Distribution) -> bool:
    import json

    text = distribution.read_text("direct_url.json")
    try:
        return bool(text and json.loads(text).get("dir_info", {}).get("editable"))
    except ValueError:
        return False


def _recorded(distribution: Distribution) -> dict[str, Path]:
    """Relative name -> path of what RECORD lists and two installations have in common."""
    return {
        each.as_posix(): Path(str(distribution.locate_file(each)))
        for each in distribution.files or ()
        if ".." not in each.parts and "__pycache__" not in each.parts and each.suffix != ".pyc"
        and not (each.parts[0].endswith(".dist-info") and each.name in _VOLATILE)
    }


def _sources(packages: Iterable[str]) -> dict[str, Path]:
    from importlib.util import find_spec

    files: dict[str, Path] = {}
    for package in sorted(packages):
        try:
            spec = find_spec(package)
        except (ImportError, ValueError):
            continue
        if spec is None:
            continue
        for folder in map(Path, spec.submodule_search_locations or ()):
            files |= {f"{package}/{path.relative_to(folder).as_posix()}": path
                      for path in folder.rglob("*")
                      if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.parts}
        if spec.submodule_search_locations is None and spec.origin:
            files[package] = Path(spec.origin)
    return files


def _digest(files: dict[str, Path]) -> str:
    """Names and contents, each with its length before it, so that nothing can shift."""
    total = hashlib.sha256()
    for name, path in sorted(files.items()):
        try:
            content = hashlib.sha256(path.read_bytes()).digest()
        except OSError:
            content = b"missing"
        for part in (name.encode(), content):
            total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()


def _package(entry: Installed) -> str:
    return entry.target.partition(":")[0].partition(".")[0]


def read(path: Path) -> Lock:
    """Raises `LockMismatch` when the file is no lock."""
    try:
        table: dict[str, Any] = parse(path.read_text("utf-8"))
        pins = {name: Pin(each["version"], each["sha256"], each.get("editable", False))
                for name, each in table["distributions"].items()}
        plugins = {name: each["distribution"] for name, each in table["plugins"].items()}
        for name, distribution in plugins.items():
            pins[distribution].version.upper()
        return Lock(tuple(table["compositions"]), plugins, pins)
    except OSError as error:
        raise LockMismatch(f"the lock {path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise LockMismatch(f"{path}: not a TOML file: {error}; make it anew with `tulou lock`") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise LockMismatch(f"{path}: not a lock of ours ({error!s} is missing or wrong); make it anew"
                           " with `tulou lock`") from error


def write(path: Path, lock: Lock) -> None:
    """Whole or not at all. Raises `LockMismatch` when it cannot be written."""
    lines = ["# Made by `tulou lock`; `tulou run` refuses to start when something else is installed.",
             f"compositions = [{', '.join(map(_quoted, lock.compositions))}]"]
    for name, each in sorted(lock.pins.items()):
        lines += ["", f"[distributions.{_quoted(name)}]", f"version = {_quoted(each.version)}",
                  f"sha256 = {_quoted(each.sha256)}", *(["editable = true"] if each.editable else [])]
    for name, distribution in sorted(lock.plugins.items()):
        lines += ["", f"[plugins.{_quoted(name)}]", f"distribution = {_quoted(distribution)}"]
    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.write_text("\n".join(lines) + "\n", "utf-8")
        temporary.replace(path)
    except OSError as error:
        raise LockMismatch(f"the lock {path} cannot be written: {error.strerror or error}") from error


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are a subset of TOML's."""
    import json

    return json.dumps(text, ensure_ascii=False)
