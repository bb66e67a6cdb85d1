"""The root key: made once, kept in the keyring, and never replaced behind anybody's back."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import trio

from tulou_contracts.crypto import CryptoError, Keyring, Signatures, SignedTexts
from tulou_contracts.storage import Database, Transaction

SECRET = "company-root"
_NUMBER = "root-key"
_PUBLIC = "root-key/{}"
_SET = ("INSERT INTO company_meta (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value")
T = TypeVar("T")


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


class RootKeys:
    """The key that signs, and the one that will take over, if one was made.

    Which of the keyring's keys signs stands in the database, so that it changes in the very transaction
    that issues everything anew.
    """

    def __init__(
        self, keyring: Keyring, signatures: Signatures, texts: SignedTexts, database: Database
    ) -> None:
        self._keyring = keyring
        self._signatures = signatures
        self._texts = texts
        self._database = database
        self._number = 1
        self.signer: Signer

    async def open(self) -> None:
        """Find the key that signs, made at the first time. Raises `CryptoError`, `StorageError`."""
        number = await self._meta(_NUMBER)
        self._number = int(number) if number else 1
        self.signer = Signer(await self._key(self._number), self._texts)

    async def make_next(self) -> SigningKey:
        """The key that will take over; the same one until it does. Raises `CryptoError`, `StorageError`."""
        return await self._key(self._number + 1)

    async def take_up_next(self, anew: Callable[[Transaction, Signer], T]) -> T:
        """Let the next key sign from now on, together with what `anew` does in one transaction.

        Raises `CryptoError` when there is none, `StorageError`.
        """
        number = self._number + 1
        if await self._meta(_PUBLIC.format(number)) is None:
            raise CryptoError("there is no other root key yet: make one with new-root-key, and let clients"
                              " pin it before it signs")
        signer = Signer(await self._key(number), self._texts)

        def work(transaction: Transaction) -> T:
            transaction.execute(_SET, (_NUMBER, str(number)))
            return anew(transaction, signer)

        outcome = await self._database.write(work)
        self._number, self.signer = number, signer
        return outcome

    async def _key(self, number: int) -> SigningKey:
        """The key of that number, made at the first time.

        When there was one and the keyring has it no more, that is an error and never a new key: no
        client would believe what it signs.
        """
        name = SECRET if number == 1 else f"{SECRET}-{number}"
        known = await self._meta(_PUBLIC.format(number))
        secret = await self._keyring.get(name)
        if secret is None and known is not None:
            raise CryptoError(
                f"the company's root key is gone from {self._keyring.where}: restore the keyring from a"
                f" backup. To begin anew with a key that every client has to pin, remove the profile. It"
                f" was {known}"
            )
        if secret is None:
            private = await trio.to_thread.run_sync(self._signatures.new_private_key)
            await self._keyring.set(name, base64.b64encode(private).decode())
        else:
            private = base64.b64decode(secret)
        public = await trio.to_thread.run_sync(self._signatures.public_key, private)
        key = SigningKey(private, base64.b64encode(public).decode())
        if known is None:
            setting = (_PUBLIC.format(number), key.public)
            await self._database.write(lambda transaction: transaction.execute(_SET, setting))
        elif known != key.public:
            raise CryptoError(f"the root key in {self._keyring.where} is not the one this service had"
                              f" ({known}): restore the keyring")
        return key

    async def _meta(self, key: str) -> str | None:
        row = await self._database.read(lambda reader: reader.one(
            "SELECT value FROM company_meta WHERE key = ?", (key,)))
        return None if row is None else str(row[0])
