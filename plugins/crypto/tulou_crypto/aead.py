"""AES-256-GCM (NIST SP 800-38D) for the keyring's file: nonce, text, tag.

On pycryptodome whatever provider was chosen: a start of the app reads a secret, and a whole
provider takes twice as long to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tulou_contracts.crypto import CryptoError

if TYPE_CHECKING:
    from Crypto.Cipher._mode_gcm import GcmMode

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16


def new_key() -> bytes:
    """32 random bytes."""
    from Crypto.Random import get_random_bytes

    return get_random_bytes(KEY_BYTES)


def seal(key: bytes, plaintext: bytes, associated: bytes = b"", nonce: bytes = b"") -> bytes:
    """Encrypt and authenticate. `nonce` is for known-answer tests; without it a random one is drawn.

    With random nonces one key may seal 2**32 texts (SP 800-38D, section 8.3).
    Raises `CryptoError` when the key is not 32 bytes long.
    """
    from Crypto.Random import get_random_bytes

    nonce = nonce or get_random_bytes(NONCE_BYTES)
    text, tag = _gcm(key, nonce, associated).encrypt_and_digest(plaintext)
    return nonce + text + tag


def unseal(key: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
    """The plaintext. Raises `CryptoError` when key, bytes or `associated` are not the same."""
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise CryptoError(
            f"the sealed text is too short: {len(sealed)} bytes, and none has fewer than"
            f" {NONCE_BYTES + TAG_BYTES}"
        )
    gcm = _gcm(key, sealed[:NONCE_BYTES], associated)
    try:
        return gcm.decrypt_and_verify(sealed[NONCE_BYTES:-TAG_BYTES], sealed[-TAG_BYTES:])
    except ValueError:
        raise CryptoError(
            "the sealed text does not authenticate: it was altered, or sealed with another key or"
            " for another purpose"
        ) from None


def _gcm(key: bytes, nonce: bytes, associated: bytes) -> GcmMode:
    from Crypto.Cipher import AES

    if len(key) != KEY_BYTES:
        raise CryptoError(f"the key has {len(key)} bytes; AES-256 needs {KEY_BYTES}")
    gcm = AES.new(key, AES.MODE_GCM, nonce=nonce, mac_len=TAG_BYTES)
    gcm.update(associated)
    return gcm
