"""Compositions: everything that is wrong is said at once, with file, key and a suggestion."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal

import pytest

from tulou import Composition, CompositionError, DeviceProfile, Kernel, Plugin
from tulou.schema import bind


@dataclass(frozen=True)
class Config:
    host: str
    port: int = 5280
    ratio: float = 0.5
    mode: Literal["fast", "safe"] = "safe"
    names: list[str] = field(default_factory=list)
    folder: Path | None = None

    def __post_init__(self) -> None:
        if self.port < 0:
            raise ValueError("port must not be negative")


def problems(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "app.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(CompositionError) as caught:
        Kernel(Composition.load(file), plugins=[Plugin(name="server", run="m:run", config=Config)])
    return list(caught.value.problems)


def test_all_faults_of_a_file_come_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, """
        devise = "pc"
        essential = "store"
        [plugins.server]
        enabeld = true
        priority = "high"
    """)
    assert len(found) == 4
    assert all("app.toml" in each for each in found)
    assert any("'devise'" in each and "did you mean 'device'" in each for each in found)
    assert any("a list, each a text" in each for each in found)
    assert any("did you mean 'enabled'" in each for each in found)
    assert any("'high' is a text; it should be a whole number" in each for each in found)


def test_all_faults_of_settings_come_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, """
        [plugins.server.config]
        prot = 1
        ratio = "half"
        mode = "slow"
        names = ["a", 2]
    """)
    text = "\n".join(found)
    assert "unknown key 'prot'; did you mean 'port'" in text
    assert "'host' is missing; give it a text" in text
    assert "ratio: 'half' is a text; it should be a number" in text
    assert "one of 'fast', 'safe'" in text
    assert "names[1]: 2 is a whole number" in text
    assert "app.toml: [plugins.server.config]" in text


def test_a_config_class_may_refuse_in_its_own_words(tmp_path: Path) -> None:
    found = problems(tmp_path, '[plugins.server.config]\nhost = "h"\nport = -1')
    assert found == [f"{tmp_path / 'app.toml'}: [plugins.server.config]: port must not be negative"]


def test_not_toml_missing_and_circular_files(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("a = [")
    (tmp_path / "circle.toml").write_text('include = ["circle.toml", "gone.toml", "bad.toml"]')
    with pytest.raises(CompositionError) as caught:
        Composition.load(tmp_path / "circle.toml")
    text = str(caught.value)
    assert "includes itself" in text and "gone.toml" in text and "bad.toml: not a TOML file" in text
    with pytest.raises(CompositionError, match="there is no composition"):
        Composition.load("no-such-composition")


def test_a_grant_that_the_plugin_does_not_ask_for_is_a_fault(tmp_path: Path) -> None:
    assert "does not ask for 'world'" in problems(
        tmp_path, '[plugins.server]\ngrants = ["world"]\n[plugins.server.config]\nhost = "h"')[0]


def test_includes_are_merged_and_the_including_file_wins(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text("""
        device = "phone"
        essential = ["a"]
        [plugins.a]
        priority = 1
        [plugins.a.config]
        x = 1
        y = 2
    """)
    (tmp_path / "app.toml").write_text("""
        include = ["base.toml"]
        [plugins.a.config]
        y = 3
        [plugins.b]
        enabled = false
    """)
    app = Composition.load(tmp_path / "app.toml")
    assert app.device is DeviceProfile.PHONE
    assert app.essential == {"a"}
    assert dict(app.plugins["a"].config) == {"x": 1, "y": 3}
    assert app.plugins["a"].priority == 1
    assert not app.plugins["b"].enabled


def test_an_edited_file_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "app.toml"
    for name in ("first", "second"):
        file.write_text(f"[plugins.{name}]\n")
        assert set(Composition.load(file).plugins) == {name}


def test_values_of_a_dataclass_are_converted() -> None:
    config, faults = bind(Config, {"host": "主机", "ratio": 1, "folder": "~/x"}, "here")
    assert not faults and config is not None
    assert config.ratio == 1.0 and config.folder == Path("~/x").expanduser() and config.host == "主机"


class Size(Enum):
    SMALL = "small"


@dataclass
class Choices:
    size: Size = Size.SMALL
    mode: Literal["fast", "safe"] = "safe"


@pytest.mark.parametrize("value", [["small"], {"small": 1}, 1, True])
def test_a_value_of_any_shape_that_is_no_choice_is_a_sentence(value: object) -> None:
    _, [size, mode] = bind(Choices, {"size": value, "mode": value}, "here")
    assert size.startswith(f"here.size: {value!r} is ")
    assert "it should be one of 'small'" in size and "it should be one of 'fast', 'safe'" in mode


def test_a_device_of_the_wrong_shape_is_a_sentence(tmp_path: Path) -> None:
    [found] = problems(tmp_path, 'device = ["pc"]\n')
    assert "device: ['pc'] is a list; it should be one of 'pc', 'pad', 'phone'" in found


@pytest.mark.parametrize("text, said", [
    ("a = " + "[" * 5000, "too deeply"), ("a = " + "9" * 5000, "thousands of digits"),
    ("a = [", "not a TOML file"),
])
def test_hostile_toml_is_told_in_a_sentence(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(CompositionError, match=said):
        Composition.load(tmp_path / "bad.toml")


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_what_is_kept_of_a_composition_is_its_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TULOU_CACHE", str(tmp_path / "cache"))
    (tmp_path / "app.toml").write_text('[plugins.net.config]\nproxy = "http://me:secret@proxy.example"\n')
    before = os.umask(0)
    try:
        Composition.load(tmp_path / "app.toml")
    finally:
        os.umask(before)
    kept = [path for path in (tmp_path / "cache").iterdir() if b"secret" in path.read_bytes()]
    assert [path.stat().st_mode & 0o777 for path in kept] == [0o600]
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
