"""The key of the encrypted file under a passphrase."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tulou_contracts.crypto import CryptoError, Keyring
from tulou_contracts.testing.crypto import CANARY
from tulou_crypto import key_file
from tulou_crypto.config import Config
from tulou_crypto.profile_keyring import ProfileKeyring
from tulou_crypto.service import run


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """One test takes the real costs; the others need not."""
    if "settings" not in request.node.name:
        monkeypatch.setattr(key_file, "N", 16)


def open_file(folder: Path, passphrase: str) -> ProfileKeyring:
    return ProfileKeyring(folder, mode="file", passphrase=passphrase)


def key_path(folder: Path) -> Path:
    return folder / "key" / "keyring.key"


async def test_the_key_is_in_no_file(tmp_path: Path) -> None:
    keyring = open_file(tmp_path, "春眠不觉晓")
    await keyring.set("password", CANARY)
    assert await open_file(tmp_path, "春眠不觉晓").get("password") == CANARY
    assert key_path(tmp_path).read_bytes().startswith(key_file.MAGIC)
    assert keyring._key is None or keyring._key not in key_path(tmp_path).read_bytes()
    assert "春眠不觉晓" not in repr(keyring) + repr(vars(keyring)["where"])


@pytest.mark.parametrize(("passphrase", "words"), [
    ("", "none was given"), ("wrong", "not the one"), ("春眠不觉晓 ", "not the one")])
async def test_another_passphrase_is_told_and_nothing_is_touched(
    tmp_path: Path, passphrase: str, words: str
) -> None:
    await open_file(tmp_path, "春眠不觉晓").set("password", CANARY)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    keyring = open_file(tmp_path, passphrase)
    for _ in range(2):
        with pytest.raises(CryptoError, match=words) as caught:
            await keyring.get("password")
        assert "passphrase_from" in str(caught.value) and "春眠" not in str(caught.value)
        with pytest.raises(CryptoError, match=words):
            await keyring.set("password", "other")
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert await open_file(tmp_path, "春眠不觉晓").get("password") == CANARY


async def test_a_key_under_none_is_put_under_it(tmp_path: Path) -> None:
    await open_file(tmp_path, "").set("password", CANARY)
    clear = key_path(tmp_path).read_bytes()
    assert await open_file(tmp_path, "word").get("password") == CANARY
    assert clear not in key_path(tmp_path).read_bytes()
    assert key_path(tmp_path).stat().st_mode & 0o077 == 0
    with pytest.raises(CryptoError):
        await open_file(tmp_path, "").get("password")


async def test_a_strange_key_is_not_put_under_it(tmp_path: Path) -> None:
    """It may be that of another profile."""
    await open_file(tmp_path, "").set("password", CANARY)
    key_path(tmp_path).write_bytes(b"k" * 32)
    with pytest.raises(CryptoError, match="is not the one"):
        await open_file(tmp_path, "word").get("password")
    assert key_path(tmp_path).read_bytes() == b"k" * 32


async def test_both_forms_of_a_letter_are_one(tmp_path: Path) -> None:
    await open_file(tmp_path, "caf\u00e9").set("password", CANARY)
    assert await open_file(tmp_path, "cafe\u0301").get("password") == CANARY


@pytest.mark.parametrize("change", [
    lambda data: data[:-1], lambda data: data + b"\0", lambda data: data[:12]])
async def test_a_damaged_key_file_is_told(tmp_path: Path, change: Any) -> None:
    await open_file(tmp_path, "word").set("password", CANARY)
    key_path(tmp_path).write_bytes(change(key_path(tmp_path).read_bytes()))
    with pytest.raises(CryptoError, match="put back a copy"):
        await open_file(tmp_path, "word").get("password")


def test_every_flipped_bit_is_noticed() -> None:
    sealed = key_file.seal(bytes(32), "word")
    assert key_file.unseal(sealed, "word") == bytes(32)
    for position in range(len(sealed)):
        wrong = bytearray(sealed)
        wrong[position] ^= 1
        with pytest.raises(CryptoError):
            key_file.unseal(bytes(wrong), "word")


async def test_the_settings_name_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provided: dict[Any, Any] = {}
    context: Any = SimpleNamespace(
        config=Config(keyring="file", passphrase_from="TULOU_TEST_WORD"), data=tmp_path,
        log=logging.getLogger("crypto"), provide=provided.__setitem__)
    monkeypatch.delenv("TULOU_TEST_WORD", raising=False)
    with pytest.raises(CryptoError, match="TULOU_TEST_WORD is empty"):
        async with run(context):
            pass
    monkeypatch.setenv("TULOU_TEST_WORD", "word")
    async with run(context):
        await provided[Keyring].set("password", CANARY)
    assert await open_file(tmp_path, "word").get("password") == CANARY


async def test_profiles_have_salts_and_keys_of_their_own(tmp_path: Path) -> None:
    for name in ("one", "two", "三"):
        (tmp_path / name).mkdir()
        await open_file(tmp_path / name, "word").set("password", name)
    contents = {key_path(tmp_path / name).read_bytes() for name in ("one", "two", "三")}
    assert len(contents) == 3 and len({content[:30] for content in contents}) == 3
    # A secret carried over with its key file stays bound to its profile.
    assert await open_file(tmp_path / "三", "word").get("password") == "三"
