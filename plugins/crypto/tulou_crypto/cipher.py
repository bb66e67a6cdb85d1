"""The contract `Cipher`, on whatever provider was chosen."""

from __future__ import annotations

import unicodedata

import trio

from tulou_contracts.crypto import CryptoError, Primitives

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
SCRYPT_N = 2**15
SCRYPT_R = 8
SCRYPT_P = 1


class AesGcm:
    """Authenticated encryption by AES-256-GCM, keys from passwords by scrypt."""

    def __init__(self, primitives: Primitives, *, threads: bool = True) -> None:
        self._primitives = primitives
        self._threads = threads
        # One derivation takes 32 MiB (128 * N * r); a burst of them must not take gigabytes.
        self._derivations = trio.CapacityLimiter(2)

    def new_key(self) -> bytes:
        """32 random bytes."""
        return self._primitives.random(KEY_BYTES)

    def seal(self, key: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Encrypt and authenticate; the result is nonce (12 bytes), text, tag (16 bytes).

        With random nonces one key may seal 2**32 texts (SP 800-38D, section 8.3).
        """
        nonce = self._primitives.random(NONCE_BYTES)
        return nonce + self._primitives.gcm_seal(key, nonce, plaintext, associated)

    def open(self, key: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
        """The plaintext. Raises `CryptoError` when key, bytes or `associated` are not the same."""
        if len(sealed) < NONCE_BYTES + TAG_BYTES:
            raise CryptoError(
                f"the sealed text is too short: {len(sealed)} bytes, and none has fewer than"
                f" {NONCE_BYTES + TAG_BYTES}")
        return self._primitives.gcm_open(key, sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], associated)

    async def derive_key(self, password: str, salt: bytes) -> bytes:
        """32 bytes from a password by scrypt (RFC 7914, N=2**15, r=8, p=1), off the event loop.

        The password is taken in Unicode's form NFC, so that every keyboard gives the same key.
        """
        try:
            octets = unicodedata.normalize("NFC", password).encode()
        except UnicodeEncodeError:
            raise CryptoError("the password has characters that are no Unicode text") from None
        if not self._threads:
            await trio.lowlevel.checkpoint()
            return self._primitives.scrypt(octets, salt, SCRYPT_N, SCRYPT_R, SCRYPT_P, KEY_BYTES)
        return await trio.to_thread.run_sync(
            self._primitives.scrypt, octets, salt, SCRYPT_N, SCRYPT_R, SCRYPT_P, KEY_BYTES,
            abandon_on_cancel=True, limiter=self._derivations,
        )
