"""`tulou demo --with`: which plugins and settings the two people get."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tulou import Composition
from tulou.errors import ManifestError
from tulou_shell import added
from tulou_shell.added import NotInstalled, with_added
from tulou_shell.demo import main


@pytest.fixture(autouse=True)
def site(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed: the demo's own, two more, and a broken one."""
    def broken() -> Any:
        raise ManifestError("plugin 'wreck' of wreck 1 is broken")

    known: dict[str, Any] = {
        name: SimpleNamespace(load=lambda: None)
        for name in ("poll", "notes", *Composition.load("demo").plugins)
    }
    known["wreck"] = SimpleNamespace(load=broken)
    monkeypatch.setattr(added, "installed", lambda: SimpleNamespace(plugins=known))


def test_plugins_are_added_by_name() -> None:
    demo = Composition.load("demo")
    more = with_added(demo, ["poll", "notes"])
    assert set(more.plugins) - set(demo.plugins) == {"poll", "notes"}
    assert all(more.plugins[name] == demo.plugins[name] for name in demo.plugins)
    assert more.essential == demo.essential  # a plugin that fails does not take the demo down
    assert with_added(demo, []) == demo


def test_a_files_tables_lie_on_top(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        '[plugins.poll]\npriority = 3\n[plugins.poll.config]\nlimit = 7\n[plugins.notes]\nenabled = false\n'
        '[plugins.gone]\nenabled = false\n[plugins.xmpp.config]\nheartbeat = 99.0\n'
    )
    demo = Composition.load("demo")
    more = with_added(demo, [str(file)])
    assert more.plugins["poll"].priority == 3 and more.plugins["poll"].config == {"limit": 7}
    assert not more.plugins["notes"].enabled
    assert more.plugins["xmpp"].config == {**demo.plugins["xmpp"].config, "heartbeat": 99.0}
    assert more.plugins["crypto"] == demo.plugins["crypto"]


@pytest.mark.parametrize("text", ["include = ['office']\n[plugins.pol]\n", "[plugins.pol]\n"])
def test_a_plugin_of_a_file_that_is_not_installed_is_named_with_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(NotInstalled, match=r"mine\.toml: there is no plugin 'pol'; did you mean 'poll'\?"):
        with_added(Composition.load("demo"), [str(tmp_path / "mine.toml")])


@pytest.mark.parametrize("wanted, words", [
    ("pol", "there is no plugin 'pol'; did you mean 'poll'?"),
    ("投票", "there is no plugin '投票'; installed are"),
    ("wreck", "'wreck' of wreck 1 is broken"),
    ("nowhere/mine.toml", "there is no composition file nowhere/mine.toml"),
])
def test_what_cannot_be_added_is_a_sentence_and_nothing_is_started(
    tmp_path: Path, capsys: Any, wanted: str, words: str
) -> None:
    folder = tmp_path / "demo"
    assert main(["--data", str(folder), "--no-browser", "--with", "poll", "--with", wanted]) == 1
    told = capsys.readouterr()
    assert words in told.err and "Traceback" not in told.err and told.out == ""
    assert not folder.exists()
