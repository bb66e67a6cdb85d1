"""`tulou new`: a plugin of one's own, from the template."""

from __future__ import annotations

import re
import shutil
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from tulou import discovery
from tulou.cli import Usage
from tulou.cli.output import as_json
from tulou.errors import TulouError

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_PAGE = "page"
"""Folder of the template that holds what `--page` puts in the place of the rest."""
_SHARED = ("setup.cfg", "pyproject.toml", "tulou_example_card/py.typed")
_LEFT_OUT = re.compile(r"__pycache__|build|dist|\..*|.*\.egg-info|.*\.pyc")


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="lower-case words joined by '-', e.g. my-greeter")
    parser.add_argument("--into", metavar="DIR", type=Path, default=Path("."),
                        help="where to make the folder tulou-NAME; left out: here")
    parser.add_argument("--page", action="store_true",
                        help="one with a page of its own, a route, a tracked event and a log line, instead of"
                        " one that makes cards of messages")
    parser.add_argument("--json", action="store_true", help="print what was made as JSON")


def run(options: Namespace) -> int:
    """Make the folder and say what to do with it. Raises `Usage` for a name that cannot be."""
    name: str = options.name
    target = options.into / f"tulou-{name}"
    fault = _fault(name, target)
    if fault:
        raise Usage(fault)
    files = make(name, target, page=options.page)
    if options.json:
        as_json({"name": name, "folder": target, "files": files})
        return 0
    print(f"made {target}, a plugin that works; README.md there explains it in ten minutes. Next:\n\n"
          f"  pip install -e '{target}[testing]'\n"
          f"  cd {target} && pytest && mypy\n"
          f"  tulou demo --with {name}\n\n"
          f"and to make it part of an app, write [plugins.{name}] into its composition.")
    return 0


def _fault(name: str, target: Path) -> str:
    if not _NAME.match(name):
        words = "-".join(re.findall(r"[a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1-\2", name).lower()))
        hint = f", e.g. {words!r}" if _NAME.match(words) else ", e.g. 'my-greeter'"
        return f"{name!r} cannot be a plugin's name: use lower-case words joined by '-'{hint}"
    if name.startswith("tulou-"):
        return f"leave off 'tulou-': the distribution of plugin {name[6:]!r} is called {name!r} by itself"
    known = discovery.refresh().plugins.get(name)
    if known is not None:
        return (f"a plugin {name!r} is installed already, by {known.distribution} {known.version};"
                " choose another name")
    package = _spellings(name)["example_card"]
    if find_spec(f"tulou_{package}") is not None:
        return f"there is a Python package tulou_{package} already; choose another name"
    if target.exists():
        return f"{target} is there already; choose another name, or another place with --into"
    return ""


def make(name: str, target: Path, *, page: bool = False) -> list[str]:
    """Write the rendered template, whole or not at all; returns the files, relative to `target`."""
    sources = _sources(template(), page)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tulou-new-") as scratch:
            made = Path(scratch) / "plugin"
            for relative, path in sources.items():
                relative = render(relative, name)
                place = made / relative
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(render(path.read_text("utf-8"), name), "utf-8")
            shutil.move(made, target)
    except OSError as error:
        raise TulouError(f"{target} cannot be made: {error.strerror or error}") from error
    return sorted(path.relative_to(target).as_posix() for path in _files(target))


def template() -> Path:
    """The template's folder: part of an installed wheel, or of the source tree."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_template", package.parent.parent / "plugin_template"):
        if (folder / "setup.cfg").is_file():
            return folder
    raise TulouError(f"the template is missing beside {package}; reinstall tulou")


def _sources(folder: Path, page: bool) -> dict[str, Path]:
    """Path in the new plugin -> file of the template."""
    every = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    inside = {each.removeprefix(f"{_PAGE}/"): path for each, path in every.items()
              if each.startswith(f"{_PAGE}/")}
    if page:
        return {each: every[each] for each in _SHARED} | inside
    return {each: path for each, path in every.items() if path not in inside.values()}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(_LEFT_OUT.fullmatch(part) for part in path.relative_to(folder).parts):
            yield path


def render(text: str, name: str) -> str:
    """The template's name in all its spellings replaced; each occurs as a word of its own kind."""
    for placeholder, spelling in _spellings(name).items():
        text = text.replace(placeholder, spelling)
    return text


def _spellings(name: str) -> dict[str, str]:
    words = name.split("-")
    return {
        "example-card": name,
        "example_card": "_".join(words),
        "ExampleCard": "".join(word.capitalize() for word in words),
        "Example card": " ".join(words).capitalize(),
    }
