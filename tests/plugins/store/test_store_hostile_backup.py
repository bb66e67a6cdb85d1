"""Backups made by somebody who wishes us ill: refused before anything of the profile moves."""

import hashlib
import io
import json
import tarfile

import pytest
import trio
from tulou_store import plugin as store_plugin
from tulou_store import restore
from tulou_store.command import main
from tulou_store.upkeep import Upkeep

from tulou.testing.kit import boot
from tulou_contracts.storage import Maintenance, Storage, StorageError
from tulou_contracts.testing.storage import NOTES, add

pytest.importorskip("tulou_crypto")


@pytest.fixture
async def good(tmp_path):
    """A profile with something in it, and its backup."""
    profile, target = tmp_path / "profile", tmp_path / "good.backup"
    async with boot(store_plugin, profile=profile) as kernel:
        database = await kernel.service(Storage).database("kit", NOTES)
        await database.write(add("第一条"))
        await kernel.service(Maintenance).backup(target)
    (profile / "crypto").mkdir(exist_ok=True)
    (profile / "crypto" / "kept").write_text("precious")
    return target


def forged(tmp_path, good, extra=None, body=None, **fields):
    """The good backup, with files more, and other fields in its manifest."""
    files, path = {}, tmp_path / "forged.backup"
    with tarfile.open(good) as tar:
        for member in tar:
            files[member.name] = tar.extractfile(member).read()
    table = json.loads(files.pop("manifest.json"))
    files |= extra or {}
    table["files"] = {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()}
    table |= fields
    with tarfile.open(path, "w:gz") as tar:
        body = json.dumps(table).encode() if body is None else body
        for name, data in [*files.items(), ("manifest.json", body)]:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def everything(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and path.name != ".lock"}


async def refused(tmp_path, archive, capsys):
    """By the command, in a sentence; the profile and what lies beside are as they were."""
    before = everything(tmp_path)
    status = await trio.to_thread.run_sync(main, ["restore", str(tmp_path / "profile"), str(archive)])
    told = capsys.readouterr().err
    assert status == 1 and told.startswith("tulou: ") and "Traceback" not in told and len(told) < 600
    assert everything(tmp_path) == before
    assert not (tmp_path / "profile" / "before-restore-1").exists()
    assert not (tmp_path / "profile" / ".restore").exists()
    return told


@pytest.mark.parametrize("folder", [
    "OUTSIDE", "../outside", "guest/../../outside", "guest/../../../outside", "", ".", "guest/.", "guest//x",
    "/", ".restore", ".lock", "store", "store/sub", "crypto", "crypto/sub", "auth", "tracking", "company",
    "net", "before-restore-1", "Guest", "~", "guest/a\0b", "guest/\udc80", "guest/" + "a" * 5000,
])
async def test_a_folder_that_is_no_plugins_own_is_refused(tmp_path, good, capsys, folder):
    name = folder.replace("OUTSIDE", str(tmp_path / "outside"))
    await refused(tmp_path, forged(tmp_path, good, folders=[name]), capsys)


async def test_files_and_folder_of_a_hostile_backup_stay_where_they_are(tmp_path, good, capsys):
    outside = tmp_path / "outside"
    outside.mkdir()
    for folder, file in ((f"{outside}/evil", f"files{outside}/evil/authorized_keys"),
                         ("x/../../../../outside/dots", "files/x/y"),
                         (str(outside), f"files{outside}/y"), ("crypto", "files/crypto/keyring")):
        await refused(tmp_path, forged(tmp_path, good, {file: b"evil"}, folders=[folder]), capsys)
    assert outside.is_dir() and not list(outside.iterdir())


@pytest.mark.parametrize("name", [
    "store/profile.db-wal", "store/lost.json", "store/rebuildable/x.db", "store/documents/../x.json",
    "store/documents/sub/x.json", "store/encrypted", "files/guest/x", "files/x", "crypto/keyring",
    "/etc/x", "x", "files/guest/../x",
])
async def test_a_file_that_no_backup_holds_is_refused(tmp_path, good, capsys, name):
    await refused(tmp_path, forged(tmp_path, good, {name: b"evil"}), capsys)


async def test_a_room_without_backups_keeps_its_folder(tmp_path, good, capsys):
    """Also where the room is not installed: what this profile has, only what it had in backups replaces."""
    for name in ("xmpp", "gone"):
        kept = tmp_path / "profile" / name / "kept"
        kept.parent.mkdir()
        kept.write_text("mine")
        archive = forged(tmp_path, good, {f"files/{name}/kept": b"evil"}, folders=[name])
        assert name in await refused(tmp_path, archive, capsys)
        assert kept.read_text() == "mine"


@pytest.mark.parametrize("fields", [
    {"folders": None}, {"folders": [5]}, {"folders": "guest"}, {"folders": {"guest": 1}},
    {"folders": ["guest", "guest"]}, {"schemas": [1]}, {"schemas": {"a": "x"}}, {"schemas": {"a": True}},
    {"schemas": {"a\n": 1}}, {"schemas": {"a": -1}}, {"format": "1"}, {"format": None}, {"format": 1.5},
    {"format": 2}, {"files": []}, {"files": {"a": 1}}, {"files": {"a": [1, "x"]}}, {"files": None},
    {"key": "zz"}, {"key": "aa"}, {"key": None}, {"key": "a" * 64}, {"account": 5}, {"account": "a" * 5000},
    {"account": "\x1b[2J"}, {"made": {}}, {"made": -1}, {"made": 1 << 70}, {"more": 1},
], ids=str)
async def test_a_field_of_another_kind_is_refused(tmp_path, good, capsys, fields):
    await refused(tmp_path, forged(tmp_path, good, **fields), capsys)


@pytest.mark.parametrize("body", [
    b"[" * 200_000, b'{"a":' * 200_000, b"", b"null", b"[]", b"\xff", b"9" * 5000,
    b'{"made": ' + b"9" * 5000 + b"}", b'{"format": 1, "format": 1}', b'{"format": NaN}',
], ids=lambda body: repr(body[:12]))
async def test_a_list_of_contents_that_is_none_is_refused(tmp_path, good, capsys, body):
    told = await refused(tmp_path, forged(tmp_path, good, body=body), capsys)
    assert "set_int_max" not in told and "defect" not in told


async def test_the_same_backup_untouched_is_taken(tmp_path, good, capsys):
    archive = forged(tmp_path, good, {"files/guest/vault/照片: 1.jpg": b"\xff"}, folders=["guest/vault"])
    restore.stage(archive, tmp_path / "new")
    assert await trio.to_thread.run_sync(main, ["restore", str(tmp_path / "profile"), str(archive)]) == 0
    assert (tmp_path / "profile" / "guest" / "vault" / "照片: 1.jpg").read_bytes() == b"\xff"
    assert (tmp_path / "profile" / "crypto" / "kept").read_text() == "precious"


async def test_a_room_that_keeps_secrets_is_in_no_backup(tmp_path):
    (tmp_path / "store").mkdir()
    for name in ("crypto", "crypto/sub", "tracking", "before-restore-1"):
        with pytest.raises(StorageError, match="own"):
            await Upkeep(tmp_path / "store").include(tmp_path / name)
