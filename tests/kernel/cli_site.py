"""A place to install made-up distributions into, cheaply: folders written by hand, no pip."""

from __future__ import annotations

import base64
import hashlib
import importlib
import logging
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from typing import NamedTuple

import pytest
import tulou
from packaging.requirements import Requirement
from tulou.cli import main

CONTRACTS = """
    from typing import Protocol

    class Water(Protocol):
        "Flows."

    class Fire(Protocol):
        "Burns."

    class Wood(Protocol):
        "Grows."
"""


class Ended(NamedTuple):
    """A command that has run."""

    status: int
    out: str
    err: str


class Site:
    """A folder on `sys.path` with what a test installs; the real environment's plugins are not seen."""

    def __init__(self, tmp_path: Path, libraries: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = tmp_path / "site"
        self.work = tmp_path / "work"
        self.folder.mkdir()
        self.work.mkdir()
        kernel = Path(tulou.__file__).parents[1]
        self.path = [str(self.folder), str(libraries), str(kernel)]
        self.environment = {
            **os.environ, "PYTHONPATH": os.pathsep.join(self.path), "TULOU_CACHE": str(tmp_path / "cache"),
            "TULOU_DATA": str(tmp_path / "data"), "PYTHONIOENCODING": "utf-8",
            # an installer compiles what it installs; here the first import would, and age the index
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._capsys = capsys
        self.write("elements.py", CONTRACTS)

    def write(self, path: str, text: str) -> Path:
        """A file of the site."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(textwrap.dedent(text), "utf-8")
        importlib.invalidate_caches()
        return place

    def distribution(
        self, name: str, version: str = "1.0", *, plugins: Mapping[str, str] | None = None,
        compositions: Mapping[str, str] | None = None, requires: Sequence[str] = (),
        files: Sequence[str] = (),
    ) -> Path:
        """The records of a distribution; `files` are those it owns."""
        info = f"{name.replace('-', '_')}-{version}.dist-info"
        needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
        self.write(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        groups = {"tulou.plugins": plugins, "tulou.compositions": compositions}
        self.write(f"{info}/entry_points.txt", "\n".join(
            f"[{group}]\n" + "\n".join(f"{key} = {value}" for key, value in entries.items())
            for group, entries in groups.items() if entries))
        lines = [self._recorded(each) for each in (*files, f"{info}/METADATA", f"{info}/entry_points.txt")]
        self.write(f"{info}/RECORD", "\n".join([*lines, f"{info}/RECORD,,"]) + "\n")
        return self.folder / info

    def _recorded(self, name: str) -> str:
        content = (self.folder / name).read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(content)}"

    def plugin(
        self, name: str, manifest: str = "", *, start: str = "pass", stop: str = "pass", config: str = "",
        version: str = "1.0", extra: Mapping[str, str] | None = None, **records: Sequence[str],
    ) -> Path:
        """A whole plugin in a distribution ``tulou-NAME``: manifest arguments, and lines of its `run`."""
        package = f"tulou_{name.replace('-', '_')}"
        files = {
            "__init__.py": f"""
                from elements import *
                from tulou import Command, Level, Needs, Plugin, Restart
                plugin = Plugin(name={name!r}, run="{package}.service:run", {manifest})
            """,
            "service.py": f"""
                import os, sys, time
                from contextlib import asynccontextmanager
                import trio
                from elements import *

                @asynccontextmanager
                async def run(ctx):
                    {start}
                    yield
                    {stop}
            """,
            **(extra or {}),
        }
        if config:
            files["config.py"] = config
        for file, text in files.items():
            self.write(f"{package}/{file}", text)
        return self.distribution(f"tulou-{name}", version, plugins={name: f"{package}:plugin"},
                                 files=[f"{package}/{file}" for file in files], **records)

    def composition(self, text: str, name: str = "tulou.toml") -> Path:
        """A composition file in the working folder."""
        place = self.work / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(textwrap.dedent(text), "utf-8")
        return place

    def main(self, *arguments: str | Path) -> Ended:
        """The command in this process."""
        self._capsys.readouterr()
        status = main([str(each) for each in arguments])
        out, err = self._capsys.readouterr()
        return Ended(status, out, err)

    def command(self, *arguments: str | Path) -> Ended:
        """The command in a process of its own."""
        done = subprocess.run(self._line(arguments), cwd=self.work, env=self.environment,
                              capture_output=True, text=True, timeout=60)
        return Ended(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """The command in a process that goes on."""
        return subprocess.Popen(self._line(arguments), cwd=self.work, env=self.environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def _line(self, arguments: Sequence[str | Path]) -> list[str]:
        # -S and -P: neither site-packages nor the working folder, only PYTHONPATH and the library
        return [sys.executable, "-S", "-P", "-m", "tulou", *map(str, arguments)]


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Links to what the distribution `tulou` requires, and nothing else of the real environment."""
    folder = tmp_path_factory.mktemp("libraries")
    waiting, seen = ["tulou"], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = Distribution.from_name(name)
        except PackageNotFoundError:
            continue
        tops = {each.parts[0] for each in found.files or ()} - {"..", "__pycache__"}
        for top in tops:
            link = folder / top
            if not link.exists():
                link.symlink_to(Path(str(found.locate_file(top))))
        requirements = map(Requirement, found.requires or ())
        waiting += [each.name for each in requirements
                    if each.marker is None or each.marker.evaluate({"extra": ""})]
    return folder


@pytest.fixture
def site(
    tmp_path: Path, libraries: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> Iterator[Site]:
    """An installation of the test's own, also for this process."""
    made = Site(tmp_path, libraries, capsys)
    for name in ("TULOU_CACHE", "TULOU_DATA"):
        monkeypatch.setenv(name, made.environment[name])
    library = [each for each in sys.path if each.startswith(sys.base_prefix)]
    monkeypatch.setattr(sys, "path", [*made.path, *library])
    monkeypatch.chdir(made.work)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield made
    root.setLevel(level)
    root.handlers[:] = handlers
    for name in set(sys.modules) - before:
        origin = getattr(sys.modules[name], "__file__", None) or ""
        if origin.startswith(str(made.folder)):
            del sys.modules[name]
    importlib.invalidate_caches()
