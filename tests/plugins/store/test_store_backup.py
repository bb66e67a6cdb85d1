"""Backups made while everything runs, and bringing them back: all or nothing, and only what fits."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from tulou_store import plugin as store_plugin
from tulou_store import restore
from tulou_store.command import main

from tulou import AccountChanged, Level, Plugin
from tulou.errors import NotGranted
from tulou.testing.kit import boot
from tulou_contracts.storage import Maintenance, Migration, Storage, StorageCorrupt, StorageError, StorageFull
from tulou_contracts.testing.storage import NOTES, add, texts

pytest.importorskip("tulou_crypto")


def guest(job, account):
    @asynccontextmanager
    async def run(ctx):
        ctx.publish(AccountChanged(account))
        await trio.testing.wait_all_tasks_blocked(0.02)
        await job(ctx)
        yield

    return Plugin(name="guest", run=run, requires=(Storage, Maintenance), level=Level.FEATURE,
                  grants=("profile.backup",))


async def visit(profile, job, *, encrypt=False, account="lin@example.org"):
    config = {"store": {"encrypt": encrypt}, "crypto": {"keyring": "file"}}
    async with boot(store_plugin, "crypto", guest(job, account), config=config, profile=profile) as kernel:
        faults = [each.reason for each in kernel.status() if each.reason]
        assert not faults, faults


async def fill(ctx, text="第一条"):
    storage = ctx.service(Storage)
    database = await storage.database("kit", NOTES)
    await database.write(add(text))
    await (await storage.documents("settings")).put("语言", {"code": "中文", "text": text})
    await (await storage.rebuildable("index", [])).filled()
    vault = ctx.data / "vault"
    vault.mkdir(exist_ok=True)
    (vault / "照片.jpg").write_bytes(b"\xff\xd8" * 1000)
    (ctx.data / "secret.key").write_bytes(b"not for others")
    await ctx.service(Maintenance).include(vault)


def backing_up(target, passphrase="", made=None):
    async def job(ctx):
        await fill(ctx)
        result = await ctx.service(Maintenance).backup(target, passphrase=passphrase)
        (made if made is not None else []).append(result)

    return job


def reading(found):
    async def job(ctx):
        storage = ctx.service(Storage)
        database = await storage.database("kit", NOTES)
        settings = await (await storage.documents("settings")).all()
        found.append((await database.read(texts), settings, (ctx.data / "vault" / "照片.jpg").exists()))

    return job


EVERYTHING = (["第一条"], {"语言": {"code": "中文", "text": "第一条"}}, True)


@pytest.fixture
async def archive(tmp_path):
    """A backup of a profile that has gone on since."""
    target = tmp_path / "lin.tulou-backup"
    await visit(tmp_path / "profile", backing_up(target))
    await visit(tmp_path / "profile", lambda ctx: fill(ctx, "第二条"))
    return target


async def command(monkeypatch, *arguments, passphrase=None, status=0):
    if passphrase is not None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(passphrase + "\n"))
    got = await trio.to_thread.run_sync(main, [str(each) for each in arguments])
    assert got == status


@pytest.mark.parametrize("encrypt", [False, True])
@pytest.mark.parametrize("where", ["same", "new"])
async def test_there_and_back(tmp_path, monkeypatch, encrypt, where, capsys):
    target, profile, made = tmp_path / "a.backup", tmp_path / "profile", []
    passphrase = "正确 horse" if encrypt else ""
    await visit(profile, backing_up(target, passphrase, made), encrypt=encrypt)
    await visit(profile, lambda ctx: fill(ctx, "第二条"), encrypt=encrypt)
    assert made[0].sealed is encrypt and made[0].bytes == target.stat().st_size
    goal = profile if where == "same" else tmp_path / "new"
    await command(monkeypatch, "restore", goal, target, passphrase=passphrase)
    found = []
    await visit(goal, reading(found), encrypt=encrypt)
    assert found == [EVERYTHING]
    if where == "same":
        assert (profile / "before-restore-1" / "store" / "profile.db").exists()
    assert not (goal / ".restore").exists()
    assert not (tmp_path / "new" / "guest" / "secret.key").exists()


async def test_only_who_was_granted_it_may_make_a_backup(tmp_path):
    refused = []

    @asynccontextmanager
    async def run(ctx):
        with pytest.raises(NotGranted) as caught:
            await ctx.service(Maintenance).backup(tmp_path / "a.backup")
        refused.append(str(caught.value))
        yield

    thief = Plugin(name="thief", run=run, requires=(Maintenance,))
    async with boot(store_plugin, thief, profile=tmp_path / "profile"):
        assert "profile.backup" in refused[0]


async def test_what_is_in_it(archive):
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        manifest = json.load(tar.extractfile("manifest.json"))
    assert names == ["store/profile.db", "store/documents/settings.json.log", "files/guest/vault/照片.jpg",
                     "manifest.json"]
    assert manifest["account"] == "lin@example.org" and manifest["schemas"]["kit"] == 2
    assert manifest["key"] == "" and set(manifest["files"]) == set(names[:-1])
    assert b"not for others" not in archive.read_bytes()
    assert os.stat(archive).st_mode & 0o077 == 0


async def test_a_backup_while_many_write_is_one_moment(tmp_path):
    target = tmp_path / "a.backup"

    async def job(ctx):
        storage = ctx.service(Storage)
        database = await storage.database("kit", NOTES)
        documents = await storage.documents("count")

        def pair(tx):
            for _ in range(2):
                tx.execute("INSERT INTO kit_note (text) VALUES (?)", ("字" * 3000,))

        async def produce():
            number = 0
            while True:
                number += 1
                await database.write(pair)
                await documents.put("n", {"n": number})

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(produce)
            for _ in range(20):
                await database.write(pair)
            await ctx.service(Maintenance).backup(target)
            nursery.cancel_scope.cancel()

    await visit(tmp_path / "profile", job)
    restore.commit(tmp_path / "new", restore.stage(target, tmp_path / "new"))
    counts = []

    async def look(ctx):
        storage = ctx.service(Storage)
        counts.append(len(await (await storage.database("kit", NOTES)).read(texts)))
        counts.append(await (await storage.documents("count")).get("n"))

    await visit(tmp_path / "new", look)
    assert counts[0] >= 40 and counts[0] % 2 == 0 and counts[1]["n"] > 0


async def test_an_encrypted_profile_needs_a_passphrase_and_moves_under_another_key(
    tmp_path, monkeypatch, capsys
):
    target, made = tmp_path / "a.backup", []

    async def job(ctx):
        await fill(ctx)
        maintenance = ctx.service(Maintenance)
        with pytest.raises(StorageError, match="needs a passphrase"):
            await maintenance.backup(target)
        made.append(await maintenance.backup(target, passphrase="right"))

    await visit(tmp_path / "profile", job, encrypt=True)
    await command(monkeypatch, "restore", tmp_path / "new", target, passphrase="wrong", status=1)
    assert "passphrase is not the right one" in capsys.readouterr().err
    assert not (tmp_path / "new" / "store").exists()
    # into a profile that has a key of its own
    await visit(tmp_path / "other", lambda ctx: fill(ctx, "别的"), encrypt=True)
    await command(monkeypatch, "restore", tmp_path / "other", target, passphrase="right")
    found = []
    await visit(tmp_path / "other", reading(found), encrypt=True)
    assert found == [EVERYTHING]
    data = b"".join(path.read_bytes() for path in (tmp_path / "other").rglob("*") if path.is_file())
    assert "第一条".encode() not in data


async def test_a_backup_of_another_account_or_a_newer_program_is_refused(
    tmp_path, archive, monkeypatch, capsys
):
    async def newer(ctx):
        await ctx.service(Storage).database("kit", (*NOTES, Migration(3, "SELECT 1")))
        await ctx.service(Maintenance).backup(tmp_path / "newer")

    await visit(tmp_path / "mei", fill, account="mei@example.org")
    before = (tmp_path / "mei" / "store" / "profile.db").read_bytes()
    await command(monkeypatch, "restore", tmp_path / "mei", archive, status=1)
    assert "lin@example.org" in capsys.readouterr().err
    shutil.copytree(tmp_path / "profile", tmp_path / "copy")
    await visit(tmp_path / "copy", newer)
    await command(monkeypatch, "restore", tmp_path / "profile", tmp_path / "newer", status=1)
    assert "newer program" in capsys.readouterr().err
    assert (tmp_path / "mei" / "store" / "profile.db").read_bytes() == before
    found = []
    await visit(tmp_path / "profile", reading(found))
    assert found[0][0] == ["第一条", "第二条"]


async def test_a_damaged_archive_changes_nothing(tmp_path, archive):
    content = archive.read_bytes()
    broken = tmp_path / "broken"
    for at in range(0, len(content), max(1, len(content) // 60)):
        for data in (content[:at], content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1:]):
            broken.write_bytes(data)
            try:
                restore.stage(broken, tmp_path / "new")
            except (StorageCorrupt, StorageError):
                assert not (tmp_path / "new" / ".restore").exists()
            else:  # what changed was gzip's header, say its time: the content is whole
                assert at < 10 or at > len(content) - 9
                shutil.rmtree(tmp_path / "new")


@pytest.mark.parametrize("name", [
    "../outside", "/etc/outside", "store/../../outside", "crypto/keyring", "store\\..\\outside", "files/C:/x",
    "C:/outside",
])
def test_a_hostile_archive_cannot_leave_its_place(tmp_path, name):
    with tarfile.open(tmp_path / "bad", "w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = 3
        tar.addfile(member, io.BytesIO(b"bad"))
    with pytest.raises(StorageCorrupt):
        restore.stage(tmp_path / "bad", tmp_path / "deep" / "profile")
    assert not [path for path in tmp_path.rglob("*") if path.name in ("outside", "keyring", "x")]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "bad", "w:gz") as tar:
        member = tarfile.TarInfo("store/profile.db")
        member.type, member.linkname = kind, "/etc/passwd"
        tar.addfile(member)
    with pytest.raises(StorageCorrupt, match="does not belong"):
        restore.stage(tmp_path / "bad", tmp_path / "profile")


async def test_a_restore_cut_short_at_any_step_goes_on_at_the_next_start(tmp_path, archive, monkeypatch):
    class Crash(Exception):
        pass

    steps = stop = 0
    for name in ("rename", "unlink", "rmdir"):
        def step(self, *arguments, real=getattr(Path, name), **options):
            nonlocal steps
            steps += 1
            if steps == stop:
                raise Crash
            return real(self, *arguments, **options)

        monkeypatch.setattr(Path, name, step)
    for number in range(1, 30):
        profile = tmp_path / f"copy{number}"
        shutil.copytree(tmp_path / "profile", profile)
        steps, stop = 0, 0
        manifest = restore.stage(archive, profile)
        steps, stop = 0, number
        try:
            restore.commit(profile, manifest)
            crashed = False
        except Crash:
            crashed = True
        stop = 0
        found = []
        await visit(profile, reading(found))
        assert found == [EVERYTHING], number
        assert (profile / "before-restore-1" / "guest" / "vault").exists()
        assert not (profile / ".restore").exists()
        if not crashed:
            break
    assert number > 4


async def test_a_full_disk_leaves_no_half_of_a_backup(tmp_path, monkeypatch):
    target = tmp_path / "a.backup"

    async def job(ctx):
        await fill(ctx)
        real = os.fsync

        def full(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("tulou_store.upkeep.os.fsync", full)
        try:
            with pytest.raises(StorageFull):
                await ctx.service(Maintenance).backup(target)
        finally:
            monkeypatch.setattr("tulou_store.upkeep.os.fsync", real)
        with pytest.raises(StorageError, match="inside the profile"):
            await ctx.service(Maintenance).backup(ctx.data / "vault" / "a.backup")
        target.write_text("mine")
        with pytest.raises(StorageError, match="there already"):
            await ctx.service(Maintenance).backup(target)

    await visit(tmp_path / "profile", job)
    assert target.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"profile", "a.backup"}
    assert not list((tmp_path / "profile" / "store").glob("backup-*"))


async def test_only_folders_of_the_profile_can_be_included(tmp_path):
    async def job(ctx):
        maintenance = ctx.service(Maintenance)
        up = ctx.data.parent
        for folder in (tmp_path, Path("/etc"), up, up / "store", ctx.data / ".." / ".."):
            with pytest.raises(StorageError):
                await maintenance.include(folder)

    await visit(tmp_path / "profile", job)


async def test_commands(tmp_path, archive, monkeypatch, capsys):
    profile = tmp_path / "profile"
    await command(monkeypatch, "check", profile)
    await command(monkeypatch, "usage", profile)
    await command(monkeypatch, "compact", profile)
    shown = capsys.readouterr().out
    assert "nothing wrong" in shown and "kit" in shown and "index (can be rebuilt)" in shown
    assert "were given back" in shown
    await command(monkeypatch, "backup", profile, tmp_path / "again")
    assert "not encrypted" in capsys.readouterr().out
    await command(monkeypatch, "usage", tmp_path / "nowhere", status=1)


async def test_a_plain_profile_can_be_backed_up_from_outside_while_it_runs(tmp_path, monkeypatch, capsys):
    async def job(ctx):
        await fill(ctx)
        for name in ("backup", "check", "usage"):
            more = [tmp_path / "outside"] if name == "backup" else []
            await command(monkeypatch, name, tmp_path / "profile", *more)
        await command(monkeypatch, "compact", tmp_path / "profile", status=1)
        assert "in use by" in capsys.readouterr().err
        await command(monkeypatch, "restore", tmp_path / "profile", tmp_path / "outside", status=1)
        assert "in use by" in capsys.readouterr().err

    await visit(tmp_path / "profile", job)
    restore.commit(tmp_path / "new", restore.stage(tmp_path / "outside", tmp_path / "new"))
    found = []
    await visit(tmp_path / "new", reading(found))
    assert found == [EVERYTHING]


async def test_repair_from_the_command_line(tmp_path, monkeypatch, capsys):
    async def much(ctx):
        database = await ctx.service(Storage).database("kit", NOTES)
        await database.write(lambda tx: [add(f"{number}" + "字" * 300)(tx) for number in range(300)])

    profile = tmp_path / "profile"
    await visit(profile, much)
    path = profile / "store" / "profile.db"
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xee" * 4096)
    await command(monkeypatch, "check", profile, status=1)
    assert "repair" in capsys.readouterr().err
    await command(monkeypatch, "repair", profile)
    assert path.with_name("profile.db.damaged-1").exists()


def test_the_command_is_known_to_tulou():
    done = subprocess.run([sys.executable, "-m", "tulou", "store", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "restore" in done.stdout
