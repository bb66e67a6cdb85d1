"""A profile encrypted at rest: there and back, killed on the way, and when its key is lost."""

import io
import logging
import os
import shutil
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import apsw
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from tulou_store import convert, unlock
from tulou_store import plugin as store_plugin
from tulou_store.command import main
from tulou_store.keys import SECRET as SECRET_NAME
from tulou_store.keys import Keys
from tulou_store.recovery import as_words, from_words
from tulou_store.service import Store
from tulou_store.unlock import read_marker

from tulou import Level, Plugin
from tulou.testing.kit import boot, states
from tulou_contracts.crypto import Cipher, Keyring
from tulou_contracts.storage import Storage, StorageError, StorageRepaired
from tulou_contracts.testing.storage import NOTES, add, texts

pytest.importorskip("tulou_crypto")

SECRET = "机密：明天裁员 layoffs tomorrow"


def guest(job, log):
    @asynccontextmanager
    async def run(ctx):
        ctx.subscribe(StorageRepaired, log.append)
        await job(ctx)
        yield

    return Plugin(name="guest", run=run, requires=(Storage, Keyring, Cipher), level=Level.FEATURE)


async def visit(profile, job, *, encrypt=True, threads=True):
    """Start store, crypto and a room that does `job`; the states, and what was published."""
    events = []

    settings = {"threads": threads} if encrypt is None else {"encrypt": encrypt, "threads": threads}
    config = {"store": settings, "crypto": {"keyring": "file"}}
    async with boot(store_plugin, "crypto", guest(job, events), config=config, profile=profile) as kernel:
        return states(kernel), {each.name: each.reason for each in kernel.status()}, events


async def write(ctx):
    storage = ctx.service(Storage)
    database = await storage.database("kit", NOTES)
    await database.write(add(SECRET))
    await (await storage.documents("settings")).put("键", {"text": SECRET})
    await (await storage.rebuildable("index", [])).filled()


def reader(found):
    async def read(ctx):
        storage = ctx.service(Storage)
        database = await storage.database("kit", NOTES)
        found.append((await database.read(texts), await (await storage.documents("settings")).all()))
        found.append(database.repair)

    return read


def shows(profile):
    """The files in which the text can be read."""
    return {path.name for path in profile.rglob("*") if path.is_file()
            and (SECRET.encode() in path.read_bytes() or b"layoffs" in path.read_bytes())}


EVERYTHING = ([SECRET], {"键": {"text": SECRET}})


@pytest.mark.parametrize("threads", [True, False])
async def test_nothing_of_it_can_be_read_on_the_disk(tmp_path, threads):
    assert (await visit(tmp_path, write, threads=threads))[0]["guest"] == "running"
    assert shows(tmp_path) == set()
    found = []
    await visit(tmp_path, reader(found), threads=threads)
    assert found == [EVERYTHING, None]
    with pytest.raises(apsw.NotADBError):
        apsw.Connection(str(tmp_path / "store" / "profile.db")).execute("SELECT * FROM kit_note")


async def test_a_plain_profile_is_converted_and_back(tmp_path):
    await visit(tmp_path, write, encrypt=False)
    assert shows(tmp_path) == {"profile.db", "settings.json.log"}
    for encrypt in (True, True, False, False, True):
        found = []
        await visit(tmp_path, reader(found), encrypt=encrypt)
        assert found == [EVERYTHING, None]
        assert bool(shows(tmp_path)) is not encrypt
        assert (read_marker(tmp_path / "store") is not None) is encrypt


def lose_the_key(profile):
    for path in (profile / "crypto").rglob("*"):
        if path.is_file():
            path.unlink()


async def test_a_lost_key_is_told_what_it_locks_is_kept_and_the_rooms_know(tmp_path, caplog):
    await visit(tmp_path, write)
    before = (tmp_path / "store" / "profile.db").read_bytes()
    lose_the_key(tmp_path)
    found = []
    now, reasons, _ = await visit(tmp_path, reader(found))
    assert now["store"] == "failed" and "the next start begins empty" in reasons["store"]
    assert "is encrypted, and its key" in caplog.text and "profile.db.locked-1" in caplog.text
    _, _, (event,) = await visit(tmp_path, reader(found))
    (nothing, repair) = found
    assert event.repair == repair
    assert nothing == ([], {}) and repair.lost == ("*",) and "locked-1" in repair.kept_as
    assert (tmp_path / "store" / "profile.db.locked-1").read_bytes() == before
    assert list((tmp_path / "store" / "documents.locked-1").iterdir())
    found.clear()
    await visit(tmp_path, reader(found))
    assert found[1] == repair  # until the room has dealt with it


