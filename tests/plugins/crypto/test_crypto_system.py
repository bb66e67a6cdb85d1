"""The system's keyring: which one is taken, and what happens when it is slow, broken or gone."""

import logging
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crypto_backends import (
    DictBackend,
    HangingBackend,
    LyingBackend,
    MoodyBackend,
    RaisingBackend,
    system_on,
)
from tulou_contracts.crypto import CryptoError
from tulou_contracts.testing.crypto import CANARY
from tulou_crypto.profile_keyring import Mode, ProfileKeyring
from tulou_crypto.system import SystemFailed, SystemKeyring, find_backend


def open_on(folder: Path, backend: object, mode: Mode = "auto", deadline: float = 10.0) -> ProfileKeyring:
    return ProfileKeyring(folder, mode=mode, system=system_on(backend, deadline))  # type: ignore[arg-type]


async def test_secrets_go_to_the_system_keyring_and_not_to_the_file(tmp_path: Path) -> None:
    backend = DictBackend()
    keyring = open_on(tmp_path, backend)
    await keyring.set("password", CANARY)
    assert list(backend.held.values()) == [CANARY]
    assert keyring.where == "the system keyring (test)"
    assert b"sealed" not in (tmp_path / "keyring").read_bytes()


async def test_a_fresh_profile_does_not_ask_the_system_keyring(tmp_path: Path) -> None:
    backend = DictBackend()
    keyring = open_on(tmp_path, backend)
    assert await keyring.get("password") is None
    await keyring.delete("password")
    assert backend.calls == 0


async def test_two_profiles_never_share(tmp_path: Path) -> None:
    backend = DictBackend()
    one, other = tmp_path / "one", tmp_path / "二"
    one.mkdir()
    other.mkdir()
    await open_on(one, backend).set("password", "of one")
    assert await open_on(other, backend).get("password") is None
    await open_on(other, backend).set("password", "of the other")
    await open_on(one, backend).set("password", "of one again")
    assert await open_on(other, backend).get("password") == "of the other"
    await open_on(other, backend).delete("password")
    assert await open_on(one, backend).get("password") == "of one again"


async def test_a_moved_profile_keeps_its_secrets(tmp_path: Path) -> None:
    backend = DictBackend()
    (tmp_path / "here").mkdir()
    await open_on(tmp_path / "here", backend).set("password", CANARY)
    (tmp_path / "here").rename(tmp_path / "there")
    assert await open_on(tmp_path / "there", backend).get("password") == CANARY


async def test_without_a_system_keyring_the_file_is_told(tmp_path: Path) -> None:
    keyring = open_on(tmp_path, None)
    await keyring.set("password", CANARY)
    assert keyring.where == f"the encrypted file {tmp_path / 'keyring'}"


async def test_system_only_does_not_fall_back(tmp_path: Path) -> None:
    for backend, sentence in (
        (None, 'no system keyring that works.*or set keyring = "auto"'),
        (RaisingBackend(), r"answered with an error \(RuntimeError\)"),
        (LyingBackend(), "did not give back what it was given"),
    ):
        keyring = open_on(tmp_path, backend, "system")
        with pytest.raises(CryptoError, match=sentence) as caught:
            await keyring.set("password", CANARY)
        assert CANARY not in str(caught.value)
        assert await keyring.get("password") is None
        await keyring.delete("password")
        for file in tmp_path.rglob("*"):
            assert file.is_dir() or b"sealed" not in file.read_bytes()


async def test_a_keyring_that_hangs_is_left_after_the_deadline(mock_clock: MockClock) -> None:
    backend = HangingBackend()
    system = system_on(backend, deadline=10)
    told: list[str] = []

    async def attempt() -> None:
        with pytest.raises(SystemFailed) as caught:
            await system.set("service", "name", CANARY)
        told.append(str(caught.value))

    try:
        assert await system.there()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(attempt)
            await wait_all_tasks_blocked()
            mock_clock.jump(9.9)
            await wait_all_tasks_blocked()
            assert told == []
            mock_clock.jump(0.2)
        assert told == ["the system keyring (test) did not answer within 10 seconds; unlock it and try again"]
        with pytest.raises(SystemFailed, match="still has not answered"):
            await system.get("service", "name")  # at once: the clock stands still
    finally:
        backend.release.set()


