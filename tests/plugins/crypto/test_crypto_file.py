"""The encrypted file: what it hides, and what happens when it or its key is not as it was."""

import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tulou_contracts.crypto import CryptoError
from tulou_contracts.testing.crypto import CANARY
from tulou_crypto import aead, book
from tulou_crypto.profile_keyring import ProfileKeyring


def open_file(folder: Path, key_file: str = "") -> ProfileKeyring:
    return ProfileKeyring(folder, mode="file", key_file=key_file)


async def fill(folder: Path) -> None:
    await open_file(folder).set("password", CANARY)


async def test_no_file_holds_a_secret_in_clear(tmp_path: Path) -> None:
    await fill(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    for path in files:
        assert CANARY.encode() not in path.read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
async def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        await fill(tmp_path)
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {"keyring": 0o600, "key": 0o700, "keyring.key": 0o600}


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
async def test_a_key_that_others_could_read_is_closed_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(tmp_path)
    key = tmp_path / "key" / "keyring.key"
    key.chmod(0o644)
    assert await open_file(tmp_path).get("password") == CANARY
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "other users could read" in caplog.text


async def test_nothing_is_written_before_the_first_secret(tmp_path: Path) -> None:
    keyring = open_file(tmp_path)
    assert await keyring.get("password") is None
    await keyring.delete("password")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [
    lambda data: b"",
    lambda data: data[:-1],
    lambda data: data[: len(data) // 2],
    lambda data: data.replace(b'"file"', b'"fire"'),
    lambda data: b"\0" * len(data),
    lambda data: data + b"\n",
    lambda data: "你好".encode(),
    lambda data: data[len(data) // 3:],
], ids=range(8))
async def test_a_damaged_file_is_told_once_and_kept(tmp_path: Path, damage: object) -> None:
    await fill(tmp_path)
    file = tmp_path / "keyring"
    damaged = damage(file.read_bytes())  # type: ignore[operator]
    file.write_bytes(damaged)
    keyring = open_file(tmp_path)
    with pytest.raises(CryptoError, match=r"is damaged.*kept as keyring\.damaged-.*sign in again"):
        await keyring.get("password")
    (aside,) = tmp_path.glob("keyring.damaged-*")
    assert aside.read_bytes() == damaged
    await keyring.set("password", "new")
    assert await open_file(tmp_path).get("password") == "new"
    assert aside.read_bytes() == damaged


async def test_a_second_damaged_file_does_not_replace_the_first(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / "keyring").write_text(f"damage {number}")
        with pytest.raises(CryptoError):
            await open_file(tmp_path).get("password")
    copies = {path.read_text() for path in tmp_path.glob("keyring.damaged-*")}
    assert copies == {"damage 0", "damage 1", "damage 2"}


async def test_setting_into_a_damaged_file_does_not_overwrite_it(tmp_path: Path) -> None:
    (tmp_path / "keyring").write_text("damage")
    with pytest.raises(CryptoError, match="is damaged"):
        await open_file(tmp_path).set("password", CANARY)
    (aside,) = tmp_path.glob("keyring.damaged-*")
    assert aside.read_text() == "damage"


async def test_a_file_of_a_newer_version_stays_where_it_is(tmp_path: Path) -> None:
    await fill(tmp_path)
    file = tmp_path / "keyring"
    newer = file.read_bytes().replace(b"tulou-keyring 1", b"tulou-keyring 2", 1)
    file.write_bytes(newer)
    for keyring in (open_file(tmp_path), open_file(tmp_path)):
        with pytest.raises(CryptoError, match="newer version"):
            await keyring.get("password")
        with pytest.raises(CryptoError, match="newer version"):
            await keyring.set("password", "x")
    assert file.read_bytes() == newer


@pytest.mark.parametrize(("key", "sentence"), [
    (None, "is missing: put it back"),
    (b"k" * 32, "is not the one that"),
    (b"k" * 31, "has 31 bytes, a key has 32"),
    (b"", "has 0 bytes"),
])
async def test_without_the_right_key_nothing_is_touched(
    tmp_path: Path, key: bytes | None, sentence: str
) -> None:
    await fill(tmp_path)
    key_file = tmp_path / "key" / "keyring.key"
    right = key_file.read_bytes()
    before = (tmp_path / "keyring").read_bytes()
    key_file.unlink()
    if key is not None:
        key_file.write_bytes(key)
    keyring = open_file(tmp_path)
    for attempt in (lambda: keyring.get("password"), lambda: keyring.set("password", "x"),
                    lambda: keyring.set("another", "x")):
        with pytest.raises(CryptoError, match=sentence):
            await attempt()
    assert (tmp_path / "keyring").read_bytes() == before
    assert (key_file.read_bytes() if key_file.exists() else None) == key
    key_file.write_bytes(right)
    assert await keyring.get("password") == CANARY


async def test_secrets_cannot_be_swapped_or_carried_to_another_profile(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        await open_file(folder, str(tmp_path / "shared.key")).set("password", f"of {folder.name}")
        await open_file(folder, str(tmp_path / "shared.key")).set("token", "t")
    mine, theirs = (book.decode((folder / "keyring").read_bytes()) for folder in (one, other))
    swapped = mine.with_entry("password", mine.entries["token"])
    carried = mine.with_entry("password", theirs.entries["password"])
    for forged in (swapped, carried):
        (one / "keyring").write_bytes(book.encode(forged))
        with pytest.raises(CryptoError, match="cannot be read.*does not authenticate"):
            await open_file(one, str(tmp_path / "shared.key")).get("password")


async def test_the_key_may_be_elsewhere(tmp_path: Path) -> None:
    data, drive = tmp_path / "data", tmp_path / "drive"
    data.mkdir()
    with pytest.raises(CryptoError, match="is not there: make it, or put in its drive"):
        await open_file(data, str(drive / "tulou.key")).set("password", CANARY)
    assert not drive.exists()
    drive.mkdir()
    await open_file(data, str(drive / "tulou.key")).set("password", CANARY)
    assert [path.name for path in data.iterdir()] == ["keyring"]
    assert len((drive / "tulou.key").read_bytes()) == 32
    assert await open_file(data, str(drive / "tulou.key")).get("password") == CANARY


async def test_a_key_that_is_there_already_is_used(tmp_path: Path) -> None:
    (tmp_path / "mine.key").write_bytes(b"k" * 32)
    await open_file(tmp_path, "mine.key").set("password", CANARY)
    assert (tmp_path / "mine.key").read_bytes() == b"k" * 32
    assert await open_file(tmp_path, "mine.key").get("password") == CANARY


async def test_left_overs_of_a_crash_are_no_obstacle(tmp_path: Path) -> None:
    await fill(tmp_path)
    (tmp_path / "keyring.new").write_bytes(b"half a f")
    assert await open_file(tmp_path).get("password") == CANARY
    await open_file(tmp_path).set("password", "new")
    assert await open_file(tmp_path).get("password") == "new"
    assert not (tmp_path / "keyring.new").exists()


@contextmanager
def ordinary_user(folder: Path) -> Iterator[None]:
    """Modes do not stop root, so be somebody else for a while; `folder` is theirs."""
    if os.name != "posix":
        pytest.skip("modes are POSIX's")
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that others can reach too (pytest's own are root's)."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


async def test_a_read_only_folder_can_be_read_and_is_told(open_folder: Path) -> None:
    await fill(open_folder)
    open_folder.chmod(0o555)
    keyring = open_file(open_folder)
    with ordinary_user(open_folder):
        assert await keyring.get("password") == CANARY
        with pytest.raises(CryptoError, match=r"cannot write .*keyring: permission denied; make room"):
            await keyring.set("password", "new")
        with pytest.raises(CryptoError, match="cannot write"):
            await keyring.delete("password")
        assert await keyring.get("password") == CANARY
    open_folder.chmod(0o755)
    assert await open_file(open_folder).get("password") == CANARY


async def test_a_read_only_empty_folder_is_told(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    keyring = open_file(open_folder)
    with ordinary_user(open_folder):
        assert await keyring.get("password") is None
        with pytest.raises(CryptoError, match="cannot make the folder .*key: permission denied"):
            await keyring.set("password", CANARY)
    open_folder.chmod(0o755)
    assert list(open_folder.iterdir()) == []


async def test_a_damaged_file_in_a_read_only_folder_is_told_each_time(open_folder: Path) -> None:
    (open_folder / "keyring").write_bytes(b"damage")
    open_folder.chmod(0o555)
    keyring = open_file(open_folder)
    with ordinary_user(open_folder):
        for _ in range(2):
            told = "is damaged: .* cannot rename .*permission denied, so nothing"
            with pytest.raises(CryptoError, match=told):
                await keyring.get("password")
    open_folder.chmod(0o755)
    assert (open_folder / "keyring").read_bytes() == b"damage"


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
entries = st.builds(book.Entry, st.sampled_from(book.Kept), st.binary(), st.booleans())


@given(st.dictionaries(names, entries), names)
def test_books_read_as_they_were_written(kept: dict[str, book.Entry], profile: str) -> None:
    written = book.Book(profile, b"proof", kept)
    assert book.decode(book.encode(written)) == written


@given(st.binary())
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    with pytest.raises(CryptoError):
        book.decode(data)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["profile", "proof", "secrets", "kept", "sealed", "a"]), inner),
))
def test_no_json_crashes_the_reader(content: object) -> None:
    import hashlib

    data = json.dumps(content, ensure_ascii=False).encode()
    whole = f"tulou-keyring 1 {hashlib.sha256(data).hexdigest()}\n".encode() + data
    try:
        book.decode(whole)
    except CryptoError:
        pass


def test_a_book_knows_its_key() -> None:
    key, other = aead.new_key(), aead.new_key()
    begun = book.begin("profile", key)
    assert begun.proves(key) and not begun.proves(other)