async def run_command(monkeypatch, *arguments, line=""):
    monkeypatch.setattr(sys, "stdin", io.StringIO(line + "\n"))
    return await trio.to_thread.run_sync(main, [str(each) for each in arguments])


async def test_the_recovery_key_brings_a_locked_profile_back(tmp_path, monkeypatch, capsys):
    await visit(tmp_path, write)
    assert await run_command(monkeypatch, "key", tmp_path) == 0
    words = capsys.readouterr().out.strip()
    lose_the_key(tmp_path)
    await visit(tmp_path, write)  # refused, and moved aside
    for _ in range(2):
        await visit(tmp_path, reader([]))  # begun anew, with another key
    wrong = words.replace(words[3], "A" if words[3] != "A" else "B")
    assert await run_command(monkeypatch, "unlock", tmp_path, line=wrong) == 1
    assert "no recovery key" in capsys.readouterr().err
    assert await run_command(monkeypatch, "unlock", tmp_path, line=words.lower().replace("-", " ")) == 0
    found = []
    await visit(tmp_path, reader(found))
    assert found == [EVERYTHING, None]
    assert (tmp_path / "store" / "profile.db.replaced-1").exists()
    other = as_words(bytes(32))
    assert await run_command(monkeypatch, "unlock", tmp_path, line=other) == 1
    assert "was encrypted with this key" in capsys.readouterr().err


async def test_the_recovery_key_before_anything_was_moved(tmp_path, monkeypatch, capsys):
    await visit(tmp_path, write)
    await run_command(monkeypatch, "key", tmp_path)
    words = capsys.readouterr().out.strip()
    lose_the_key(tmp_path)
    assert await run_command(monkeypatch, "unlock", tmp_path, line=words) == 0
    found = []
    await visit(tmp_path, reader(found))
    assert found == [EVERYTHING, None]


@settings(derandomize=True)  # two bytes of checksum: one slip in 65,536 goes unnoticed
@given(secret=st.binary(min_size=32, max_size=32), data=st.data())
def test_a_recovery_key_survives_paper_and_notices_slips(secret, data):
    words = as_words(secret)
    assert from_words(words) == from_words(f" {words.lower()} \n") == secret
    at = data.draw(st.integers(0, len(words) - 1))
    slip = words[:at] + data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567-")) + words[at + 1:]
    if slip.replace("-", "") == words.replace("-", ""):
        assert from_words(slip) == secret
    else:
        with pytest.raises(StorageError, match="no recovery key"):
            from_words(slip)


async def test_a_key_that_cannot_be_read_now_locks_the_profile_and_changes_nothing(tmp_path):
    await visit(tmp_path, write)
    key = next((tmp_path / "crypto").rglob("*.key"))
    away = tmp_path / "away"
    key.rename(away)
    now, reasons, _ = await visit(tmp_path, write)
    assert now["guest"] != "running"
    assert "its key cannot be read now" in reasons["store"] and "nothing was changed" in reasons["store"]
    assert not list((tmp_path / "store").glob("*locked*"))
    away.rename(key)
    found = []
    await visit(tmp_path, reader(found))
    assert found == [EVERYTHING, None]


async def test_without_a_keyring_an_encrypted_profile_does_not_open(tmp_path, autojump_clock):
    async with boot(store_plugin, config={"store": {"encrypt": True}}, profile=tmp_path) as kernel:
        (status,) = kernel.status()
        assert status.state.value != "running" and "'crypto'" in status.reason
    assert not (tmp_path / "store" / "profile.db").exists()


async def test_a_planted_plain_document_is_not_believed(tmp_path):
    await visit(tmp_path, write)
    plain = tmp_path / "plain"
    plain.mkdir()
    await visit(plain, write, encrypt=False)
    name = "settings.json.log"
    (tmp_path / "store" / "documents" / name).write_bytes(
        (plain / "store" / "documents" / name).read_bytes().replace(b"tomorrow", b"never   "))
    found = []
    await visit(tmp_path, reader(found))
    assert found == [([SECRET], {}), None]


