"""What the commands of the store do with wrong input, and when they are interrupted."""

import io
import sys

import pytest
import trio
from tulou_store import plugin as store_plugin
from tulou_store.command import main

from tulou.testing.kit import boot
from tulou_contracts.storage import Storage
from tulou_contracts.testing.storage import NOTES, add

pytest.importorskip("tulou_crypto")


@pytest.fixture
async def profile(tmp_path):
    """With something in it."""
    async with boot(store_plugin, profile=tmp_path / "profile") as kernel:
        database = await kernel.service(Storage).database("kit", NOTES)
        await database.write(add("第一条"))
    return tmp_path / "profile"


async def command(*arguments):
    return await trio.to_thread.run_sync(main, [str(each) for each in arguments])


@pytest.mark.parametrize("given", ["", "\n", "\r\n"])
async def test_a_backup_to_be_encrypted_is_not_made_without_a_passphrase(
    tmp_path, profile, monkeypatch, capsys, given
):
    for stdin in (io.StringIO(given), None):
        monkeypatch.setattr(sys, "stdin", stdin)
        assert await command("backup", profile, tmp_path / "a.backup", "--encrypt") == 1
        told = capsys.readouterr()
        assert "passphrase" in told.err and not told.out
    assert {path.name for path in tmp_path.iterdir()} == {"profile"}


def look(folder):
    return {path: (path.stat().st_mode, path.read_bytes() if path.is_file() else None)
            for path in (folder, *folder.rglob("*"))}


@pytest.mark.parametrize("content", [[], ["notes.txt"], ["store/notes.txt"], ["crypto/x", "readme"]], ids=str)
async def test_a_folder_that_is_no_profile_stays_as_it_is(tmp_path, capsys, content):
    folder, garbage = tmp_path / "d", tmp_path / "garbage"
    garbage.write_bytes(b"garbage")
    folder.mkdir()
    for name in content:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine")
    folder.chmod(0o755)
    before = look(tmp_path)
    for name in ("check", "repair", "usage", "compact", "key"):
        assert await command(name, folder) == 1
        assert "is no profile" in capsys.readouterr().err
    assert await command("backup", folder, tmp_path / "a.backup") == 1
    for archive in (garbage, tmp_path / "nowhere", tmp_path):
        assert await command("restore", folder, archive) == 1
        assert capsys.readouterr().err.startswith("tulou: ")
    assert look(tmp_path) == before


@pytest.mark.parametrize("name", ["new", "several/new/folders", "garbage", "a" * 300, "b" * 60_000],
                         ids=lambda name: name[:10])
async def test_a_restore_that_fails_makes_no_folder(tmp_path, capsys, name):
    (tmp_path / "garbage").write_bytes(b"garbage")
    before = look(tmp_path)
    assert await command("restore", tmp_path / name, tmp_path / "garbage") == 1
    told = capsys.readouterr().err
    assert told.startswith("tulou: ") and len(told) < 1000
    assert await command("check", tmp_path / name) == 1
    assert look(tmp_path) == before


async def test_a_good_backup_is_not_restored_over_other_things(tmp_path, profile, capsys):
    assert await command("backup", profile, tmp_path / "a.backup") == 0
    folder = tmp_path / "photos"
    folder.mkdir(mode=0o755)
    (folder / "1.jpg").write_bytes(b"\xff")
    before = look(folder)
    assert await command("restore", folder, tmp_path / "a.backup") == 1
    assert "holds other things" in capsys.readouterr().err and look(folder) == before
    assert await command("restore", tmp_path / "new", tmp_path / "a.backup") == 0


INTERRUPTED = """
import os, signal, sys
from tulou.cli import main
from tulou_store import archive, restore
from tulou_store.interrupt import look
from tulou_store.upkeep import Upkeep

where, times, arguments = sys.argv[1], int(sys.argv[2]), sys.argv[3:]

def interrupting(real):
    def call(*given, **more):
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)
        if where not in ("commit", "finish"):
            while True:  # until the loop has heard of it
                look()
        return real(*given, **more)
    return call

owner, name = {
    "check": (Upkeep, "_check"), "pack": (Upkeep, "_pack"), "packing": (archive.Packer, "finish"),
    "unpack": (archive, "_write"), "stage": (restore, "stage"), "commit": (restore, "commit"),
    "finish": (restore, "finish"),
}[where]
setattr(owner, name, interrupting(getattr(owner, name)))
sys.exit(main(["store", *arguments]))
"""


async def interrupted(tmp_path, where, *arguments, times=1):
    (tmp_path / "program").mkdir(exist_ok=True)
    (tmp_path / "program" / "interrupted.py").write_text(INTERRUPTED)
    with trio.fail_after(30):
        return await trio.run_process(
            [sys.executable, str(tmp_path / "program" / "interrupted.py"), where, str(times),
             *map(str, arguments)], capture_stdout=True, capture_stderr=True, stdin=b"", check=False)


@pytest.mark.parametrize("where, name", [("check", "check"), ("pack", "backup"), ("packing", "backup"),
                                         ("unpack", "restore"), ("stage", "restore")])
async def test_ctrl_c_ends_a_command_in_order(tmp_path, profile, where, name):
    assert await command("backup", profile, tmp_path / "good.backup") == 0
    more = {"backup": [tmp_path / "a.backup"], "restore": [tmp_path / "good.backup"]}.get(name, [])
    done = await interrupted(tmp_path, where, name, profile, *more)
    assert done.returncode == 130 and b"Traceback" not in done.stderr, done
    assert {path.name for path in tmp_path.iterdir()} == {"program", "profile", "good.backup"}
    assert {path.name for path in profile.iterdir()} <= {".lock", "store", "crypto"}
    assert not list((profile / "store").glob("backup-*"))
    assert await command("check", profile) == 0


@pytest.mark.parametrize("where", ["commit", "finish"])
async def test_ctrl_c_in_the_middle_of_a_restore_does_not_leave_half_of_it(tmp_path, profile, where):
    assert await command("backup", profile, tmp_path / "good.backup") == 0
    done = await interrupted(tmp_path, where, "restore", profile, tmp_path / "good.backup")
    assert done.returncode == 0 and b"is as it was in" in done.stdout and not done.stderr, done
    assert not (profile / ".restore").exists() and (profile / "before-restore-1").is_dir()
    assert await command("check", profile) == 0


async def test_a_second_ctrl_c_kills_and_the_data_is_safe(tmp_path, profile):
    done = await interrupted(tmp_path, "check", "check", profile, times=2)
    assert done.returncode in (130, -2) and b"Traceback" not in done.stderr, done
    assert await command("check", profile) == 0
