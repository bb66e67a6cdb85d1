"""The contracts' suites, on our implementations and on the fakes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crypto_backends import DictBackend, HangingBackend, LyingBackend, RaisingBackend, system_on
from crypto_providers import PROVIDERS
from tulou_contracts.crypto import Cipher, Keyring
from tulou_contracts.testing.crypto import (
    CipherConformance,
    FakeCipher,
    KeyringConformance,
    MemoryKeyring,
)
from tulou_crypto.cipher import AesGcm
from tulou_crypto.profile_keyring import ProfileKeyring


class TestFile(KeyringConformance):
    @pytest.fixture(params=[True, False], ids=["threads", "no threads"])
    def open_keyring(self, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[], Keyring]:
        return lambda: ProfileKeyring(tmp_path, mode="file", threads=request.param)


class TestSystem(KeyringConformance):
    @pytest.fixture
    def open_keyring(self, tmp_path: Path) -> Callable[[], Keyring]:
        backend = DictBackend()
        return lambda: ProfileKeyring(tmp_path, mode="system", system=system_on(backend))


class TestAuto(KeyringConformance):
    """With every kind of system keyring."""

    @pytest.fixture(params=[None, DictBackend, RaisingBackend, LyingBackend])
    def open_keyring(self, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[], Keyring]:
        backend = request.param and request.param()
        return lambda: ProfileKeyring(tmp_path, mode="auto", system=system_on(backend))


class TestAutoHanging(KeyringConformance):
    """With a system keyring that never answers."""

    @pytest.fixture
    def open_keyring(self, tmp_path: Path) -> Iterator[Callable[[], Keyring]]:
        backend = HangingBackend()
        yield lambda: ProfileKeyring(tmp_path, mode="auto", system=system_on(backend, deadline=0.01))
        backend.release.set()


class TestMemory(KeyringConformance):
    @pytest.fixture
    def open_keyring(self) -> Callable[[], Keyring]:
        secrets: dict[str, str] = {}
        return lambda: MemoryKeyring(secrets)


class TestAesGcm(CipherConformance):
    @pytest.fixture(params=PROVIDERS)
    def cipher(self, request: pytest.FixtureRequest) -> Cipher:
        return AesGcm(request.param())


class TestFakeCipher(CipherConformance):
    @pytest.fixture
    def cipher(self) -> Cipher:
        return FakeCipher()
