"""`tulou lock`, and `run` that refuses to start when something else is installed."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cli_site import Site
from tulou.composition import Composition
from tulou.errors import LockMismatch
from tulou.lockfile import FILE_NAME, find, read, verify


@pytest.fixture
def locked(site: Site) -> Site:
    """Two plugins, pinned."""
    site.plugin("spring")
    site.plugin("mill")
    site.composition("[plugins.spring]\n[plugins.mill]\n")
    assert site.main("lock").status == 0
    return site


def refusal(site: Site, *arguments: str | Path) -> list[str]:
    ended = site.main("run", *arguments)
    assert ended.status == 1 and "Traceback" not in ended.err
    return ended.err.removeprefix("tulou: ").splitlines()


def upheld(site: Site) -> bool:
    verify(site.work / FILE_NAME, Composition.load(site.work / "tulou.toml"))
    return True


def test_the_lock_pins_name_distribution_version_and_content(locked: Site) -> None:
    table = tomllib.loads((locked.work / FILE_NAME).read_text("utf-8"))
    assert table["compositions"] == ["tulou.toml"]
    assert table["plugins"] == {name: {"distribution": f"tulou-{name}"} for name in ("mill", "spring")}
    assert set(table["distributions"]) == {"tulou", "tulou-mill", "tulou-spring"}
    assert table["distributions"]["tulou-mill"]["version"] == "1.0"
    assert len(table["distributions"]["tulou-mill"]["sha256"]) == 64
    assert upheld(locked)


def test_byte_code_and_the_installers_notes_change_nothing(locked: Site) -> None:
    info = locked.folder / "tulou_mill-1.0.dist-info"
    record = (info / "RECORD").read_text()
    locked.write("tulou_mill/__pycache__/x.pyc", "code")
    locked.write("tulou_mill-1.0.dist-info/INSTALLER", "another")
    (info / "RECORD").write_text(
        record + "tulou_mill/__pycache__/x.pyc,,\ntulou_mill-1.0.dist-info/INSTALLER,,\n../bin/mill,,\n")
    assert upheld(locked)


def test_a_changed_file_refuses_the_start(locked: Site) -> None:
    with (locked.folder / "tulou_mill" / "service.py").open("a") as file:
        file.write("# one more line\n")
    assert refusal(locked) == [
        "tulou.lock: tulou-mill 1.0 has other files than were pinned; reinstall it, or run `tulou lock`"
        " if the change is wanted"]
    assert locked.main("check").status == 1
    assert locked.main("lock").status == 0
    assert upheld(locked)


def test_a_missing_file_refuses_the_start(locked: Site) -> None:
    locked.write("tulou_mill/data.txt", "x")
    locked.plugin("mill", extra={"data.txt": "x"})
    locked.main("lock")
    assert upheld(locked)
    (locked.folder / "tulou_mill" / "data.txt").unlink()
    assert "tulou-mill 1.0 has other files" in refusal(locked)[0]


def test_each_mismatch_is_one_sentence(locked: Site) -> None:
    shutil.rmtree(locked.folder / "tulou_mill-1.0.dist-info")
    shutil.rmtree(locked.folder / "tulou_spring-1.0.dist-info")
    locked.plugin("spring", version="1.1")
    locked.plugin("garden")
    locked.composition("[plugins.spring]\n[plugins.mill]\n[plugins.garden]\n")
    sentences = refusal(locked)
    assert sentences == [
        "tulou.lock: plugin 'garden' is not pinned (the lock was made for tulou.toml); `tulou lock` pins it",
        "tulou.lock: plugin 'mill' is pinned to tulou-mill 1.0, but it is not installed; install that"
        " version",
        "tulou.lock: tulou-spring is pinned to 1.0, but 1.1 is installed; install the pinned version, or run"
        " `tulou lock` to accept this one"]


def test_what_can_never_start_is_not_pinned(locked: Site) -> None:
    before = (locked.work / FILE_NAME).read_text("utf-8")
    locked.composition("[plugins.spring.config]\nno-such-setting = 1\n")
    ended = locked.main("lock")
    assert ended.status == 1 and "plugin 'spring' has no settings" in ended.err
    assert (locked.work / FILE_NAME).read_text("utf-8") == before


def test_another_distribution_with_the_plugins_name_is_refused(locked: Site) -> None:
    shutil.rmtree(locked.folder / "tulou_mill-1.0.dist-info")  # a stranger would not win over it
    locked.write("other.py", "from tulou_mill import plugin")
    locked.distribution("a-mill", "1.0", plugins={"mill": "other:plugin"})
    assert "plugin 'mill' is pinned to tulou-mill, but a-mill 1.0 installs it" in refusal(locked)[0]


def test_an_editable_installation_is_hashed_by_its_sources(locked: Site) -> None:
    editable = '{"dir_info": {"editable": true}, "url": "file:///src"}'
    locked.write("tulou_mill-1.0.dist-info/direct_url.json", editable)
    assert "pinned as a regular one, but an editable installation is there" in refusal(locked)[0]
    locked.main("lock")
    assert read(locked.work / FILE_NAME).pins["tulou-mill"].editable
    assert upheld(locked)
    locked.write("tulou_mill/more/new.py", "new = 1")
    assert "other files" in refusal(locked)[0]


def test_a_lock_may_be_named_and_may_serve_two_compositions(locked: Site, tmp_path: Path) -> None:
    locked.composition("[plugins.spring]\n", "small.toml")
    assert locked.main("lock", "small.toml", "tulou.toml", "-o", tmp_path / "my.lock").status == 0
    for name in ("small.toml", "tulou.toml"):
        verify(tmp_path / "my.lock", Composition.load(name))
    locked.write("tulou_spring/service.py", "changed = True")
    assert "my.lock: tulou-spring 1.0 has other files" in refusal(
        locked, "small.toml", "--lock", tmp_path / "my.lock")[0]


def test_a_lock_beside_the_file_counts_wherever_one_stands(locked: Site, monkeypatch: Any) -> None:
    locked.write("tulou_mill/service.py", "changed = True")
    monkeypatch.chdir(locked.folder)
    assert "tulou-mill 1.0 has other files" in refusal(locked, locked.work / "tulou.toml")[0]


def test_a_shipped_composition_is_locked_by_the_folder_one_stands_in(site: Site) -> None:
    site.plugin("spring")
    site.write("teas/__init__.py", "")
    site.write("teas/tea.toml", "[plugins.spring]\n")
    site.distribution("shipper", compositions={"tea": "teas", "other": "teas"})
    assert site.main("lock", "tea").status == 0
    assert (site.work / FILE_NAME).is_file()
    tea = Composition.load("tea")
    assert find("tea", tea) == Path(FILE_NAME)
    assert find("other", tea) is None  # it was not made for that one
    site.write("tulou_spring/service.py", "changed = True")
    assert "other files" in refusal(site, "tea")[0]


@pytest.mark.parametrize("text", ["", "= x", "compositions = []", 'compositions = []\n[plugins.a]\n'
                                  'distribution = "b"\n[distributions]\n', "\x00"])
def test_a_damaged_lock_is_a_sentence(locked: Site, text: str) -> None:
    (locked.work / FILE_NAME).write_text(text)
    [sentence] = refusal(locked)
    assert "tulou.lock" in sentence and "`tulou lock`" in sentence
    with pytest.raises(LockMismatch):
        read(locked.work / "gone.lock")


def test_what_is_not_installed_cannot_be_pinned(site: Site) -> None:
    site.composition("[plugins.mill]\n[plugins.off]\nenabled = false\n")
    ended = site.main("lock")
    assert ended.status == 1 and "plugin 'mill' of tulou.toml is not installed" in ended.err
    assert not (site.work / FILE_NAME).exists()


def test_lock_tells_programs_what_it_pinned(locked: Site) -> None:
    document = json.loads(locked.main("lock", "--json").out)
    assert document["plugins"] == {"mill": "tulou-mill", "spring": "tulou-spring"}


def test_the_process_refuses_with_status_one(locked: Site) -> None:
    locked.write("tulou_mill/service.py", "changed = True")
    assert locked.command("run").status == 1
