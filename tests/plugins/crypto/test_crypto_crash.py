"""kill -9 before every single step of a change: the secret is the old one or the new one."""

import subprocess
import sys
from pathlib import Path

import pytest
import trio

import crypto_crash_lab as lab
from tulou_crypto import book, key_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")


def crash_everywhere(action: str, folder: Path) -> list[Path]:
    """The profile folder after a kill at each step; the last one is after no kill."""
    run = subprocess.run(
        [sys.executable, lab.__file__, action, str(folder)], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    steps = int(run.stdout)
    assert steps > 3
    return [folder / str(number) for number in range(1, steps + 1)]


async def _check(folders: list[Path], mode: str, former: str | None, latter: str | None) -> None:
    answers = []
    for folder in folders:
        answers.append(await lab.open_profile(folder, mode).get("password"))
        assert answers[-1] in (former, latter), folder.name
        _no_orphans(folder)
        keyring = lab.open_profile(folder, mode)
        await keyring.set("password", "newest")
        assert await lab.open_profile(folder, mode).get("password") == "newest"
        await keyring.delete("password")
        assert await lab.open_profile(folder, mode).get("password") is None
        assert lab.FileBackend(folder / "system.json").entries() == {}
    assert answers[0] == former and answers[-1] == latter


def _no_orphans(folder: Path) -> None:
    """Every secret in the system's keyring is one that the book knows of."""
    for entry in lab.FileBackend(folder / "system.json").entries():
        service, _, name = entry.partition("|")
        known = book.decode((folder / "keyring").read_bytes())
        assert service == f"tulou {known.profile}"
        assert known.entries[name].kept is not book.Kept.FILE or known.entries[name].shadow


async def _begin(start: Path, mode: str, *secrets: str) -> None:
    start.mkdir()
    for secret in secrets:
        await lab.open_profile(start, mode).set("password", secret)


@pytest.mark.parametrize("mode", ["file", "system", "auto"])
def test_the_first_set(tmp_path: Path, mode: str) -> None:
    (tmp_path / "start").mkdir()
    trio.run(_check, crash_everywhere(f"{mode}-set", tmp_path), mode, None, "new")


def test_while_the_key_is_put_under_a_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kill comes before and after the key file is replaced: both can be read, and nothing is lost."""
    monkeypatch.setattr(key_file, "N", 16)
    trio.run(_begin, tmp_path / "start", "file", "old")
    trio.run(_check, crash_everywhere("file+密 code-set", tmp_path), "file+密 code", "old", "new")


def test_a_later_set(tmp_path: Path) -> None:
    trio.run(_begin, tmp_path / "start", "file", "former")
    trio.run(_check, crash_everywhere("file-set", tmp_path), "file", "former", "new")


@pytest.mark.parametrize("mode", ["file", "system", "auto"])
def test_delete(tmp_path: Path, mode: str) -> None:
    trio.run(_begin, tmp_path / "start", mode, "former")
    trio.run(_check, crash_everywhere(f"{mode}-delete", tmp_path), mode, "former", None)


@pytest.mark.parametrize("verb", ["set", "delete"])
def test_while_the_system_keyring_is_out_of_order(tmp_path: Path, verb: str) -> None:
    trio.run(_begin, tmp_path / "start", "auto", "former")
    (tmp_path / "start" / "out-of-order").touch()
    folders = crash_everywhere(f"auto-{verb}", tmp_path)
    for folder in folders:
        (folder / "out-of-order").unlink()
    trio.run(_check, folders, "auto", "former", "new" if verb == "set" else None)


@pytest.mark.parametrize("verb", ["set", "delete"])
def test_when_the_system_keyring_takes_over_from_the_file(tmp_path: Path, verb: str) -> None:
    trio.run(_begin, tmp_path / "start", "file", "former")
    folders = crash_everywhere(f"auto-{verb}", tmp_path)
    trio.run(_check, folders, "auto", "former", "new" if verb == "set" else None)


@pytest.mark.parametrize("verb", ["set", "delete"])
def test_when_both_hold_one(tmp_path: Path, verb: str) -> None:
    start = tmp_path / "start"
    trio.run(_begin, start, "auto", "oldest")
    (start / "out-of-order").touch()
    trio.run(_set_former, start)
    (start / "out-of-order").unlink()
    folders = crash_everywhere(f"auto-{verb}", tmp_path)
    trio.run(_check, folders, "auto", "former", "new" if verb == "set" else None)


async def _set_former(start: Path) -> None:
    await lab.open_profile(start, "auto").set("password", "former")
