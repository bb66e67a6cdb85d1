"""Conformance of `Cipher`."""

from __future__ import annotations

import hashlib

import pytest
import trio

from tulou_contracts.crypto import Cipher, CryptoError


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
