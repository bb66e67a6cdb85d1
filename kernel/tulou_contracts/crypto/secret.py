"""Where secrets are kept, and encryption of short texts with a key that both sides hold."""

from __future__ import annotations

from typing import Protocol


class Keyring(Protocol):
    """Secrets of this profile: in the system's keyring when there is one, else in an encrypted file."""

    where: str
    """In words, where secrets are kept, e.g. 'the system keyring (SecretService)'."""

    async def get(self, name: str) -> str | None:
        """The secret, or None. Raises `CryptoError` when it is there and cannot be read."""

    async def set(self, name: str, secret: str) -> None:
        """Keep a secret; durable when it returns. Raises `CryptoError`."""

    async def delete(self, name: str) -> None:
        """Forget a secret; one that is not there is no error."""


class Cipher(Protocol):
    """Authenticated encryption of short texts (AES-256-GCM, random nonce)."""

    def new_key(self) -> bytes:
        """32 random bytes."""

    def seal(self, key: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Encrypt and authenticate; the nonce and tag are part of the result."""

    def open(self, key: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
        """The plaintext. Raises `CryptoError` when key, bytes or `associated` are not the same."""

    async def derive_key(self, password: str, salt: bytes) -> bytes:
        """32 bytes from a password by scrypt (RFC 7914, N=2**15, r=8, p=1), off the event loop."""
