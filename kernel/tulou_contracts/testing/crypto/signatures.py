"""Conformance of `Signatures` and `SignedTexts`."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

import pytest

from tulou_contracts.crypto import Algorithm, CryptoError, Signatures, SignedTexts

FAST = [Algorithm.ED25519, Algorithm.ECDSA_P256]
"""Those whose keys are made at once."""


class SignaturesConformance:
    """What every `Signatures` does."""

    @pytest.fixture
    def signatures(self) -> Signatures:
        """The signatures."""
        raise NotImplementedError("define the fixture signatures in the subclass")

    @pytest.fixture(params=FAST, ids=lambda each: each.value)
    def private_key(self, signatures: Signatures, request: pytest.FixtureRequest) -> bytes:
        """A key; override to try RSA too."""
        return signatures.new_private_key(request.param)

    @pytest.mark.parametrize("data", [b"", b"x", "你好".encode(), bytes(range(256)) * 300])
    def test_a_signature_is_right(self, signatures: Signatures, private_key: bytes, data: bytes) -> None:
        public_key = signatures.public_key(private_key)
        signatures.verify(public_key, data, signatures.sign(private_key, data))

    def test_every_flipped_bit_is_noticed(self, signatures: Signatures, private_key: bytes) -> None:
        public_key = signatures.public_key(private_key)
        signature = signatures.sign(private_key, b"text")
        for position in range(len(signature)):
            wrong = bytearray(signature)
            wrong[position] ^= 1 << position % 8
            with pytest.raises(CryptoError):
                signatures.verify(public_key, b"text", bytes(wrong))

    def test_another_length_is_noticed(self, signatures: Signatures, private_key: bytes) -> None:
        public_key = signatures.public_key(private_key)
        signature = signatures.sign(private_key, b"text")
        for wrong in (b"", signature[:-1], signature + b"\0", b"\0" + signature, bytes(len(signature))):
            with pytest.raises(CryptoError):
                signatures.verify(public_key, b"text", wrong)

    @pytest.mark.parametrize("text", [b"", b"text ", b"Text", b"texu"])
    def test_another_text_is_refused(self, signatures: Signatures, private_key: bytes, text: bytes) -> None:
        signature = signatures.sign(private_key, b"text")
        with pytest.raises(CryptoError):
            signatures.verify(signatures.public_key(private_key), text, signature)

    def test_another_key_is_refused(self, signatures: Signatures, private_key: bytes) -> None:
        signature = signatures.sign(private_key, b"text")
        for algorithm in FAST:
            other = signatures.public_key(signatures.new_private_key(algorithm))
            with pytest.raises(CryptoError):
                signatures.verify(other, b"text", signature)

    def test_a_key_knows_its_algorithm(self, signatures: Signatures) -> None:
        for algorithm in FAST:
            key = signatures.new_private_key(algorithm)
            assert signatures.algorithm(signatures.public_key(key)) is algorithm

    def test_keys_differ(self, signatures: Signatures) -> None:
        assert len({signatures.new_private_key() for _ in range(20)}) == 20

    @pytest.mark.parametrize("bad", [b"", b"\0" * 32, b"key", b"0" * 100, b"\x30" * 60, b"-----BEGIN"])
    def test_what_is_no_key_is_refused(self, signatures: Signatures, bad: bytes) -> None:
        with pytest.raises(CryptoError):
            signatures.sign(bad, b"text")
        with pytest.raises(CryptoError):
            signatures.public_key(bad)
        with pytest.raises(CryptoError):
            signatures.algorithm(bad)
        with pytest.raises(CryptoError):
            signatures.verify(bad, b"text", b"s" * 64)

    def test_a_damaged_key_never_crashes(self, signatures: Signatures, private_key: bytes) -> None:
        public_key = signatures.public_key(private_key)
        signature = signatures.sign(private_key, b"text")
        for position in range(len(public_key)):
            for wrong in (public_key[:position], public_key[:position] + b"\xff" + public_key[position + 1:]):
                if wrong != public_key:
                    with pytest.raises(CryptoError):
                        signatures.verify(wrong, b"text", signature)

    def test_the_halves_are_not_mistaken_for_each_other(
        self, signatures: Signatures, private_key: bytes
    ) -> None:
        with pytest.raises(CryptoError):
            signatures.sign(signatures.public_key(private_key), b"text")
        with pytest.raises(CryptoError):
            signatures.verify(private_key, b"text", signatures.sign(private_key, b"text"))


class SignedTextsConformance:
    """What every `SignedTexts` does; `signatures` makes keys that it takes."""

    @pytest.fixture
    def texts(self) -> SignedTexts:
        """The signed texts."""
        raise NotImplementedError("define the fixture texts in the subclass")

    @pytest.fixture
    def signatures(self) -> Signatures:
        """Signatures whose keys go with it."""
        raise NotImplementedError("define the fixture signatures in the subclass")

    @pytest.fixture
    def private_key(self, signatures: Signatures) -> bytes:
        """The key "root"."""
        return signatures.new_private_key()

    @pytest.fixture
    def keys(self, signatures: Signatures, private_key: bytes) -> Mapping[str, bytes]:
        """The keys that are known: "root", and another."""
        return {"root": signatures.public_key(private_key),
                "other": signatures.public_key(signatures.new_private_key(Algorithm.ECDSA_P256))}

    @pytest.mark.parametrize("payload", [b"", b"{}", '{"名":"值"}'.encode(), bytes(range(256)) * 1000])
    def test_a_payload_is_given_back(
        self, texts: SignedTexts, private_key: bytes, keys: Mapping[str, bytes], payload: bytes
    ) -> None:
        text = texts.sign(payload, private_key, "root", "tulou-routes")
        assert text.isascii() and text.count(".") == 2
        assert texts.verify(text, keys, "tulou-routes") == payload

    def test_the_header_says_who_how_and_what(self, texts: SignedTexts, private_key: bytes) -> None:
        text = texts.sign(b"{}", private_key, "钥匙 1", "tulou-routes")
        assert json.loads(decode(text.split(".")[0])) == {
            "alg": "EdDSA", "kid": "钥匙 1", "typ": "tulou-routes"}

    def test_every_changed_character_is_noticed(
        self, texts: SignedTexts, private_key: bytes, keys: Mapping[str, bytes]
    ) -> None:
        text = texts.sign(b'{"n":1}', private_key, "root", "t")
        for position, character in enumerate(text):
            for other in ("A" if character != "A" else "B", ".", "=", "+", "\n", "é", ""):
                if other != character:
                    with pytest.raises(CryptoError):
                        texts.verify(text[:position] + other + text[position + 1:], keys, "t")

    @pytest.mark.parametrize("kind", ["", "T", "t ", "tt", "tulou-routes"])
    def test_another_kind_is_refused(
        self, texts: SignedTexts, private_key: bytes, keys: Mapping[str, bytes], kind: str
    ) -> None:
        text = texts.sign(b"{}", private_key, "root", "t")
        with pytest.raises(CryptoError):
            texts.verify(text, keys, kind)

    def test_an_unknown_or_exchanged_key_is_refused(
        self, texts: SignedTexts, private_key: bytes, keys: Mapping[str, bytes]
    ) -> None:
        text = texts.sign(b"{}", private_key, "root", "t")
        with pytest.raises(CryptoError):
            texts.verify(text, {}, "t")
        with pytest.raises(CryptoError):
            texts.verify(text, {"root": keys["other"]}, "t")
        with pytest.raises(CryptoError):
            texts.verify(texts.sign(b"{}", private_key, "other", "t"), keys, "t")

    @pytest.mark.parametrize("header", [
        {"alg": "none", "kid": "root", "typ": "t"},
        {"alg": "HS256", "kid": "root", "typ": "t"},
        {"alg": "ES256", "kid": "root", "typ": "t"},
        {"alg": "eddsa", "kid": "root", "typ": "t"},
        {"alg": "EdDSA", "kid": "root"},
        {"alg": "EdDSA", "typ": "t"},
        {"kid": "root", "typ": "t"},
        {"alg": "EdDSA", "kid": ["root"], "typ": "t"},
        {"alg": "EdDSA", "kid": {"root": 1}, "typ": "t"},
        {"alg": "EdDSA", "kid": "root", "typ": "t", "crit": ["exp"], "exp": 1},
        {"alg": "EdDSA", "kid": "root", "typ": "t", "crit": ["b64"], "b64": False},
        [], "EdDSA", None, 1,
    ], ids=str)
    def test_other_headers_are_refused_though_signed(
        self, texts: SignedTexts, signatures: Signatures, private_key: bytes, keys: Mapping[str, bytes],
        header: object
    ) -> None:
        with pytest.raises(CryptoError):
            texts.verify(by_hand(signatures, private_key, json.dumps(header).encode(), b"{}"), keys, "t")

    @pytest.mark.parametrize("header", [
        b"", b"{", b"\xff\xfe", b"[" * 2500, b'{"alg":"none","alg":"EdDSA","kid":"root","typ":"t"}'], ids=len)
    def test_headers_that_are_no_json_are_refused_though_signed(
        self, texts: SignedTexts, signatures: Signatures, private_key: bytes, keys: Mapping[str, bytes],
        header: bytes
    ) -> None:
        with pytest.raises(CryptoError):
            texts.verify(by_hand(signatures, private_key, header, b"{}"), keys, "t")

    @pytest.mark.parametrize("text", [
        "", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", " .. ", "\0.\0.\0", "é.é.é", "\ud800..",
        "." * 100_000, "A" * (8 * 2**20 + 1)], ids=len)
    def test_what_is_no_signed_text_is_refused(
        self, texts: SignedTexts, keys: Mapping[str, bytes], text: str
    ) -> None:
        with pytest.raises(CryptoError):
            texts.verify(text, keys, "t")

    def test_a_payload_too_long_is_not_signed(self, texts: SignedTexts, private_key: bytes) -> None:
        with pytest.raises(CryptoError):
            texts.sign(bytes(8 * 2**20), private_key, "root", "t")


def by_hand(signatures: Signatures, private_key: bytes, header: bytes, payload: bytes) -> str:
    """A text signed by the right key under any header."""
    signed = f"{encode(header)}.{encode(payload)}"
    return f"{signed}.{encode(signatures.sign(private_key, signed.encode()))}"


def encode(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(part: str) -> bytes:
    """What `encode` was given."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
