"""The providers: the suite on each, each with the other, and which one is chosen."""

from __future__ import annotations

import logging
import subprocess
import sys
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from Crypto.PublicKey import RSA

from crypto_providers import PROVIDERS
from tulou_contracts.crypto import Algorithm, CryptoError, Primitives, RsaPadding
from tulou_contracts.testing.crypto import PrimitivesConformance
from tulou_crypto.providers import choice
from tulou_crypto.providers.lazy import METHODS, LazyPrimitives, lazily

LOG = logging.getLogger("crypto")
PAIRS = list(product(PROVIDERS, PROVIDERS))


class TestProviders(PrimitivesConformance):
    @pytest.fixture(params=PROVIDERS)
    def primitives(self, request: pytest.FixtureRequest) -> Primitives:
        provider: Primitives = request.param()
        return provider


class TestLazy(PrimitivesConformance):
    @pytest.fixture
    def primitives(self) -> Primitives:
        return lazily(lambda: choice.choose("pycryptodome", LOG))


@pytest.fixture(scope="module")
def keys() -> dict[Algorithm, bytes]:
    """One of each; RSA is slow to make."""
    return {each: PROVIDERS[-1]().new_private_key(each) for each in Algorithm}


@pytest.mark.parametrize(("one", "other"), PAIRS)
@pytest.mark.parametrize("padding", list(RsaPadding))
def test_what_one_signs_the_other_verifies(
    one: type[Primitives], other: type[Primitives], padding: RsaPadding, keys: dict[Algorithm, bytes]
) -> None:
    for algorithm, key in keys.items():
        public_key = one().public_key(key)
        assert public_key == other().public_key(key) and other().algorithm(public_key) is algorithm
        signature = one().sign(key, b"text", padding)
        other().verify(public_key, b"text", signature, padding)
        with pytest.raises(CryptoError):
            other().verify(public_key, b"texu", signature, padding)


@pytest.mark.parametrize("primitives", PROVIDERS)
def test_a_padding_is_not_taken_for_the_other(
    primitives: type[Primitives], keys: dict[Algorithm, bytes]
) -> None:
    key = keys[Algorithm.RSA_PSS]
    public_key = primitives().public_key(key)
    for one, other in ((RsaPadding.PSS, RsaPadding.PKCS1), (RsaPadding.PKCS1, RsaPadding.PSS)):
        with pytest.raises(CryptoError):
            primitives().verify(public_key, b"text", primitives().sign(key, b"text", one), other)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_what_one_seals_the_other_opens(
    one: type[Primitives], other: type[Primitives], keys: dict[Algorithm, bytes]
) -> None:
    key, nonce = bytes(range(32)), bytes(range(12))
    for text in (b"", b"text", bytes(100_000)):
        assert other().gcm_open(key, nonce, one().gcm_seal(key, nonce, text, b"a"), b"a") == text
        assert other().cbc_hmac_open(key, one().cbc_hmac_seal(key, text, b"a"), b"a") == text
    rsa = keys[Algorithm.RSA_PSS]
    sealed = one().rsa_encrypt(one().public_key(rsa), "密钥".encode(), b"label")
    assert other().rsa_decrypt(rsa, sealed, b"label") == "密钥".encode()
    for bad in (sealed[:-1], bytes(len(sealed)), b""):
        with pytest.raises(CryptoError):
            other().rsa_decrypt(rsa, bad, b"label")
    with pytest.raises(CryptoError):
        other().rsa_decrypt(rsa, sealed, b"another")
    with pytest.raises(CryptoError, match="at most 318 bytes"):
        one().rsa_encrypt(one().public_key(rsa), bytes(319))


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_they_agree_on_secrets(one: type[Primitives], other: type[Primitives]) -> None:
    ours, theirs = one().x25519_new(), other().x25519_new()
    public = other().x25519_public(theirs)
    assert public == one().x25519_public(theirs)
    assert one().x25519(ours, public) == other().x25519(theirs, other().x25519_public(ours))
    assert one().scrypt(b"p", b"s", 64, 8, 2, 40) == other().scrypt(b"p", b"s", 64, 8, 2, 40)


@pytest.mark.parametrize("primitives", PROVIDERS)
def test_weak_and_other_keys_are_refused(primitives: type[Primitives]) -> None:
    for key, words in ((RSA_1024, "1024 bits"), (P_384, "curve|no public key"), (X_25519, "no public key")):
        with pytest.raises(CryptoError, match=words):
            primitives().algorithm(key)


@pytest.mark.parametrize("primitives", PROVIDERS)
def test_a_key_has_one_form(primitives: type[Primitives], keys: dict[Algorithm, bytes]) -> None:
    for key in keys.values():
        public_key = primitives().public_key(key)
        for wrong in (public_key + b"\0", public_key[:-1], b"0" + public_key, bytearray(public_key)):
            with pytest.raises(CryptoError):
                primitives().algorithm(wrong)


def test_the_quickest_one_is_chosen() -> None:
    assert choice.choose("auto", LOG).name == PROVIDERS[-1]().name
    assert choice.choose("pycryptodome", LOG).name == "pycryptodome"


def test_without_the_extra_the_default_is_taken() -> None:
    code = (
        "import sys, logging\n"
        "sys.modules['cryptography'] = None\n"
        "from tulou_crypto.providers.choice import choose\n"
        "assert choose('auto', logging.getLogger()).name == 'pycryptodome'\n"
        "try: choose('cryptography', logging.getLogger())\n"
        "except Exception as error: assert 'tulou-crypto[fast]' in str(error), error\n"
        "else: raise SystemExit('it was there')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_unknown_provider_is_told() -> None:
    with pytest.raises(CryptoError, match="pycryptodome"):
        choice.choose("rot13", LOG)


def test_a_third_partys_provider_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Theirs:
        name = "theirs"

    entry: Any = SimpleNamespace(name="theirs", load=lambda: Theirs)
    monkeypatch.setattr(choice, "installed", lambda: [entry])
    assert choice.choose("theirs", LOG).name == "theirs"
    with pytest.raises(CryptoError, match="install"):
        choice.choose("auto", LOG)


def test_after_the_first_call_the_provider_is_called_directly() -> None:
    primitives = LazyPrimitives(lambda: PROVIDERS[0]())
    assert repr(primitives) == "<LazyPrimitives: not chosen yet>"
    primitives.random(1)
    assert all(getattr(primitives, name).__self__ is primitives.load() for name in METHODS)


RSA_1024 = RSA.generate(1024).public_key().export_key("DER")
P_384 = bytes.fromhex("3076301006072a8648ce3d020106052b81040022036200" + "04" + "11" * 96)
X_25519 = bytes.fromhex("302a300506032b656e032100" + "09" + "00" * 31)
