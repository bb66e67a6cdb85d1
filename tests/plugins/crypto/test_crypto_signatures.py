"""`Signatures` and `SignedTexts`: the suites on both providers and on the fakes, and RFC examples."""

from __future__ import annotations

import pytest

from crypto_providers import PROVIDERS
from tulou_contracts.crypto import Algorithm, Primitives, Signatures, SignedTexts
from tulou_contracts.testing.crypto import (
    FakeSignatures,
    FakeSignedTexts,
    SignaturesConformance,
    SignedTextsConformance,
)
from tulou_crypto.jws import JwsTexts
from tulou_crypto.signatures import KeySignatures


@pytest.fixture(params=PROVIDERS)
def primitives(request: pytest.FixtureRequest) -> Primitives:
    provider: Primitives = request.param()
    return provider


class TestKeySignatures(SignaturesConformance):
    @pytest.fixture
    def signatures(self, primitives: Primitives) -> Signatures:
        return KeySignatures(primitives)


class TestJwsTexts(SignedTextsConformance):
    @pytest.fixture
    def signatures(self, primitives: Primitives) -> Signatures:
        return KeySignatures(primitives)

    @pytest.fixture
    def texts(self, signatures: Signatures) -> SignedTexts:
        return JwsTexts(signatures)


class TestFakeSignatures(SignaturesConformance):
    @pytest.fixture
    def signatures(self) -> Signatures:
        return FakeSignatures()


class TestFakeSignedTexts(SignedTextsConformance):
    @pytest.fixture
    def signatures(self) -> Signatures:
        return FakeSignatures()

    @pytest.fixture
    def texts(self) -> SignedTexts:
        return FakeSignedTexts()


def test_the_example_of_rfc_8037_is_read(primitives: Primitives) -> None:
    """Its header has no kid and no typ, so it is put together from the parts of appendix A.4."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    private_key = bytes.fromhex("302e020100300506032b657004220420") + seed
    signed = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    expected = "860c98d2297f3060a33f42739672d61b53cf3adefed3d3c672f320dc021b411e" \
        "9d59b8628dc351e248b88b29468e0e41855b0fb7d83bb15be902bfccb8cd0a02"
    assert KeySignatures(primitives).sign(private_key, signed).hex() == expected


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_all_algorithms_sign_texts(primitives: Primitives, algorithm: Algorithm) -> None:
    signatures = KeySignatures(primitives)
    key = RSA_KEY if algorithm is Algorithm.RSA_PSS else signatures.new_private_key(algorithm)
    texts = JwsTexts(signatures)
    text = texts.sign("你好".encode(), key, "k", "t")
    assert texts.verify(text, {"k": signatures.public_key(key)}, "t") == "你好".encode()


RSA_KEY = PROVIDERS[-1]().new_private_key(Algorithm.RSA_PSS)
