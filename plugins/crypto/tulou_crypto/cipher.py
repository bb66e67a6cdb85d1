"""The contract `Cipher` on pycryptodome."""

from __future__ import annotations

import unicodedata

import trio

from tulou_contracts.crypto import CryptoError
from tulou_crypto import aead

SCRYPT_N = 2**15
SCRYPT_R = 8
SCRYPT_P = 1


class AesGcm:
    """Authenticated encryption by AES-256-GCM, keys from passwords by scrypt."""

    def __init__(self, *, threads: bool = True) -> None:
        self._threads = threads
        # One derivation takes 32 MiB (128 * N * r); a burst of them must not take gigabytes.
        self._derivations = trio.CapacityLimiter(2)

    def new_key(self) -> bytes:
        """32 random bytes."""
        return aead.new_key()

    def seal(self, key: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Encrypt and authenticate; the result is nonce (12 bytes), text, tag (16 bytes)."""
        return aead.seal(key, plaintext, associated)

    def open(self, key: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
        """The plaintext. Raises `CryptoError` when key, bytes or `associated` are not the same."""
        return aead.unseal(key, sealed, associated)

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
            return scrypt(octets, salt, SCRYPT_N, SCRYPT_R, SCRYPT_P, aead.KEY_BYTES)
        return await trio.to_thread.run_sync(
            scrypt, octets, salt, SCRYPT_N, SCRYPT_R, SCRYPT_P, aead.KEY_BYTES,
            abandon_on_cancel=True, limiter=self._derivations,
        )


def scrypt(password: bytes, salt: bytes, n: int, r: int, p: int, length: int) -> bytes:
    """scrypt as RFC 7914 names its parameters; takes 128 * n * r bytes of memory."""
    from Crypto.Protocol import KDF

    derived = KDF.scrypt(password, salt, length, n, r, p)
    assert isinstance(derived, bytes)  # a list only when several keys are asked for
    return derived
