"""The build's check, and the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tulou_tracking.check import NoPackage, check
from tulou_tracking.command import main

HEAD = """
from tulou_contracts.tracking import EventSpec, Field, FieldType, PersonalData
EVENTS = [EventSpec(name="poll.voted", owner="poll", fields=(
    Field(name="kind", choices=("single", "several")), Field(name="options", type=FieldType.INTEGER),
    Field(name="title", required=True)))]
ANOTHER = EventSpec(name="poll.closed", owner="poll")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Make a package of a declaring module and one with these lines."""
    made: list[str] = []

    def make(*lines: str, head: str = HEAD) -> str:
        name = f"poll_of_test_{len(made)}"
        made.append(name)
        folder = tmp_path / name / "inner"
        folder.mkdir(parents=True)
        (tmp_path / name / "__init__.py").write_text("")
        (folder / "__init__.py").write_text("")
        (tmp_path / name / "events.py").write_text(head)
        (folder / "calls.py").write_text("def go(tracker, kind, x):\n    pass\n" + "".join(
            f"    {line}\n" for line in lines), "utf-8")
        return name

    monkeypatch.syspath_prepend(str(tmp_path))
    yield make
    for name in list(sys.modules):
        if name.startswith("poll_of_test_"):
            del sys.modules[name]


@pytest.mark.parametrize("line", [
    'tracker.track("poll.voted", title="t")',
    'tracker.get().track("poll.voted", kind=kind, options=len(x), title=f"{x}")',
    'tracker.track("poll.closed")',
    "x.track()", "x.track(kind)", "x.track(5, 6)",  # somebody else's method, in a file without our contract
])
def test_what_is_declared_passes(package: Callable[..., str], line: str) -> None:
    assert check([package(line)]) == []


@pytest.mark.parametrize("line, word", [
    ('tracker.track("poll.opened")', "'poll.opened' is not declared"),
    ('tracker.track("poll.voted")', "lacks 'title'"),
    ('tracker.track("poll.voted", title="t", extra=1)', "no field 'extra'"),
    ('tracker.track("poll.voted", title="t", kind="all")', "one of single, several"),
    ('tracker.track("poll.voted", title="t", options="3")', "integer"),
    ('tracker.track("poll.voted", title="t", options=True)', "integer"),
    ('tracker.track("poll.voted", title=None)', "text"),
    ('tracker.track("poll.voted", **x)', "not all keywords"),
    ('tracker.track("poll.voted", "t")', "not all keywords"),
    ('lambda: tracker.track("poll.opened")', "not declared"),
])
def test_what_is_not_declared_fails_with_its_place(package: Callable[..., str], line: str, word: str) -> None:
    name = package("x = 1", line)
    [problem] = check([name])
    assert word in problem and f"{name}/inner/calls.py:4:" in problem


def test_where_our_contract_is_imported_the_name_must_be_a_literal(package: Callable[..., str]) -> None:
    [problem] = check([package("from tulou_contracts.tracking import Tracker", "tracker.track(kind)")])
    assert "no literal" in problem


def test_declarations_may_stand_in_another_package(package: Callable[..., str]) -> None:
    declares, calls = package(), package('tracker.track("poll.closed")', head="")
    assert len(check([calls])) == 1
    assert check([calls], also=[declares]) == []


def test_a_wrong_declaration_fails(package: Callable[..., str]) -> None:
    name = package(head=HEAD + 'BAD = EventSpec(name="bad", owner="poll")\n'
                   'TWICE = EventSpec(name="poll.closed", owner="else")\n')
    problems = check([name])
    assert len(problems) == 2 and "'bad'" in problems[0] and "declared twice" in problems[1]


@pytest.mark.parametrize("name", ["no_such_package_of_test", "", ".", "a.b.c"])
def test_a_package_that_is_not_there_is_said(name: str) -> None:
    with pytest.raises(NoPackage):
        check([name])


def test_a_module_that_cannot_be_read_or_imported_is_said(package: Callable[..., str]) -> None:
    with pytest.raises(NoPackage, match="cannot be read"):
        check([package("def (:")])
    with pytest.raises(NoPackage, match="on purpose"):
        check([package(head=HEAD + "raise RuntimeError('on purpose')")])


def test_the_command_checks(package: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", package('tracker.track("poll.closed")')]) == 0
    assert "every event that is tracked is declared" in capsys.readouterr().out
    assert main(["check", package('tracker.track("poll.opened")')]) == 1
    assert "'poll.opened' is not declared" in capsys.readouterr().out
    assert main(["check", "no_such_package_of_test"]) == 1
    assert "no package" in capsys.readouterr().err


def test_the_command_shows_and_takes_a_choice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tulou_im", reason="needs im, whose events it shows")
    pytest.importorskip("tulou_store", reason="needs store, which keeps things")
    for name in ("DO_NOT_TRACK", "DNT"):
        monkeypatch.delenv(name, raising=False)
    composition, profile = tmp_path / "small.toml", str(tmp_path / "profile")
    (tmp_path / "profile" / "store").mkdir(parents=True)
    composition.write_text("essential = ['im']\n[plugins.im]\n[plugins.tracking.config]\nbatch = 7\n")

    def run(*arguments: str) -> str:
        what, *rest = arguments
        assert main([what, *([] if what == "table" else [profile]), *rest, "-c", str(composition)]) == 0
        return capsys.readouterr().out

    assert "consent: off (the default" in run("consent")
    assert "consent: anonymous (chosen)" in run("consent", "anonymous")
    assert {"app.started", "im.message-sent"} == set(json.loads(run("table")))
    shown = run("show")
    assert "reports go to: the company service, if the app has one" in shown  # it is not asked for this
    assert "events that wait: 0" in shown
    assert "consent: off (chosen)" in run("consent", "off")
    assert "events that wait: 0" in run("show")


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(tmp_path / "profile"), "-c", "no-such-composition"]) == 1
    assert "no-such-composition" in capsys.readouterr().err


@pytest.mark.parametrize("order", ["show", "consent", "consent off"])
def test_a_wrong_folder_stays_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], order: str
) -> None:
    folder, what = tmp_path / "no profile", order.split()
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    for wrong in (folder, folder / "typo", Path(str(folder) + "/" + "x" * 5000)):
        assert main([what[0], str(wrong), *what[1:]]) == 1
        said = capsys.readouterr()
        assert not said.out and ("is no profile" in said.err or "cannot be looked at" in said.err)
        assert len(said.err) < 400
    assert list(folder.iterdir()) == [] and folder.stat().st_mode & 0o777 == 0o755


def test_a_path_that_is_no_utf8_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for what in ("show", "consent"):
        assert main([what, os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")]) == 1
        assert "is no UTF-8" in capsys.readouterr().err


def test_a_part_of_python_itself_has_no_source(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("os", "sys"):
        assert main(["check", name]) == 1
        assert "part of Python itself" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit on files to stand for a full disk")
@pytest.mark.parametrize("chosen", [True, False], ids=["chosen", "by default"])
def test_consent_is_withdrawn_where_the_room_cannot_even_start(
    tmp_path: Path, chosen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that may write no byte stands for a full disk."""
    pytest.importorskip("tulou_store", reason="needs store, which keeps things")
    for name in ("DO_NOT_TRACK", "DNT"):
        monkeypatch.delenv(name, raising=False)
    composition, profile = tmp_path / "small.toml", tmp_path / "profile"
    (profile / "store").mkdir(parents=True)
    default = "off" if chosen else "full"
    composition.write_text(
        f"[plugins.store]\n[plugins.tracking.config]\nconsent = '{default}'\n")

    def run(*choice: str, full: bool = False) -> tuple[int, str]:
        code = ("import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
                + ("resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));" if full else "")
                + "from tulou_tracking.command import main; sys.exit(main(sys.argv[1:]))")
        ended = subprocess.run(
            [sys.executable, "-c", code, "consent", str(profile), *choice, "-c", str(composition)],
            capture_output=True, text=True, check=False)
        return ended.returncode, ended.stdout + (ended.stderr if not full else "")

    if chosen:
        assert run("full") == (0, "consent: full (chosen)\n")
    else:
        assert run() == (0, "consent: full (the default, nobody has chosen)\n")
    status, said = run("off", full=True)
    assert (status, said.partition(" (")[0]) == (0, "consent: off")
    assert run() == (0, "consent: off (chosen)\n"), "there is room again, and nobody has said yes"
    assert run() == (0, "consent: off (chosen)\n")
