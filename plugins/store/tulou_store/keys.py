"""The keys of an encrypted profile: one secret in the keyring, a key for each use made from it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

from tulou_contracts.crypto import Cipher, CryptoError
from tulou_contracts.storage import StorageCorrupt, StorageLocked

SECRET = "store.key"
"""Its name in the keyring."""
MAGIC = b"SQLite format 3\0"


class Keys:
    """What is made from the secret; 32 random bytes need no stretching (RFC 5869, section 3.3)."""

    def __init__(self, secret: bytes, cipher: Cipher) -> None:
        self.secret = secret
        self.database = self._use(b"database")
        self.documents = Sealed(self._use(b"documents"), cipher)
        self.fingerprint = self._use(b"fingerprint").hex()
        """Tells whether a profile was encrypted with this secret."""

    def _use(self, name: bytes) -> bytes:
        return hmac.digest(self.secret, b"tulou-store " + name, "sha256")

    def __repr__(self) -> str:
        return "<Keys>"


class Sealed:
    """How documents are put on the disk of an encrypted profile."""

    def __init__(self, key: bytes, cipher: Cipher) -> None:
        self._key = key
        self._cipher = cipher

    def encode(self, text: str) -> str:
        """One line: '~', then base64."""
        return "~" + base64.b64encode(self._cipher.seal(self._key, text.encode())).decode()

    def decode(self, stored: str, path: Path) -> str:
        """The text; one that is not sealed yet is read, too. Raises `StorageLocked`."""
        if not stored.startswith("~"):
            return stored
        try:
            return self._cipher.open(self._key, base64.b64decode(stored[1:], validate=True)).decode()
        except (CryptoError, ValueError) as error:
            raise StorageLocked(f"{path} was encrypted with another key than this profile's") from error

    def fingerprint(self, text: str) -> str:
        """Says nothing about the text to those who lack the key."""
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def is_plain(path: Path) -> bool | None:
    """Whether a database file is not encrypted; None: there is none, or nothing in it yet.

    Raises `StorageCorrupt` when it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            begin = file.read(len(MAGIC))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageCorrupt(f"{path} cannot be read: {error.strerror}") from error
    return begin == MAGIC if begin else None
