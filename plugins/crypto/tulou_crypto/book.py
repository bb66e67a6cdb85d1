"""The keyring file: which secrets the profile has, and the sealed ones themselves. No file access.

The first line is ``tulou-keyring 1 SHA256``, with the hash of all that follows; then comes JSON. The
hash finds damage without the key; that nobody changed or swapped a secret is what AES-GCM assures,
with the profile's id and the secret's name as associated data.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from tulou_contracts.crypto import CryptoError
from tulou_crypto import aead

_MAGIC = "tulou-keyring"
_FORMAT = "1"


class BookDamaged(CryptoError):
    """The bytes are not what was written."""


class Kept(Enum):
    """Where the newest word on a secret is."""

    FILE = "file"
    """Sealed, in this book."""
    SYSTEM = "system"
    """In the system's keyring."""
    GONE = "gone"
    """Nowhere; what the system's keyring may still hold under the name is void, to be deleted."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One secret. `shadow`: the system's keyring may hold an older one, so it must be cleared too."""

    kept: Kept
    sealed: bytes = b""
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Book:
    """All entries by name. `profile` tells this profile's secrets from others' in the system's
    keyring; `proof` is an empty text sealed with the key, to know the right key by."""

    profile: str
    proof: bytes
    entries: Mapping[str, Entry] = field(default_factory=dict)

    def with_entry(self, name: str, entry: Entry) -> Book:
        """A book with one more (or another) entry."""
        return replace(self, entries={**self.entries, name: entry})

    def without(self, name: str) -> Book:
        """A book that lacks an entry."""
        return replace(self, entries={key: each for key, each in self.entries.items() if key != name})

    def proves(self, key: bytes) -> bool:
        """Whether this is the key that the book was begun with."""
        try:
            return aead.unseal(key, self.proof, _associated(self.profile, "")) == b""
        except CryptoError:
            return False

    def seal(self, key: bytes, name: str, secret: str) -> bytes:
        """A secret sealed for this profile and name."""
        return aead.seal(key, secret.encode(), _associated(self.profile, name))

    def unseal(self, key: bytes, name: str) -> str:
        """A secret that is kept in the book. Raises `CryptoError` when it does not authenticate."""
        return aead.unseal(key, self.entries[name].sealed, _associated(self.profile, name)).decode()


def begin(profile: str, key: bytes) -> Book:
    """A book without entries."""
    return Book(profile, aead.seal(key, b"", _associated(profile, "")))


def _associated(profile: str, name: str) -> bytes:
    # No NUL is in an id or a name, so two different pairs never give the same bytes.
    return b"\0".join((f"{_MAGIC} {_FORMAT}".encode(), profile.encode(), name.encode()))


def encode(book: Book) -> bytes:
    """The bytes of the file."""
    content = json.dumps(
        {
            "profile": book.profile,
            "proof": _to_text(book.proof),
            "secrets": {name: _entry_to_json(entry) for name, entry in book.entries.items()},
        },
        ensure_ascii=False, indent=1, sort_keys=True,
    ).encode()
    return f"{_MAGIC} {_FORMAT} {hashlib.sha256(content).hexdigest()}\n".encode() + content


def decode(data: bytes) -> Book:
    """The book in the bytes of a file.

    Raises `BookDamaged`, or `CryptoError` when a newer program wrote them.
    """
    first, _, content = data.partition(b"\n")
    words = first.split(b" ")
    if len(words) != 3 or words[0] != _MAGIC.encode():
        raise BookDamaged("it does not begin like a keyring file")
    if words[2] != hashlib.sha256(content).hexdigest().encode():
        raise BookDamaged("its bytes are not those that were written (the hash differs)")
    if words[1] != _FORMAT.encode():
        raise CryptoError(
            f"it has the format {words[1].decode('ascii', 'replace')}, and this program knows"
            f" {_FORMAT}: it was written by a newer version"
        )
    try:
        return _book_from_json(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BookDamaged(f"its content is not that of a keyring file ({type(error).__name__})") from None


def _book_from_json(content: Any) -> Book:
    entries = {}
    for name, each in content["secrets"].items():
        sealed = _from_text(each.get("sealed", ""))
        entries[name] = Entry(Kept(each["kept"]), sealed, each.get("shadow") is True)
    return Book(str(content["profile"]), _from_text(content["proof"]), entries)


def _entry_to_json(entry: Entry) -> dict[str, Any]:
    fields: dict[str, Any] = {"kept": entry.kept.value}
    if entry.sealed:
        fields["sealed"] = _to_text(entry.sealed)
    if entry.shadow:
        fields["shadow"] = True
    return fields


def _to_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _from_text(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