async def test_the_file_takes_over_from_a_hanging_keyring_and_gives_back_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backend = HangingBackend()
    keyring = open_on(tmp_path, backend, deadline=0.05)
    try:
        await keyring.set("password", "one")
        assert "because the system keyring (test) did not answer within 0.05 seconds" in keyring.where
        assert "secrets go to the encrypted file" in caplog.text
        await keyring.set("password", "two")
        assert await open_on(tmp_path, backend, deadline=0.05).get("password") == "two"
    finally:
        backend.release.set()
    with trio.fail_after(30):
        while not backend.held:  # the late "one" arrives before the next start of the app
            await trio.sleep(0.01)
    keyring = open_on(tmp_path, backend)
    assert await keyring.get("password") == "two"
    await keyring.set("other", "x")
    assert sorted(backend.held.values()) == ["two", "x"]
    assert keyring.where == "the system keyring (test)"
    assert await open_on(tmp_path, backend).get("password") == "two"


async def test_a_late_answer_never_overtakes_a_newer_secret(tmp_path: Path) -> None:
    backend = HangingBackend()
    system = system_on(backend, deadline=0.05)
    assert await system.there()
    with pytest.raises(SystemFailed):
        await system.set("service", "name", "one")
    backend.release.set()
    with trio.fail_after(5):
        while True:
            try:
                await system.set("service", "name", "two")
                break
            except SystemFailed:
                await trio.sleep(0.01)
    assert await system.get("service", "name") == "two"


async def test_a_secret_behind_a_locked_keyring_is_not_taken_for_none(tmp_path: Path) -> None:
    backend = MoodyBackend()
    await open_on(tmp_path, backend).set("password", CANARY)
    backend.broken = True
    keyring = open_on(tmp_path, backend)
    with pytest.raises(CryptoError, match="cannot be read now"):
        await keyring.get("password")
    with pytest.raises(CryptoError, match="there is none in this session"):
        await open_on(tmp_path, None).get("password")
    with pytest.raises(CryptoError, match='which the setting keyring = "file" excludes'):
        await open_on(tmp_path, backend, "file").get("password")
    backend.broken = False
    assert await keyring.get("password") == CANARY


async def test_signing_in_again_works_while_the_keyring_is_locked(tmp_path: Path) -> None:
    backend = MoodyBackend()
    await open_on(tmp_path, backend).set("password", "former")
    backend.broken = True
    await open_on(tmp_path, backend).set("password", "new")
    backend.broken = False
    assert await open_on(tmp_path, backend).get("password") == "new"


async def test_what_was_deleted_while_the_keyring_was_locked_stays_deleted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backend = MoodyBackend()
    await open_on(tmp_path, backend).set("password", CANARY)
    backend.broken = True
    await open_on(tmp_path, backend).delete("password")
    assert "still in the system keyring" in caplog.text
    backend.broken = False
    assert await open_on(tmp_path, backend).get("password") is None
    await open_on(tmp_path, backend).set("other", "x")
    assert list(backend.held.values()) == ["x"]


async def test_a_secret_deleted_by_hand_in_the_system_keyring_is_none(tmp_path: Path) -> None:
    backend = DictBackend()
    await open_on(tmp_path, backend).set("password", CANARY)
    backend.held.clear()
    assert await open_on(tmp_path, backend).get("password") is None


async def test_no_error_and_no_log_quotes_a_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for backend in (RaisingBackend(), LyingBackend()):
        with pytest.raises(SystemFailed) as caught:
            await _set(system_on(backend))
        assert CANARY not in repr(caught.value)
        await open_on(tmp_path, backend).set("password", CANARY)
    assert caplog.records and CANARY not in caplog.text


async def _set(system: SystemKeyring) -> None:
    assert await system.there()
    await system.set("service", "name", CANARY)


async def test_looking_for_a_keyring_may_hang_too(tmp_path: Path) -> None:
    release = threading.Event()

    def find() -> None:
        release.wait()

    try:
        keyring = ProfileKeyring(tmp_path, system=SystemKeyring(0.05, find))
        await keyring.set("password", CANARY)
        assert await keyring.get("password") == CANARY
        assert keyring.where.startswith("the encrypted file")
    finally:
        release.set()


@pytest.mark.parametrize(("module", "name", "priority", "taken"), [
    ("keyring.backends.SecretService", "Keyring", 5, True),
    ("keyring.backends.Windows", "WinVaultKeyring", 5, True),
    ("somebody.keyring", "Keyring", 1, True),
    ("keyring.backends.fail", "Keyring", 0, False),
    ("keyring.backends.null", "Keyring", -1, False),
    ("keyrings.alt.file", "EncryptedKeyring", 5, False),
    ("somebody.keyring", "PlaintextKeyring", 5, False),
    ("somebody.keyring", "Keyring", 0.5, False),
])
def test_only_real_backends_are_taken(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str, priority: float, taken: bool
) -> None:
    import keyring

    backend = type(name, (DictBackend,), {"__module__": module, "priority": priority})()
    for found in (backend, SimpleNamespace(backends=[backend])):
        monkeypatch.setattr(keyring, "get_keyring", lambda: found)
        assert (find_backend() is not None) == taken
