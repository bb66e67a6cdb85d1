"""`tulou doctor`: examine this installation; knows no plugin by name."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distributions
from pathlib import Path
from typing import NamedTuple

from tulou import discovery
from tulou.cli.choose import data_folder
from tulou.cli.output import as_json, as_table

_LITTLE_SPACE = 200_000_000
"""Bytes free on the profile's disk below which a warning is due."""


class Finding(NamedTuple):
    """`verdict`: 'ok', 'warning' or 'fault'."""

    subject: str
    verdict: str
    text: str


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--profile", metavar="DIR", type=Path, help="examine this profile folder too")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(options: Namespace) -> int:
    """Exit status 1 when there is a fault; warnings do not count."""
    findings = list(examine(options.profile))
    if options.json:
        as_json([each._asdict() for each in findings])
    else:
        as_table(("", "SUBJECT", "FINDING"), (
            ("" if each.verdict == "ok" else each.verdict, each.subject, each.text) for each in findings))
    return 1 if any(each.verdict == "fault" for each in findings) else 0


def examine(profile: Path | None = None) -> Iterator[Finding]:
    """All findings. An examination that fails itself is a finding, not a crash."""
    examinations: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("python", _python), ("distributions", _requirements), ("index", _index),
        ("plugins", _plugins), ("folders", lambda: _folders(profile)), ("loopback", _loopback),
    ]
    for subject, look in examinations:
        try:
            yield from look()
        except Exception as error:
            yield Finding(subject, "fault", f"could not be examined: {type(error).__name__}: {error}")


def _python() -> Iterator[Finding]:
    good = sys.version_info >= (3, 11)
    yield Finding("python", "ok" if good else "fault",
                  f"{platform.python_implementation()} {platform.python_version()} on {platform.platform()}"
                  + ("" if good else "; 3.11 or later is needed"))
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8":
        yield Finding("encoding", "warning", f"file names are {encoding}; set PYTHONUTF8=1")


def _requirements() -> Iterator[Finding]:
    """What our own distribution and those of plugins require, and what is there."""
    names = ["tulou", *sorted({each.distribution for each in discovery.scan().plugins.values()})]
    for name in names:
        try:
            found = Distribution.from_name(name)
        except PackageNotFoundError:
            yield Finding(name, "warning", "runs from source without being installed: pip install -e . there")
            continue
        lacking = list(_unmet(found))
        for text in lacking:
            yield Finding(name, "fault", text)
        if not lacking:
            yield Finding(name, "ok", f"{found.version}, with all that it requires")


def _unmet(distribution: Distribution) -> Iterator[str]:
    from packaging.requirements import InvalidRequirement, Requirement

    for text in distribution.requires or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            yield f"{distribution.version} has a requirement that cannot be read: {text!r}; reinstall it"
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = Distribution.from_name(requirement.name).version
        except PackageNotFoundError:
            yield f"{distribution.version} requires {requirement}, which is not installed; install it"
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield (f"{distribution.version} requires {requirement}, but {version} is installed;"
                   " install a version in that range")


def _index() -> Iterator[Finding]:
    path, state = discovery.index_file(), discovery.index_state()
    text = {"valid": "valid", "stale": "stale: the next start scans anew",
            "absent": "not there yet: the next start scans"}[state]
    yield Finding("plugin index", "ok", f"{path}: {text}")
    trouble = _not_writable(path.parent)
    if trouble:
        yield Finding("plugin index", "warning",
                      f"{trouble}; every start scans all distributions; set TULOU_CACHE to another folder")


def _plugins() -> Iterator[Finding]:
    """Broken and duplicate plugins, and distributions whose records are damaged."""
    found = discovery.scan()
    problems = list(found.problems)
    for each in found.plugins.values():
        try:
            each.load()
        except Exception as error:
            problems.append(str(error))
    yield Finding("plugins", "ok", f"{len(found.plugins)} installed: "
                  f"{', '.join(sorted(found.plugins)) or 'none'}")
    for problem in dict.fromkeys(problems):
        yield Finding("plugins", "fault", problem)
    yield from _records()


