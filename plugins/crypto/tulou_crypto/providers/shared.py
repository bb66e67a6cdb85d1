"""What all providers do alike: with the standard library, which is the quickest at hashes."""

from __future__ import annotations

import hmac
import os
from abc import ABC, abstractmethod

from tulou_contracts.crypto import CryptoError
from tulou_crypto.providers.forms import HKDF_MOST, KEY_BYTES, check_length, not_authentic

BLOCK = 16
CBC_INFO = b"tulou cbc-hmac 1"


class Shared(ABC):
    """The parts that need no library, and those made of parts that do."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def random(self, length: int) -> bytes:
        """Random bytes from the operating system."""
        return os.urandom(length)

    def equal(self, left: bytes, right: bytes) -> bool:
        """Compare in a time that does not tell where they differ."""
        return hmac.compare_digest(left, right)

    def hmac(self, key: bytes, data: bytes) -> bytes:
        """HMAC with SHA-256 (RFC 2104)."""
        return hmac.digest(key, data, "sha256")

    def hkdf(self, secret: bytes, length: int, salt: bytes = b"", info: bytes = b"") -> bytes:
        """HKDF with SHA-256 (RFC 5869); at most 8160 bytes."""
        if not 0 < length <= HKDF_MOST:
            raise CryptoError(f"HKDF gives 1 to {HKDF_MOST} bytes, not {length}")
        return expand(hmac.digest(salt or bytes(32), secret, "sha256"), info, length)

    def cbc_hmac_seal(self, key: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
        """AES-256-CBC and HMAC-SHA-256 (Double Ratchet, section 5.2), for a key that is used once."""
        encryption, authentication, iv = self._three(key)
        padding = BLOCK - len(plaintext) % BLOCK
        text = self._cbc_encrypt(encryption, iv, plaintext + bytes([padding]) * padding)
        return text + _tag(authentication, associated, text)

    def cbc_hmac_open(self, key: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
        """The plaintext. The padding is looked at after the tag has proved right, so it tells nothing."""
        encryption, authentication, iv = self._three(key)
        text, tag = sealed[:-32], sealed[-32:]
        if not hmac.compare_digest(tag, _tag(authentication, associated, text)) or not text:
            raise not_authentic()
        padded = self._cbc_decrypt(encryption, iv, text) if len(text) % BLOCK == 0 else b"\0"
        padding = padded[-1]
        if not 1 <= padding <= BLOCK or padded[-padding:] != bytes([padding]) * padding:
            raise not_authentic()
        return padded[:-padding]

    def _three(self, key: bytes) -> tuple[bytes, bytes, bytes]:
        check_length(key, KEY_BYTES, "key")
        made = expand(hmac.digest(bytes(32), key, "sha256"), CBC_INFO, 80)
        return made[:32], made[32:64], made[64:]

    @abstractmethod
    def _cbc_encrypt(self, key: bytes, iv: bytes, padded: bytes) -> bytes: ...

    @abstractmethod
    def _cbc_decrypt(self, key: bytes, iv: bytes, text: bytes) -> bytes: ...


def expand(prk: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand (RFC 5869, section 2.3)."""
    block, made = b"", b""
    counter = 0
    while len(made) < length:
        counter += 1
        block = hmac.digest(prk, block + info + bytes([counter]), "sha256")
        made += block
    return made[:length]


def _tag(key: bytes, associated: bytes, text: bytes) -> bytes:
    # The length keeps associated data and text apart, as in RFC 7518, section 5.2.2.1.
    return hmac.digest(key, associated + text + len(associated).to_bytes(8, "big"), "sha256")
