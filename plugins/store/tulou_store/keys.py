"""The keys of an encrypted profile: one secret in the keyring, a key for each use made from it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

from tulou_contracts.crypto import Cipher, CryptoError
from tulou_contracts.storage import StorageCorrupt, StorageLocked
from tulou_store.journal import Plain

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
        """The text. Raises `StorageLocked` for another key, `StorageCorrupt` for one not sealed at all."""
        if not stored.startswith("~"):
            raise StorageCorrupt(f"{path} is not encrypted, and this profile is: it was put there by"
                                 " somebody else; remove it, or put the right one back")
        try:
            return self._cipher.open(self._key, base64.b64decode(stored[1:], validate=True)).decode()
        except (CryptoError, ValueError) as error:
            raise StorageLocked(f"{path} was encrypted with another key than this profile's") from error

    def fingerprint(self, text: str) -> str:
        """Says nothing about the text to those who lack the key."""
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def knows(self, text: str, fingerprint: str) -> bool:
        """Whether it is this text's."""
        return hmac.compare_digest(self.fingerprint(text).encode(), fingerprint.encode())


class Either:
    """While a profile is converted, its files are of either form."""

    def __init__(self, sealed: Sealed) -> None:
        self._sealed = sealed
        self._plain = Plain()

    def encode(self, text: str) -> str:
        """Sealed."""
        return self._sealed.encode(text)

    def decode(self, stored: str, path: Path) -> str:
        """Either."""
        return (self._sealed if stored.startswith("~") else self._plain).decode(stored, path)

    def fingerprint(self, text: str) -> str:
        """The sealed form's."""
        return self._sealed.fingerprint(text)

    def knows(self, text: str, fingerprint: str) -> bool:
        """Of either form."""
        return self._sealed.knows(text, fingerprint) or self._plain.knows(text, fingerprint)


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
