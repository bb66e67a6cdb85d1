"""Each distribution as others get it: what its wheel holds, and that its sdist makes the same one."""

from __future__ import annotations

import configparser
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from email import message_from_string
from pathlib import Path
from typing import NamedTuple

import pytest
import wheels
from packaging.metadata import Metadata
from packaging.requirements import Requirement

DISTRIBUTIONS = wheels.distributions()
PACKAGES = {
    name: ("tulou", "tulou_contracts") if name == "tulou" else (name.replace("-", "_"),)
    for name in DISTRIBUTIONS
}


class Built(NamedTuple):
    wheel: Path
    again: Path
    """The wheel made of the sdist."""


def make(name: str, folder: Path) -> Built:
    source = wheels.copy_clean(name, folder / "source")
    # a build leaves files in its source folder, which the other one must not see
    fresh = Path(shutil.copytree(source, folder / "fresh"))
    sdist = wheels.build("sdist", source, folder / "sdist")
    wheel = wheels.build("wheel", fresh, folder / "wheel")
    shutil.unpack_archive(sdist, folder / "unpacked")
    (unpacked,) = (folder / "unpacked").iterdir()
    return Built(wheel, wheels.build("wheel", unpacked, folder / "again"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    folder = tmp_path_factory.mktemp("wheels")
    with ThreadPoolExecutor(2) as pool:
        made = pool.map(lambda name: make(name, folder / name), DISTRIBUTIONS)
        return dict(zip(DISTRIBUTIONS, made, strict=True))


@pytest.fixture(params=DISTRIBUTIONS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def wheel(name: str, built: dict[str, Built]) -> dict[str, bytes]:
    return contents(built[name].wheel)


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {each: archive.read(each) for each in archive.namelist() if not each.endswith("/")}


def info(wheel: dict[str, bytes], file: str) -> str:
    """A file of the wheel's .dist-info; the licence is in a folder of its own or not, as setuptools likes."""
    (path,) = [each for each in wheel if ".dist-info/" in each and each.endswith("/" + file)]
    return wheel[path].decode()


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and ".egg-info/" not in path.as_posix()
    }


def sources(name: str) -> dict[str, bytes]:
    """What a wheel must hold besides its .dist-info: every file of its packages, as it stands here."""
    root = DISTRIBUTIONS[name] / ("kernel" if name == "tulou" else "")
    expected = {
        f"{package}/{path}": data
        for package in PACKAGES[name] for path, data in files(root / package).items()
    }
    if name == "tulou":
        template = files(wheels.ROOT / "plugin_template")
        expected |= {f"tulou/_template/{path}": data for path, data in template.items()}
    return expected


def test_it_holds_every_module_and_data_file_and_nothing_else(name: str, wheel: dict[str, bytes]) -> None:
    held = {path: data for path, data in wheel.items() if ".dist-info/" not in path}
    expected = sources(name)
    assert sorted(held) == sorted(expected)
    assert [path for path in held if held[path] != expected[path]] == []
    assert all(f"{package}/py.typed" in held for package in PACKAGES[name])


def test_its_sdist_makes_the_same_wheel(name: str, built: dict[str, Built]) -> None:
    one, other = contents(built[name].wheel), contents(built[name].again)
    assert sorted(one) == sorted(other)
    assert [path for path in one if one[path] != other[path]] == []


def test_its_metadata_say_what_people_need(name: str, wheel: dict[str, bytes]) -> None:
    text = info(wheel, "METADATA")
    # lazily validated, field by field: older setuptools write licence files of a later version
    found = Metadata.from_email(text, validate=False)
    declared = wheels.settings(name)["metadata"]
    assert (found.name, str(found.version)) == (name, declared["version"])
    assert found.summary == declared["description"]
    assert str(found.requires_python) == ">=3.11"
    assert "MIT" in (message_from_string(text)["License-Expression"] or message_from_string(text)["License"])
    assert found.description_content_type == "text/markdown"
    assert found.description == (DISTRIBUTIONS[name] / "README.md").read_text("utf-8")
    needed = {str(each) for each in found.requires_dist or () if "extra ==" not in str(each)}
    assert needed == {str(Requirement(line)) for line in wheels.requirements(name)}
    assert info(wheel, "LICENSE") == (wheels.ROOT / "LICENSE").read_text("utf-8")
    assert "py3-none-any" in info(wheel, "WHEEL")


def test_its_entry_points_lead_to_what_it_holds(name: str, wheel: dict[str, bytes]) -> None:
    parser = configparser.ConfigParser(delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(info(wheel, "entry_points.txt"))
    points = {group: dict(parser[group]) for group in parser.sections()}
    for group, named in points.items():
        for point, target in named.items():
            module, _, attribute = target.partition(":")
            path = module.replace(".", "/")
            assert f"{path}.py" in wheel or f"{path}/__init__.py" in wheel, f"{group}: {point} = {target}"
            if group == "tulou.compositions":
                assert f"{path}/{point}.toml" in wheel
            assert group != "tulou.plugins" or attribute == "plugin"
    if name == "tulou":
        assert points["console_scripts"] == {"tulou": "tulou.cli:main"}
        assert "pytest11" in points
    else:
        plugin = name.removeprefix("tulou-")
        assert points["tulou.plugins"][plugin] == f"tulou_{plugin}:plugin"
        others = {point: target for point, target in points["tulou.plugins"].items() if point != plugin}
        assert all(target.startswith(f"tulou_{plugin}.") for target in others.values())