@pytest.mark.parametrize("encrypt", [True, False], ids=["stays", "while decrypting"])
async def test_damage_in_an_encrypted_profile_is_repaired_like_any_other(tmp_path, encrypt):
    async def much(ctx):
        database = await ctx.service(Storage).database("kit", NOTES)
        await database.write(lambda tx: [add(f"{number}" + "字" * 300)(tx) for number in range(300)])

    await visit(tmp_path, much)
    path = tmp_path / "store" / "profile.db"
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\0")
    path.with_name("profile.db.check").touch()
    found = []
    await visit(tmp_path, reader(found), encrypt=encrypt)
    assert 250 < len(found[0][0]) < 300
    assert found[1].lost == ("kit_note",)
    assert (b"SQLite" in path.read_bytes()[:16]) is not encrypt


KILLED = """
import os, sys, trio
from pathlib import Path
sys.path.insert(0, sys.argv[4])
stop = int(sys.argv[2])
steps = 0

def counted(function):
    def step(*arguments, **options):
        global steps
        steps += 1
        if steps == stop:
            os.kill(os.getpid(), 9)
        return function(*arguments, **options)
    return step

import test_store_encrypted as this
from tulou_store import convert
os.replace, os.fsync, Path.unlink = map(counted, (os.replace, os.fsync, Path.unlink))
tree = convert.shutil
tree.copyfile, tree.rmtree = map(counted, (tree.copyfile, tree.rmtree))
convert.connect = counted(convert.connect)

async def nothing(ctx):
    pass

trio.run(lambda: this.visit(Path(sys.argv[1]), nothing, encrypt=sys.argv[3] == "encrypt"))
print(steps)
"""


def check(profile, found, way, stop):
    assert found == [EVERYTHING, None], stop
    assert bool(shows(profile)) is (way == "decrypt"), stop


@pytest.mark.parametrize("way", ["encrypt", "decrypt"])
@pytest.mark.parametrize("stop", [4, 9, 15])
async def test_a_conversion_that_was_killed_is_finished_at_the_next_start(tmp_path, way, stop):
    await visit(tmp_path, write, encrypt=way == "decrypt")
    command = [sys.executable, "-c", KILLED, tmp_path, str(stop), way, Path(__file__).parent]
    done = await trio.run_process(command, check=False, capture_stdout=True, capture_stderr=True)
    assert done.returncode == -9, done.stderr.decode()
    found = []
    await visit(tmp_path, reader(found), encrypt=way == "encrypt")
    check(tmp_path, found, way, stop)


@pytest.mark.parametrize("way", ["encrypt", "decrypt"])
async def test_a_conversion_cut_short_at_any_step_loses_nothing(tmp_path, monkeypatch, way):
    class Crash(BaseException):
        pass

    steps = stop = 0

    def counted(function):
        def step(*arguments, **options):
            nonlocal steps
            steps += 1
            if steps == stop:
                raise Crash
            return function(*arguments, **options)

        return step

    (tmp_path / "first").mkdir()
    await visit(tmp_path / "first", write, encrypt=way == "decrypt")
    cipher = []
    secret = Keys(await secret_of(tmp_path / "first", cipher), cipher[0])
    for owner, name in [(os, "replace"), (os, "fsync"), (Path, "unlink"), (convert, "connect"),
                        (convert.shutil, "copyfile"), (convert.shutil, "rmtree")]:
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    for number in range(1, 100):
        folder = tmp_path / str(number)
        shutil.copytree(tmp_path / "first" / "store", folder)
        steps, stop = 0, number
        try:
            unlock._convert(folder, secret, way == "encrypt", logging.getLogger())
            crashed = False
        except Crash:
            crashed = True
        stop = 0
        unlock._convert(folder, secret, way == "encrypt", logging.getLogger())
        store = Store(folder, keys=secret if way == "encrypt" else None)
        async with store.running():
            database = await store.database("kit", NOTES)
            found = (await database.read(texts), await (await store.documents("settings")).all())
        check(folder, [found, database.repair], way, number)
        if not crashed:
            break
    assert number > 10


async def secret_of(profile, cipher):
    """The profile's key, from its keyring, or one that it does not have yet."""
    found = []

    async def look(ctx):
        found.append(await ctx.service(Keyring).get(SECRET_NAME))
        cipher.append(ctx.service(Cipher))

    await visit(profile, look, encrypt=None)
    return bytes.fromhex(found[0]) if found[0] else bytes(32)
