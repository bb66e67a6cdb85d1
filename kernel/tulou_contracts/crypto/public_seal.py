"""Sealing to a public key what only somebody else shall read, e.g. log files for a support desk."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Unsealed(NamedTuple):
    """What could be opened of a sealed file."""

    plaintext: bytes
    """All records that authenticate, in order."""
    complete: bool
    """Whether every part was closed by `SealedPart.finish`; a crash leaves one that was not. Where it
    is false, records may be missing at the end of a part, though never between two."""
    faults: tuple[str, ...]
    """In sentences, what was damaged and left out; empty after a crash between two records."""


class SealedPart(Protocol):
    """One part of a sealed file, being written: bytes to append, in this order and none left out."""

    header: bytes
    """What to append first."""

    def seal(self, record: bytes) -> bytes:
        """What to append for a record of at most 1 MiB. Raises `CryptoError` for a longer one."""

    def finish(self) -> bytes:
        """What to append at last, so that a file cut short is noticed; nothing may follow."""


class PublicSeal(Protocol):
    """Encryption to a public key: who writes cannot read it again (HPKE, RFC 9180, base mode, with
    X25519, HKDF-SHA-256 and AES-256-GCM, a fresh ephemeral key for each part).

    A file is a row of parts. Append a part's header, then its records; a new start of the program begins
    a new part at the end of the same file, whatever a crash left there. Everything is bytes in, bytes
    out. A record costs 0.1 ms with pycryptodome, however short: put the lines of one write into one.
    Keys are short texts, ``tulou-seal-public-1.`` or ``tulou-seal-secret-1.`` and 43 characters.

    Use it for encryption at rest::

        part = ctx.service(PublicSeal).begin(config.public_key, b"log")
        file.write(part.header)
        file.write(part.seal(line))         # as often as you like
        file.write(part.finish())           # when the file is rotated
    """

    def new_secret_key(self) -> str:
        """A fresh secret key. Made once, by those who shall read; see `tulou crypto new-key`."""

    def public_key(self, secret_key: str) -> str:
        """The public half. Raises `CryptoError`."""

    def begin(self, public_key: str, purpose: bytes) -> SealedPart:
        """A new part for whoever holds the secret key; `purpose` must be given again to open it.
        Raises `CryptoError` for a text that is no public key, or one with a fault in writing."""

    def open(self, secret_key: str, sealed: bytes, purpose: bytes) -> Unsealed:
        """What a file holds; damaged records and parts for other keys are told of and left out.
        Raises `CryptoError` when nothing at all was sealed to this key for this purpose."""
