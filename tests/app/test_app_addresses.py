"""`tulou open URL`: the app that runs gets it, else one starts for it; accounts are told apart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tulou_shell.handover import Refused, hand_over
from tulou_shell.launcher import launcher_folder
from tulou_shell.places import shell_folder
from tulou_shell.remembered import Remembered

CODE = "import sys; from tulou_shell.launcher import main; sys.exit(main(sys.argv[1:]))"
CHAT = "tulou://chat/lin@acme.example"

pytest.importorskip("tulou_router", reason="needs router")


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    composition = tmp_path / "plain.toml"
    composition.write_text(
        'include = ["chat-only"]\n[plugins.router]\n[plugins.crypto.config]\nkeyring = "file"\n')
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        started.append(subprocess.Popen(
            [sys.executable, "-c", CODE, *arguments, str(composition), "--data", str(tmp_path / "data"),
             "--no-browser"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_an_address_starts_the_app_and_the_next_one_reaches_it(opened: Any, tmp_path: Path) -> None:
    first = opened(CHAT)
    link = line(first)
    assert "/enter?code=" in link  # a new account's own page, where somebody signs in and then goes on
    second = opened("tulou://contacts")
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 0 and out.split("/enter")[0] == link.split("/enter")[0]
    assert first.poll() is None
    wrong = opened("tulou://settings")
    _, said = wrong.communicate(timeout=60)
    assert wrong.returncode == 1 and "outside" in said and "Traceback" not in said


def test_an_app_that_would_start_for_nothing_does_not(opened: Any) -> None:
    for arguments, words in (
        (["tulou://weather/北京"], "leads nowhere"),
        ([CHAT, "--account", "eve@acme.example"], "no account eve"),
    ):
        process = opened(*arguments)
        out, said = process.communicate(timeout=60)
        assert process.returncode == 1 and words in said and out == "" and "Traceback" not in said


def test_an_address_finds_the_account_it_is_for(opened: Any, tmp_path: Path) -> None:
    accounts = tmp_path / "data" / "accounts"
    for name, address in (("account-1", "anna@acme.example"), ("account-2", "bo@acme.example")):
        folder = shell_folder(accounts / name)
        folder.mkdir(parents=True)
        remembered = Remembered(folder)
        remembered.account = address
        remembered.save()
    line(opened(CHAT, "--account", "anna@acme.example"))
    place = launcher_folder(tmp_path / "data")
    links = {who: hand_over(place, CHAT, who).link.split("/enter")[0]
             for who in ("anna@acme.example", "bo@acme.example")}
    assert len(set(links.values())) == 2
    assert Remembered(shell_folder(accounts / "account-2")).now == int(
        links["bo@acme.example"].rsplit(":", 1)[1])
    with pytest.raises(Refused, match="nobody@acme.example"):
        hand_over(place, CHAT, "nobody@acme.example")