def _records() -> Iterator[Finding]:
    """Metadata folders without a name, and two installations of one distribution."""
    seen: dict[str, tuple[str, str]] = {}
    for distribution in distributions():
        folder = str(getattr(distribution, "_path", "?"))
        name = distribution.metadata["Name"] if distribution.metadata else None
        if not name:
            yield Finding("distributions", "warning",
                          f"{folder} has no name in its metadata; remove the folder or reinstall it")
            continue
        version, other = seen.setdefault(
            name.lower().replace("_", "-"), (distribution.version, folder))
        # building an editable installation leaves an .egg-info of the same version beside the source
        by_product = folder.endswith(".egg-info") and version == distribution.version
        if other != folder and not by_product and _ours(distribution):
            yield Finding("distributions", "warning",
                          f"{name} is there twice: {other} is used, {folder} is not; uninstall one")


def _ours(distribution: Distribution) -> bool:
    groups = {each.group for each in distribution.entry_points}
    return distribution.metadata["Name"] == "tulou" or bool(
        groups & {discovery.GROUP, discovery.COMPOSITIONS})


def _folders(profile: Path | None) -> Iterator[Finding]:
    for subject, folder in (("profiles", data_folder()), ("profile", profile)):
        if folder is None:
            continue
        trouble = _not_writable(folder)
        if trouble:
            yield Finding(subject, "fault", f"{trouble}; name another folder with --profile or TULOU_DATA")
            continue
        free = shutil.disk_usage(_existing(folder)).free
        few = free < _LITTLE_SPACE
        yield Finding(subject, "warning" if few else "ok",
                      f"{folder}: writable, {free // 1_000_000} MB free" + ("; make room" if few else ""))


def _existing(folder: Path) -> Path:
    """The folder, or the closest one above it that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _not_writable(folder: Path) -> str:
    """Why nothing can be kept in a folder, which need not exist yet; empty when something can."""
    place = _existing(folder)
    if not place.is_dir():
        return f"{folder} cannot be a folder: {place} is a file"
    try:
        with tempfile.TemporaryFile(dir=place):
            return ""
    except OSError as error:
        return f"{place} cannot be written: {error.strerror or error}"


def _loopback() -> Iterator[Finding]:
    """A free port on 127.0.0.1, and a connection to it: what every page of an app needs."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port), timeout=3) as near:
                far, _ = server.accept()
                with far:
                    near.sendall(b"x")
                    far.settimeout(3)
                    good = far.recv(1) == b"x"
        yield Finding("loopback", "ok" if good else "fault", f"127.0.0.1 port {port} answers" if good else
                      "127.0.0.1 takes connections but loses bytes; look at the firewall")
    except OSError as error:
        yield Finding("loopback", "fault", f"127.0.0.1 cannot be used: {error.strerror or error};"
                      " look at the firewall or the container's network")
    try:
        addresses = {each[4][0] for each in socket.getaddrinfo("localhost", None)}
        if not addresses <= {"127.0.0.1", "::1"}:
            yield Finding("loopback", "warning", f"localhost means {', '.join(map(str, sorted(addresses)))};"
                          " look at the hosts file")
    except OSError as error:
        yield Finding("loopback", "warning", f"localhost has no address: {error.strerror or error};"
                      " look at the hosts file")
    names = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
    proxy = next((name for name in names if os.environ.get(name)), "")
    exempt = os.environ.get("no_proxy", "") + os.environ.get("NO_PROXY", "")
    if proxy and "127.0.0.1" not in exempt and "*" not in exempt:
        yield Finding("loopback", "warning", f"{proxy} is set and no_proxy does not name 127.0.0.1: a"
                      " browser may send the app's own pages to the proxy; add it to no_proxy")
