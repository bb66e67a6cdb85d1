"""Conformance of `Keyring` and `Cipher`, and fakes for tests of other rooms.

Subclass a suite in a test module and define its fixture::

    class TestMine(KeyringConformance):
        @pytest.fixture
        def open_keyring(self, tmp_path):
            return lambda: MyKeyring(tmp_path)
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable

import pytest
import trio

from tulou_contracts.crypto import Cipher, CryptoError, Keyring

CANARY = "canary-7f3a-金丝雀"


class MemoryKeyring:
    """A `Keyring` that lives as long as the dictionary it is given."""

    def __init__(self, secrets_by_name: dict[str, str] | None = None) -> None:
        self.where = "the memory of a test"
        self._secrets = {} if secrets_by_name is None else secrets_by_name

    async def get(self, name: str) -> str | None:
        """The secret, or None."""
        await trio.lowlevel.checkpoint()
        return self._secrets.get(name)

    async def set(self, name: str, secret: str) -> None:
        """Keep a secret."""
        await trio.lowlevel.checkpoint()
        for text in (name, secret):
            try:
                text.encode()
            except UnicodeEncodeError:
                raise CryptoError("the name or the secret is no Unicode text") from None
        self._secrets[name] = secret

    async def delete(self, name: str) -> None:
        """Forget a secret."""
        await trio.lowlevel.checkpoint()
        self._secrets.pop(name, None)


class FakeCipher:
    """A `Cipher` of the standard library alone: fit for tests, not for secrets."""

    def new_key(self) -> bytes:
        """32 random bytes."""
        return secrets.token_bytes(32)

    def seal(self, key: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Encrypt and authenticate."""
        nonce = secrets.token_bytes(12)
        text = self._mask(key, nonce, plaintext)
        return nonce + text + self._tag(key, nonce + text, associated)

    def open(self, key: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
        """The plaintext. Raises `CryptoError`."""
        body, tag = sealed[:-16], sealed[-16:]
        if len(sealed) < 28 or not hmac.compare_digest(tag, self._tag(key, body, associated)):
            raise CryptoError("the sealed text does not authenticate")
        return self._mask(key, body[:12], body[12:])

    async def derive_key(self, password: str, salt: bytes) -> bytes:
        """32 bytes from a password by scrypt (RFC 7914, N=2**15, r=8, p=1)."""
        return await trio.to_thread.run_sync(lambda: hashlib.scrypt(
            password.encode(), salt=salt, n=2**15, r=8, p=1, maxmem=2**26, dklen=32))

    @staticmethod
    def _mask(key: bytes, nonce: bytes, text: bytes) -> bytes:
        if len(key) != 32:
            raise CryptoError(f"the key has {len(key)} bytes; it needs 32")
        mask = hashlib.shake_256(key + nonce).digest(len(text))
        return bytes(a ^ b for a, b in zip(text, mask, strict=True))

    @staticmethod
    def _tag(key: bytes, body: bytes, associated: bytes) -> bytes:
        framed = len(associated).to_bytes(8, "big") + associated + body
        return hmac.digest(key, framed, "sha256")[:16]


class KeyringConformance:
    """What every `Keyring` does. Calling `open_keyring` again is another start of the same profile."""

    @pytest.fixture
    def open_keyring(self) -> Callable[[], Keyring]:
        """A function that opens the profile's keyring."""
        raise NotImplementedError("define the fixture open_keyring in the subclass")

    async def test_a_secret_is_given_back(self, open_keyring: Callable[[], Keyring]) -> None:
        keyring = open_keyring()
        await keyring.set("password", CANARY)
        assert await keyring.get("password") == CANARY

    async def test_an_unknown_name_is_none(self, open_keyring: Callable[[], Keyring]) -> None:
        keyring = open_keyring()
        assert await keyring.get("password") is None
        await keyring.set("other", CANARY)
        assert await keyring.get("password") is None

    async def test_a_secret_survives_a_new_start(self, open_keyring: Callable[[], Keyring]) -> None:
        await open_keyring().set("password", CANARY)
        assert await open_keyring().get("password") == CANARY

    async def test_the_newest_secret_counts(self, open_keyring: Callable[[], Keyring]) -> None:
        for secret in ("one", "two", "three"):
            await open_keyring().set("password", secret)
        assert await open_keyring().get("password") == "three"

    async def test_a_deleted_secret_is_gone(self, open_keyring: Callable[[], Keyring]) -> None:
        keyring = open_keyring()
        await keyring.set("password", CANARY)
        await keyring.set("other", "stays")
        await keyring.delete("password")
        assert await keyring.get("password") is None
        assert await open_keyring().get("password") is None
        assert await open_keyring().get("other") == "stays"

    async def test_deleting_what_is_not_there_is_no_error(self, open_keyring: Callable[[], Keyring]) -> None:
        keyring = open_keyring()
        await keyring.delete("password")
        await keyring.set("other", "stays")
        await keyring.delete("password")
        await keyring.delete("password")

    async def test_a_deleted_secret_can_be_set_again(self, open_keyring: Callable[[], Keyring]) -> None:
        keyring = open_keyring()
        await keyring.set("password", "one")
        await keyring.delete("password")
        await keyring.set("password", "two")
        assert await open_keyring().get("password") == "two"

    @pytest.mark.parametrize("secret", [
        "", " ", "密码 🔑", "e\u0301 is not \u00e9", "two\nlines\r\n", 'quote " and \\', "x" * 1000])
    async def test_secrets_keep_every_character(
        self, open_keyring: Callable[[], Keyring], secret: str
    ) -> None:
        await open_keyring().set("密码 name/with:signs", secret)
        assert await open_keyring().get("密码 name/with:signs") == secret

    async def test_names_are_told_apart(self, open_keyring: Callable[[], Keyring]) -> None:
        keyring = open_keyring()
        names = ["a", "A", "a ", "a/b", "a\\b", "a:b", "é", "e\u0301", "名"]
        for number, name in enumerate(names):
            await keyring.set(name, str(number))
        assert [await keyring.get(name) for name in names] == [str(n) for n in range(len(names))]

    async def test_no_text_is_an_error_and_changes_nothing(
        self, open_keyring: Callable[[], Keyring]
    ) -> None:
        keyring = open_keyring()
        await keyring.set("password", CANARY)
        with pytest.raises(CryptoError) as caught:
            await keyring.set("password", CANARY + "\ud800")
        assert CANARY not in str(caught.value)
        assert await open_keyring().get("password") == CANARY

    async def test_many_at_once_are_all_kept(self, open_keyring: Callable[[], Keyring]) -> None:
        keyring = open_keyring()
        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(keyring.set, f"name {number}", str(number))
        again = open_keyring()
        assert [await again.get(f"name {number}") for number in range(10)] == list("0123456789")

    async def test_a_cancelled_set_leaves_the_old_or_the_new(
        self, open_keyring: Callable[[], Keyring]
    ) -> None:
        keyring = open_keyring()
        await keyring.set("password", "old")
        with trio.CancelScope() as scope:
            scope.cancel()
            await keyring.set("password", "new")
        assert await open_keyring().get("password") in ("old", "new")
        await keyring.set("password", "newest")
        assert await open_keyring().get("password") == "newest"

    async def test_it_says_where_and_shows_no_secret(self, open_keyring: Callable[[], Keyring]) -> None:
        keyring = open_keyring()
        assert keyring.where
        await keyring.set("password", CANARY)
        assert keyring.where
        assert CANARY not in repr(keyring) + str(keyring) + keyring.where


class CipherConformance:
    """What every `Cipher` does."""

    @pytest.fixture
    def cipher(self) -> Cipher:
        """The cipher."""
        raise NotImplementedError("define the fixture cipher in the subclass")

    @pytest.mark.parametrize("text", [b"", b"x", "你好".encode(), b"\0" * 16, bytes(range(256)) * 300])
    @pytest.mark.parametrize("associated", [b"", b"purpose", b"\0" * 40])
    def test_what_was_sealed_opens(self, cipher: Cipher, text: bytes, associated: bytes) -> None:
        key = cipher.new_key()
        sealed = cipher.seal(key, text, associated)
        assert cipher.open(key, sealed, associated) == text
        assert len(text) < 2 or text not in sealed

    def test_every_flipped_bit_is_noticed(self, cipher: Cipher) -> None:
        key = cipher.new_key()
        sealed = cipher.seal(key, b"text", b"purpose")
        for position in range(len(sealed)):
            wrong = bytearray(sealed)
            wrong[position] ^= 1 << position % 8
            with pytest.raises(CryptoError):
                cipher.open(key, bytes(wrong), b"purpose")

    def test_every_shorter_text_is_noticed(self, cipher: Cipher) -> None:
        key = cipher.new_key()
        sealed = cipher.seal(key, b"text")
        for length in range(len(sealed)):
            with pytest.raises(CryptoError):
                cipher.open(key, sealed[:length])
        with pytest.raises(CryptoError):
            cipher.open(key, sealed + b"\0")

    @pytest.mark.parametrize("associated", [b"", b"purposes", b"Purpose", b"purpose\0"])
    def test_another_purpose_is_refused(self, cipher: Cipher, associated: bytes) -> None:
        key = cipher.new_key()
        with pytest.raises(CryptoError):
            cipher.open(key, cipher.seal(key, b"text", b"purpose"), associated)

    def test_another_key_is_refused(self, cipher: Cipher) -> None:
        sealed = cipher.seal(cipher.new_key(), b"text")
        with pytest.raises(CryptoError):
            cipher.open(cipher.new_key(), sealed)

    @pytest.mark.parametrize("length", [0, 16, 31, 33])
    def test_a_key_of_another_length_is_refused(self, cipher: Cipher, length: int) -> None:
        with pytest.raises(CryptoError):
            cipher.seal(b"k" * length, b"text")
        with pytest.raises(CryptoError):
            cipher.open(b"k" * length, cipher.seal(cipher.new_key(), b"text"))

    def test_the_same_text_never_looks_the_same(self, cipher: Cipher) -> None:
        key = cipher.new_key()
        assert len({cipher.seal(key, b"text") for _ in range(100)}) == 100

    def test_keys_are_32_bytes_and_differ(self, cipher: Cipher) -> None:
        keys = {cipher.new_key() for _ in range(100)}
        assert len(keys) == 100 and {len(key) for key in keys} == {32}

    async def test_a_derived_key_is_that_of_scrypt(self, cipher: Cipher) -> None:
        salt = b"sixteen bytes of"
        expected = hashlib.scrypt(
            "密码 password".encode(), salt=salt, n=2**15, r=8, p=1, maxmem=2**26, dklen=32)
        assert await cipher.derive_key("密码 password", salt) == expected

    async def test_the_loop_goes_on_while_a_key_is_derived(self, cipher: Cipher) -> None:
        turns = 0
        derived = trio.Event()

        async def derive() -> None:
            await cipher.derive_key("password", b"salt")
            derived.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(derive)
            while not derived.is_set():
                turns += 1
                await trio.sleep(0.001)
        assert turns > 2
