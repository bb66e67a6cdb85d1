"""Signed texts: what no reader of ours may be made to do, whatever a stranger sends."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto_providers import PROVIDERS
from tulou_contracts.crypto import Algorithm, CryptoError
from tulou_crypto import jws
from tulou_crypto.jws import JwsTexts
from tulou_crypto.signatures import KeySignatures

SIGNATURES = KeySignatures(PROVIDERS[-1]())
TEXTS = JwsTexts(SIGNATURES)
KEY = SIGNATURES.new_private_key(Algorithm.ED25519)
PUBLIC = SIGNATURES.public_key(KEY)
EC_KEY = SIGNATURES.new_private_key(Algorithm.ECDSA_P256)
NAME = st.text(min_size=1, max_size=20)
TEXT = TEXTS.sign('{"路":1}'.encode(), KEY, "root", "routes")


@settings(max_examples=100, deadline=None)
@given(payload=st.binary(max_size=200), key_id=NAME, kind=NAME)
def test_any_payload_name_and_kind_come_back(payload: bytes, key_id: str, kind: str) -> None:
    text = TEXTS.sign(payload, KEY, key_id, kind)
    assert TEXTS.verify(text, {key_id: PUBLIC}, kind) == payload


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=200) | st.from_regex(r"([A-Za-z0-9_-]{0,80}\.){2}[A-Za-z0-9_-]{0,90}"))
def test_no_text_crashes_the_reader(text: str) -> None:
    with pytest.raises(CryptoError):
        TEXTS.verify(text, {"root": PUBLIC}, "routes")


@settings(max_examples=200, deadline=None)
@given(header=st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner:
                           st.lists(inner, max_size=3)
                           | st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jwk"]), inner)))
def test_no_signed_header_crashes_the_reader(header: object) -> None:
    signed = f"{jws._encode(json.dumps(header).encode())}.e30"
    text = f"{signed}.{jws._encode(SIGNATURES.sign(KEY, signed.encode()))}"
    with pytest.raises(CryptoError):
        TEXTS.verify(text, {"root": PUBLIC}, "routes")


def test_a_key_that_the_header_brings_is_not_looked_at() -> None:
    other = SIGNATURES.new_private_key()
    x = base64.urlsafe_b64encode(SIGNATURES.public_key(other)[-32:]).rstrip(b"=").decode()
    for extra in ({"jwk": {"kty": "OKP", "crv": "Ed25519", "x": x}}, {"jku": "https://evil.example/keys"},
                  {"x5c": ["MIIB"]}):
        header = jws._encode(json.dumps({"alg": "EdDSA", "kid": "root", "typ": "routes", **extra}).encode())
        signed = f"{header}.e30"
        forged = f"{signed}.{jws._encode(SIGNATURES.sign(other, signed.encode()))}"
        with pytest.raises(CryptoError, match="signature is not right"):
            TEXTS.verify(forged, {"root": PUBLIC}, "routes")


def test_the_public_key_is_no_secret_for_hmac() -> None:
    """The classic confusion: HS256 with the public key as its secret."""
    import hmac

    header = jws._encode(b'{"alg":"HS256","kid":"root","typ":"routes"}')
    for secret in (PUBLIC, PUBLIC[-32:], base64.b64encode(PUBLIC)):
        tag = hmac.digest(secret, f"{header}.e30".encode(), "sha256")
        with pytest.raises(CryptoError, match="HS256"):
            TEXTS.verify(f"{header}.e30.{jws._encode(tag)}", {"root": PUBLIC}, "routes")


@pytest.mark.parametrize("signature", [bytes(64), b"\0" * 63 + b"\1", b""], ids=len)
def test_psychic_signatures_are_refused(signature: bytes) -> None:
    """CVE-2022-21449: r and s of zero."""
    header = jws._encode(b'{"alg":"ES256","kid":"ec","typ":"routes"}')
    with pytest.raises(CryptoError):
        keys = {"ec": SIGNATURES.public_key(EC_KEY)}
        TEXTS.verify(f"{header}.e30.{jws._encode(signature)}", keys, "routes")


def test_a_text_has_one_form() -> None:
    header, payload, signature = TEXT.split(".")
    wrong = [f"{header}.{payload}.{signature}=", f"{header}=.{payload}.{signature}", f" {TEXT}", f"{TEXT}\n",
             f"{header}.{payload}\n.{signature}", TEXT.replace("-", "+").replace("_", "/") + "+"]
    # The last character of 64 bytes carries four bits that mean nothing.
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    wrong += [TEXT[:-1] + other for other in last if other != TEXT[-1]]
    for text in wrong:
        with pytest.raises(CryptoError):
            TEXTS.verify(text, {"root": PUBLIC}, "routes")
    assert TEXTS.verify(TEXT, {"root": PUBLIC}, "routes") == '{"路":1}'.encode()


def test_errors_quote_strangers_harmlessly() -> None:
    hostile = "\x1b[31m\u202e" + "x" * 999
    header = jws._encode(json.dumps({"alg": "EdDSA", "kid": hostile, "typ": "t"}).encode())
    with pytest.raises(CryptoError) as caught:
        TEXTS.verify(f"{header}.e30.AAAA", {"root": PUBLIC}, "t")
    assert str(caught.value).isascii() and str(caught.value).isprintable() and len(str(caught.value)) < 200


def test_the_longest_text_is_accepted_and_one_more_is_not() -> None:
    text = TEXTS.sign(bytes(jws.LONGEST_TEXT * 3 // 4 - jws.LONGEST_HEADER - 3072), KEY, "root", "routes")
    assert len(TEXTS.verify(text, {"root": PUBLIC}, "routes")) > 6_000_000
    with pytest.raises(CryptoError, match="at most"):
        TEXTS.verify(text + "A" * (jws.LONGEST_TEXT + 1 - len(text)), {"root": PUBLIC}, "routes")


@pytest.mark.parametrize(("key_id", "kind"), [("", "t"), ("k", ""), ("k" * 257, "t"), ("k", "t" * 257)])
def test_names_have_a_length(key_id: str, kind: str) -> None:
    with pytest.raises(CryptoError):
        TEXTS.sign(b"{}", KEY, key_id, kind)
