"""What a key file holds: 32 bytes, or those sealed under a passphrase. Pure: no file is touched.

Sealed, it is the line ``tulou-key 1``, a salt of 16 bytes, and the key by AES-256-GCM under what scrypt
(RFC 7914, N=2**15, r=8, p=1) makes of passphrase and salt, with line and salt as associated data.
"""

from __future__ import annotations

import os
import unicodedata

from tulou_contracts.crypto import CryptoError
from tulou_crypto import aead

MAGIC = b"tulou-key 1\n"
SALT_BYTES = 16
N, R, P = 2**15, 8, 1
SEALED_BYTES = len(MAGIC) + SALT_BYTES + aead.NONCE_BYTES + aead.KEY_BYTES + aead.TAG_BYTES


class PassphraseNeeded(CryptoError):
    """The key is sealed, and no passphrase was given."""


class WrongPassphrase(CryptoError):
    """The key is sealed with another passphrase, or the file is damaged."""


def is_sealed(content: bytes) -> bool:
    """Whether the key is under a passphrase."""
    return content.startswith(MAGIC)


def seal(key: bytes, passphrase: str) -> bytes:
    """The content of a key file with the key under a passphrase."""
    head = MAGIC + os.urandom(SALT_BYTES)
    return head + aead.seal(_derive(passphrase, head[len(MAGIC):]), key, head)


def unseal(content: bytes, passphrase: str) -> bytes:
    """The key. Raises `PassphraseNeeded`, `WrongPassphrase`, or `CryptoError` when this is no key file."""
    if not is_sealed(content):
        if len(content) != aead.KEY_BYTES:
            raise CryptoError(f"it has {len(content)} bytes, a key has {aead.KEY_BYTES}")
        return content
    if len(content) != SEALED_BYTES:
        raise CryptoError(f"it has {len(content)} bytes, a key under a passphrase has {SEALED_BYTES}")
    if not passphrase:
        raise PassphraseNeeded("its key is under a passphrase, and none was given")
    head = content[:len(MAGIC) + SALT_BYTES]
    try:
        return aead.unseal(_derive(passphrase, head[len(MAGIC):]), content[len(head):], head)
    except CryptoError:
        raise WrongPassphrase("the passphrase is not the one that it was sealed with") from None


def _derive(passphrase: str, salt: bytes) -> bytes:
    from Crypto.Protocol import KDF

    try:
        octets = unicodedata.normalize("NFC", passphrase).encode()
    except UnicodeEncodeError:
        raise CryptoError("the passphrase has characters that are no Unicode text") from None
    derived = KDF.scrypt(octets, salt, aead.KEY_BYTES, N, R, P)
    assert isinstance(derived, bytes)  # a list only when several keys are asked for
    return derived
