"""Wheels of the house's distributions, built as a release would: from clean copies, never in the
source tree, where what an earlier build left behind would slip in.
"""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "LICENSE", "README.md", "MANIFEST.in", "pyproject.toml", "setup.cfg", "setup.py",
    "kernel", "plugin_template",
)
"""What of the root makes the distribution `tulou`."""

_MADE = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info", ".*", "build", "dist")


def distributions() -> dict[str, Path]:
    """Every distribution of the house and its folder."""
    plugins = sorted(each.parent for each in (ROOT / "plugins").glob("*/setup.cfg"))
    return {"tulou": ROOT, **{f"tulou-{folder.name}": folder for folder in plugins}}


def settings(distribution: str) -> configparser.ConfigParser:
    """The distribution's setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read(distributions()[distribution] / "setup.cfg", "utf-8")
    return parser


def requirements(distribution: str) -> list[str]:
    """The lines of `install_requires`."""
    lines = (line.strip() for line in settings(distribution)["options"]["install_requires"].splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def closure(distribution: str) -> list[str]:
    """The distribution and those of the house it needs, needed ones first."""
    needed: list[str] = []
    for line in requirements(distribution):
        match = re.match(r"[\w.-]+", line)
        if match and match.group() in distributions():
            needed += [each for each in closure(match.group()) if each not in needed]
    return [*needed, distribution]


def copy_clean(distribution: str, target: Path) -> Path:
    """A copy of a distribution's sources without anything that tools made; the folder `target`."""
    source = distributions()[distribution]
    if source != ROOT:
        shutil.copytree(source, target, ignore=_MADE)
        return target
    target.mkdir(parents=True)
    for part in PARTS:
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, ignore=_MADE)
        elif (source / part).is_file():
            shutil.copy2(source / part, target)
    return target


def run(*arguments: object, folder: Path | None = None) -> str:
    """Run this interpreter; what it printed. Raises `RuntimeError` with that when it fails."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=folder,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )
    if done.returncode:
        raise RuntimeError(f"python {' '.join(map(str, arguments))}\n{done.stdout}")
    return done.stdout


def build(kind: str, source: Path, target: Path) -> Path:
    """A "wheel" or an "sdist" of a copied source folder, by this environment's setuptools (PEP 517)."""
    target.mkdir(parents=True, exist_ok=True)
    code = f"import sys; from setuptools import build_meta; print(build_meta.build_{kind}(sys.argv[1]))"
    return target / run("-c", code, target, folder=source).splitlines()[-1]
