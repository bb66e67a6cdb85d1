"""`tulou new`: names, what is written, and that the result installs, shows and passes its own tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

import pytest
from cli_site import Ended, Site
from tulou.cli import new

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("name", "sentence"), [
    ("MyPoll", "e.g. 'my-poll'"), ("my_poll", "e.g. 'my-poll'"), ("my poll", "e.g. 'my-poll'"),
    ("-poll", ""), ("poll-", "e.g. 'poll'"), ("3d", "e.g. 'my-greeter'"), ("投票", "e.g. 'my-greeter'"),
    ("../evil", "e.g. 'evil'"), ("", "e.g. 'my-greeter'"), ("tulou-poll", "leave off 'tulou-'"),
    ("contracts", "there is a Python package tulou_contracts already"),
])
def test_a_name_that_cannot_be_is_refused_with_a_better_one(site: Site, name: str, sentence: str) -> None:
    ended = site.main("new", "--", name)
    assert ended.status == 2 and sentence in ended.err
    assert list(site.work.iterdir()) == []


def test_an_installed_plugins_name_and_an_existing_folder_are_refused(site: Site) -> None:
    site.plugin("poll")
    assert "is installed already, by tulou-poll 1.0" in site.main("new", "poll").err
    (site.work / "tulou-vote").mkdir()
    ended = site.main("new", "vote")
    assert ended.status == 2 and "tulou-vote is there already" in ended.err


def test_the_name_is_put_in_everywhere_in_its_own_spelling(site: Site) -> None:
    ended = site.main("new", "my-poll", "--into", "deep/er", "--json")
    document = json.loads(ended.out)
    folder = site.work / document["folder"]
    assert {"tulou_my_poll/__init__.py", "tulou_my_poll/web/my-poll.js", "tests/test_my_poll.py",
            "setup.cfg", "pyproject.toml", "README.md", "tulou_my_poll/py.typed"} <= set(document["files"])
    text = "\n".join((folder / each).read_text("utf-8") for each in document["files"])
    for spelling in ("class MyPollService", "my-poll = tulou_my_poll:plugin", "# My poll"):
        assert spelling in text
    assert not any(word in text for word in ("example-card", "example_card", "ExampleCard", "Example card"))


def test_a_place_that_cannot_be_written_is_a_sentence_and_leaves_nothing(site: Site) -> None:
    (site.work / "file").touch()
    ended = site.main("new", "poll", "--into", "file")
    assert ended.status == 1 and "cannot be made" in ended.err


def test_what_was_left_lying_in_the_template_is_not_copied(
    site: Site, monkeypatch: pytest.MonkeyPatch,
) -> None:
    template = site.work / "template"
    for path in ("a.py", "__pycache__/a.pyc", "x.egg-info/PKG-INFO", ".mypy_cache/x", "build/x"):
        (template / path).parent.mkdir(parents=True, exist_ok=True)
        (template / path).touch()
    monkeypatch.setattr(new, "template", lambda: template)
    assert new.make("poll", site.work / "made") == ["a.py"]


def test_a_plugin_with_a_page_is_the_templates_other_half(site: Site) -> None:
    ended = site.main("new", "my-poll", "--page", "--json")
    document = json.loads(ended.out)
    folder = site.work / document["folder"]
    assert {"tulou_my_poll/__init__.py", "tulou_my_poll/events.py", "tulou_my_poll/web/my-poll.js",
            "tests/test_my_poll.py", "setup.cfg", "pyproject.toml", "README.md",
            "tulou_my_poll/py.typed"} <= set(document["files"])
    assert not {"tulou_my_poll/cards.py", "tulou_my_poll/contract.py"} & set(document["files"])
    text = "\n".join((folder / each).read_text("utf-8") for each in document["files"])
    for part in ("Page(", "PageMethod(", "PageFeed(", 'language="zh"', "Route(", "EventSpec(", "Personal("):
        assert part in text
    assert not any(word in text for word in ("example-card", "example_card", "ExampleCard", "Example card"))


def test_a_plugin_without_a_page_has_nothing_of_the_other(site: Site) -> None:
    files = json.loads(site.main("new", "my-poll", "--json").out)["files"]
    assert not [each for each in files if each.startswith("page/") or each.endswith("events.py")]


def test_a_new_plugin_with_a_page_passes_its_own_tests(tmp_path: Path) -> None:
    folder = tmp_path / "tulou-my-poll"
    new.make("my-poll", folder, page=True)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_template_passes_its_own_tests_unrendered() -> None:
    folder = new.template()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"], cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


class Environment:
    """A fresh virtual environment that sees this one's libraries, but not its Tulou distributions."""

    def __init__(self, folder: Path, cache: Path) -> None:
        venv.create(folder, with_pip=False)
        self.bin = folder / "bin"
        self._variables = {**os.environ, "TULOU_CACHE": str(cache), "PIP_NO_INDEX": "1",
                           "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        site_packages = next(folder.glob("lib/python*/site-packages"))
        ours = Path(str(distribution("trio").locate_file("")))
        for each in ours.iterdir():
            if "tulou" not in each.name and each.name != "__pycache__" and each.suffix != ".pth":
                (site_packages / each.name).symlink_to(each)

    def run(self, *line: str | Path, cwd: Path | None = None) -> Ended:
        done = subprocess.run([str(self.bin / "python"), *map(str, line)], cwd=cwd, env=self._variables,
                              capture_output=True, text=True, timeout=600)
        return Ended(done.returncode, done.stdout, done.stderr)

    def good(self, *line: str | Path, cwd: Path | None = None) -> str:
        ended = self.run(*line, cwd=cwd)
        assert ended.status == 0, ended.out + ended.err
        return ended.out


@pytest.mark.slow
@pytest.mark.parametrize(("how", "which"), [("wheel", []), ("sdist", []), ("wheel", ["--page"])])
def test_a_new_plugin_installs_shows_at_once_and_passes_its_tests_and_mypy(
    tmp_path: Path, how: str, which: list[str],
) -> None:
    source = tmp_path / "source"
    tracked = subprocess.run(["git", "ls-files", "-z", "setup.*", "MANIFEST.in", "pyproject.toml", "LICENSE",
                              "README.md", "kernel", "plugin_template"], cwd=ROOT, capture_output=True,
                             check=True, text=True).stdout.split("\0")
    for name in filter(None, tracked):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    environment = Environment(tmp_path / "venv", tmp_path / "cache")
    if how == "sdist":
        environment.good("setup.py", "-q", "sdist", cwd=source)
        [archive] = (source / "dist").glob("*.tar.gz")
        environment.good("-m", "tarfile", "-e", archive, tmp_path / "unpacked")
        [source] = (tmp_path / "unpacked").iterdir()
    pip = ("-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation")
    environment.good("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, source)
    environment.good(*pip, next(tmp_path.glob("tulou-*.whl")))
    tulou = ("-m", "tulou")
    environment.good(*tulou, "new", "my-poll", *which, cwd=tmp_path)
    environment.good(*pip, "-e", tmp_path / "tulou-my-poll")
    [listed] = json.loads(environment.good(*tulou, "plugins", "list", "--json", cwd=tmp_path))["plugins"]
    assert (listed["name"], listed["state"]) == ("my-poll", "installed")
    assert listed["distribution"] == "tulou-my-poll"
    folder = tmp_path / "tulou-my-poll"
    assert " passed" in environment.good("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
    assert "Success" in environment.good("-m", "mypy", "--cache-dir", tmp_path / "mypy", cwd=folder)
    environment.good("-m", "tulou.testing", "my-poll", cwd=folder)
    (tmp_path / "tulou.toml").write_text("[plugins.my-poll]\n")
    assert "nothing wrong" in environment.good(*tulou, "check", cwd=tmp_path)
    # and as a wheel, its page's file is inside
    environment.good("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, folder)
    names = environment.good("-m", "zipfile", "-l", next(tmp_path.glob("tulou_my_poll-*.whl")))
    assert "tulou_my_poll/web/my-poll.js" in names and "tests/" not in names
