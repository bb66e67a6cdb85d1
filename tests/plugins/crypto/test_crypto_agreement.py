"""The providers come to the same for damaged keys, signatures and texts, and raise only `CryptoError`."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from Crypto.PublicKey import ECC, RSA

from crypto_providers import PROVIDERS
from tulou_contracts.crypto import Algorithm, CryptoError, Primitives, RsaPadding
from tulou_crypto.providers import forms

ROUNDS = 150


@pytest.fixture(scope="module", params=list(Algorithm), ids=lambda each: each.value)
def key(request: pytest.FixtureRequest) -> bytes:
    """The same in every run."""
    chance = random.Random(0)
    if request.param is Algorithm.RSA_PSS:
        return RSA.generate(2048, chance.randbytes).export_key("DER", pkcs=8)
    curve = {Algorithm.ED25519: "Ed25519", Algorithm.ECDSA_P256: "P-256"}[request.param]
    return ECC.generate(curve=curve, randfunc=chance.randbytes).export_key(format="DER", use_pkcs8=True)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """One to three changes of any kind."""
    wrong = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(wrong) or 1)
        how = chance.randrange(4)
        if how == 0 and wrong:
            wrong[at] ^= 1 << chance.randrange(8)
        elif how == 1:
            del wrong[at:at + chance.randint(1, 4)]
        elif how == 2:
            wrong[at:at] = chance.randbytes(chance.randint(1, 4))
        elif wrong:
            wrong[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
    return bytes(wrong)


def verdicts(work: Callable[[Primitives], object]) -> set[object]:
    """What each provider comes to."""
    found: set[object] = set()
    for provider in PROVIDERS:
        try:
            found.add(work(provider()))
        except CryptoError:
            found.add("refused")
    return found


def test_public_keys(key: bytes) -> None:
    public_key = PROVIDERS[0]().public_key(key)
    chance = random.Random(1)
    for _ in range(ROUNDS):
        wrong = damaged(public_key, chance)
        found = verdicts(lambda primitives: primitives.algorithm(wrong))  # noqa: B023 - called at once
        assert len(found) == 1, wrong.hex()


def test_signatures(key: bytes) -> None:
    public_key = PROVIDERS[0]().public_key(key)
    chance = random.Random(2)
    for padding in RsaPadding:
        signature = PROVIDERS[0]().sign(key, b"text", padding)
        for _ in range(ROUNDS // 3):
            wrong = damaged(signature, chance)
            found = verdicts(lambda primitives: primitives.verify(
                public_key, b"text", wrong, padding))  # noqa: B023
            assert found == ({"refused"} if wrong != signature else {None}), wrong.hex()


def test_private_keys_raise_nothing_else(key: bytes) -> None:
    """Libraries check private keys to different depths; none may crash."""
    chance = random.Random(3)
    for _ in range(ROUNDS // 3 if len(key) < 500 else 12):  # an RSA key takes long to check
        wrong = damaged(key, chance)
        verdicts(lambda primitives: primitives.public_key(wrong))  # noqa: B023
        verdicts(lambda primitives: len(primitives.sign(wrong, b"text")))  # noqa: B023


@pytest.mark.parametrize("form", ["gcm", "cbc"])
def test_sealed_texts(form: str) -> None:
    chance = random.Random(4)
    secret, nonce = bytes(range(32)), bytes(12)

    def opened(sealed: bytes) -> set[object]:
        if form == "gcm":
            return verdicts(lambda each: each.gcm_open(secret, nonce, sealed))
        return verdicts(lambda each: each.cbc_hmac_open(secret, sealed))

    for size in (0, 1, 15, 16, 17, 1000):
        text = chance.randbytes(size)
        first = PROVIDERS[0]()
        sealed = first.gcm_seal(secret, nonce, text) if form == "gcm" else first.cbc_hmac_seal(secret, text)
        assert opened(sealed) == {text}
        for _ in range(ROUNDS // 6):
            wrong = damaged(sealed, chance)
            if wrong != sealed:
                assert opened(wrong) == {"refused"}


def test_points_of_low_order_are_no_keys() -> None:
    """Multiplied by 8 they vanish, so a signature of zeros is right for them."""
    head = bytes.fromhex("302a300506032b6570032100")
    found = 0
    for y in (0, 1, forms._P - 1, forms._Y8, forms._P - forms._Y8):
        for sign in (0, 1 << 255):
            encoded = (y | sign).to_bytes(32, "little")
            try:
                point = ECC.import_key(head + encoded).pointQ
            except ValueError:
                point = None
            if point is not None:
                found += 1
                assert (point * 8).is_point_at_infinity()
            assert verdicts(lambda each: each.algorithm(head + encoded)) == {"refused"}  # noqa: B023
    assert found >= 7


def test_points_are_written_in_one_way() -> None:
    """y + p is y: RFC 8032 refuses the longer form."""
    head = bytes.fromhex("302a300506032b6570032100")
    for y in range(19):
        wrong = head + (y + forms._P).to_bytes(32, "little")
        assert verdicts(lambda each: each.algorithm(wrong)) == {"refused"}  # noqa: B023


def test_secrets_of_any_public_key() -> None:
    chance = random.Random(5)
    for _ in range(ROUNDS // 3):
        ours, theirs = chance.randbytes(32), chance.randbytes(32)
        assert len(verdicts(lambda each: each.x25519(ours, theirs))) == 1  # noqa: B023
