"""HPKE (RFC 9180), base mode, on any provider: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM."""

from __future__ import annotations

import hashlib
import hmac

from tulou_contracts.crypto import CryptoError, Primitives
from tulou_crypto.providers.shared import expand

ENC_BYTES = 32
TAG_BYTES = 16
_KEM_SUITE = b"KEM" + (0x0020).to_bytes(2, "big")
_SUITE = b"HPKE" + b"".join(each.to_bytes(2, "big") for each in (0x0020, 0x0001, 0x0002))
_BASE = b"\0"
MOST_TEXTS = 2**32
"""Far below the 2**96 of section 5.2; what SP 800-38D allows anyway."""


class HpkeContext:
    """One direction: seals or opens texts, each with the next nonce (section 5.2)."""

    def __init__(self, primitives: Primitives, shared_secret: bytes, info: bytes) -> None:
        self._primitives = primitives
        psk_id_hash = _extract(_SUITE, b"", b"psk_id_hash", b"")
        schedule = _BASE + psk_id_hash + _extract(_SUITE, b"", b"info_hash", info)
        secret = _extract(_SUITE, shared_secret, b"secret", b"")
        self._key = _expand(_SUITE, secret, b"key", schedule, 32)
        self._base = int.from_bytes(_expand(_SUITE, secret, b"base_nonce", schedule, 12), "big")
        self._next = 0

    def __repr__(self) -> str:
        return f"<HpkeContext: {self._next} texts>"

    def seal(self, plaintext: bytes, associated: bytes = b"") -> bytes:
        """The text and its tag."""
        sealed = self._primitives.gcm_seal(self._key, self._nonce(), plaintext, associated)
        self._next += 1
        return sealed

    def open(self, sealed: bytes, associated: bytes = b"") -> bytes:
        """The plaintext. Raises `CryptoError`; the same place can then be tried again."""
        plaintext = self._primitives.gcm_open(self._key, self._nonce(), sealed, associated)
        self._next += 1
        return plaintext

    def _nonce(self) -> bytes:
        if self._next >= MOST_TEXTS:
            raise CryptoError("this key has sealed as many texts as it may; begin a new part")
        return (self._base ^ self._next).to_bytes(12, "big")


def sender(
    primitives: Primitives, public_key: bytes, info: bytes, ephemeral: bytes = b""
) -> tuple[bytes, HpkeContext]:
    """SetupBaseS: what the receiver needs, and the context. `ephemeral` is for known-answer tests.
    Raises `CryptoError` for a public key that gives no secret."""
    ephemeral = ephemeral or primitives.x25519_new()
    enc = primitives.x25519_public(ephemeral)
    shared = _encapsulated(primitives.x25519(ephemeral, public_key), enc + public_key)
    return enc, HpkeContext(primitives, shared, info)


def receiver(primitives: Primitives, private_key: bytes, enc: bytes, info: bytes) -> HpkeContext:
    """SetupBaseR. Raises `CryptoError` for an `enc` that gives no secret."""
    public_key = primitives.x25519_public(private_key)
    return HpkeContext(
        primitives, _encapsulated(primitives.x25519(private_key, enc), enc + public_key), info)


def _encapsulated(secret: bytes, context: bytes) -> bytes:
    """ExtractAndExpand of DHKEM (section 4.1)."""
    prk = _extract(_KEM_SUITE, b"", b"eae_prk", secret)
    return _expand(_KEM_SUITE, prk, b"shared_secret", context, 32)


def _extract(suite: bytes, salt: bytes, label: bytes, secret: bytes) -> bytes:
    size = hashlib.sha256().digest_size
    return hmac.digest(salt or bytes(size), b"HPKE-v1" + suite + label + secret, "sha256")


def _expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)
