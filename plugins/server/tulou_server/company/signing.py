"""The root key: made once, kept in the keyring, and never replaced behind anybody's back."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

import trio

from tulou_contracts.crypto import CryptoError, Keyring, Signatures, SignedTexts
from tulou_contracts.storage import Database

SECRET = "company-root"
_KNOWN = "root-key"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and what the world knows of it."""

    private: bytes = field(repr=False)
    public: str
    """The public key (SubjectPublicKeyInfo) as base64: what clients pin."""

    @property
    def id(self) -> str:
        """What signed texts call the key."""
        return key_id(base64.b64decode(self.public))


def key_id(public_key: bytes) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a public key."""
    return hashlib.sha256(public_key).hexdigest()[:16]


class Signer:
    """Signs documents."""

    def __init__(self, key: SigningKey, texts: SignedTexts) -> None:
        self.key = key
        self._texts = texts

    def sign(self, payload: bytes, type_: str) -> str:
        """A signed text. Raises `CryptoError`."""
        return self._texts.sign(payload, self.key.private, self.key.id, type_)


async def open_key(
    keyring: Keyring, signatures: Signatures, database: Database, name: str = SECRET
) -> SigningKey:
    """The key of that name, made at the first time. Raises `CryptoError`, `StorageError`.

    When the service has had a key and the keyring has it no more, that is an error and never a new
    key: no client would believe what it signs.
    """
    known = await _known(database, name)
    secret = await keyring.get(name)
    if secret is None and known is not None:
        raise CryptoError(
            f"the company's root key is gone from {keyring.where}: restore the keyring from a backup."
            f" To begin anew with a key that every client has to pin, remove the profile. It was {known}"
        )
    if secret is None:
        private = await trio.to_thread.run_sync(signatures.new_private_key)
        await keyring.set(name, base64.b64encode(private).decode())
    else:
        private = base64.b64decode(secret)
    public = await trio.to_thread.run_sync(signatures.public_key, private)
    key = SigningKey(private, base64.b64encode(public).decode())
    if known is None:
        await database.write(lambda transaction: transaction.execute(
            "INSERT INTO company_meta (key, value) VALUES (?, ?)", (f"{_KNOWN}/{name}", key.public)))
    elif known != key.public:
        raise CryptoError(
            f"the root key in {keyring.where} is not the one this service had ({known}): restore the keyring"
        )
    return key


async def _known(database: Database, name: str) -> str | None:
    row = await database.read(lambda reader: reader.one(
        "SELECT value FROM company_meta WHERE key = ?", (f"{_KNOWN}/{name}",)))
    return None if row is None else str(row[0])
