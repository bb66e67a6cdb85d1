"""Conformance of `Primitives`."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from tulou_contracts.crypto import Algorithm, CryptoError, Primitives

KEY = bytes(range(32))
NONCE = bytes(12)


class PrimitivesConformance:
    """What every provider does, besides giving the published answers."""

    @pytest.fixture
    def primitives(self) -> Primitives:
        """The provider."""
        raise NotImplementedError("define the fixture primitives in the subclass")

    def test_it_has_a_name(self, primitives: Primitives) -> None:
        assert primitives.name

    def test_both_sides_agree_on_a_secret(self, primitives: Primitives) -> None:
        ours, theirs = primitives.x25519_new(), primitives.x25519_new()
        one = primitives.x25519(ours, primitives.x25519_public(theirs))
        assert one == primitives.x25519(theirs, primitives.x25519_public(ours)) and len(one) == 32

    @pytest.mark.parametrize("public", [
        bytes(32), b"\1" + bytes(31), bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffff"
                                                    "ffffffffffff7f"), b"", b"x" * 31, b"x" * 33], ids=repr)
    def test_public_keys_that_give_no_secret_are_refused(
        self, primitives: Primitives, public: bytes
    ) -> None:
        with pytest.raises(CryptoError):
            primitives.x25519(primitives.x25519_new(), public)

    @pytest.mark.parametrize("form", ["gcm", "cbc_hmac"])
    @pytest.mark.parametrize("text", [b"", b"x", b"\0" * 16, "你好".encode() * 1000])
    def test_sealed_texts_open_and_every_change_is_noticed(
        self, primitives: Primitives, form: str, text: bytes
    ) -> None:
        def seal(key: bytes, associated: bytes) -> bytes:
            if form == "gcm":
                return primitives.gcm_seal(key, NONCE, text, associated)
            return primitives.cbc_hmac_seal(key, text, associated)

        def open_(key: bytes, sealed: bytes, associated: bytes) -> bytes:
            if form == "gcm":
                return primitives.gcm_open(key, NONCE, sealed, associated)
            return primitives.cbc_hmac_open(key, sealed, associated)

        sealed = seal(KEY, b"purpose")
        assert open_(KEY, sealed, b"purpose") == text
        wrong = [(KEY, sealed[:length], b"purpose") for length in range(min(len(sealed), 80))]
        wrong += [(KEY, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1:], b"purpose")
                  for at in {*range(min(len(sealed), 80)), len(sealed) - 1}]
        wrong += [(KEY, sealed + b"\0", b"purpose"), (KEY, sealed, b""), (bytes(32), sealed, b"purpose"),
                  (KEY, b"p" + sealed, b"urpose")]
        for key, bad, associated in wrong:
            with pytest.raises(CryptoError):
                open_(key, bad, associated)
        for length in (0, 16, 31, 33):
            with pytest.raises(CryptoError):
                seal(bytes(length), b"")
            with pytest.raises(CryptoError):
                open_(bytes(length), sealed, b"purpose")

    @pytest.mark.parametrize("nonce", [b"", bytes(8), bytes(11), bytes(13), bytes(16)], ids=len)
    def test_a_nonce_of_another_length_is_refused(self, primitives: Primitives, nonce: bytes) -> None:
        with pytest.raises(CryptoError):
            primitives.gcm_seal(KEY, nonce, b"text")
        with pytest.raises(CryptoError):
            primitives.gcm_open(KEY, nonce, bytes(40))

    def test_hmac_and_scrypt_are_those_of_the_standard_library(self, primitives: Primitives) -> None:
        assert primitives.hmac(KEY, b"text") == hmac.digest(KEY, b"text", "sha256")
        assert primitives.scrypt(b"word", b"salt", 16, 8, 1, 32) == hashlib.scrypt(
            b"word", salt=b"salt", n=16, r=8, p=1, dklen=32)

    @pytest.mark.parametrize("length", [-1, 0, 8161])
    def test_hkdf_has_an_end(self, primitives: Primitives, length: int) -> None:
        with pytest.raises(CryptoError):
            primitives.hkdf(b"secret", length)

    def test_random_bytes_and_keys_differ(self, primitives: Primitives) -> None:
        assert len({primitives.random(32) for _ in range(50)}) == 50
        assert len({primitives.x25519_new() for _ in range(50)}) == 50
        assert primitives.random(0) == b""

    def test_equal_compares(self, primitives: Primitives) -> None:
        assert primitives.equal(b"abc", b"abc")
        assert not primitives.equal(b"abc", b"abd")
        assert not primitives.equal(b"abc", b"ab")

    def test_only_rsa_encrypts(self, primitives: Primitives) -> None:
        key = primitives.new_private_key(Algorithm.ED25519)
        with pytest.raises(CryptoError):
            primitives.rsa_encrypt(primitives.public_key(key), b"text")
        with pytest.raises(CryptoError):
            primitives.rsa_decrypt(key, b"text")

    def test_its_looks_tell_no_secret(self, primitives: Primitives) -> None:
        primitives.x25519_public(KEY)
        assert KEY.hex() not in repr(primitives) and str(KEY) not in repr(primitives)
