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
