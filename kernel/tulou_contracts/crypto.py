"""Crypto: the places where secrets are kept, and the few primitives that other rooms need now."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Protocol

from tulou.errors import TulouError


class CryptoError(TulouError):
    """A secret cannot be read or written, or a text does not authenticate."""


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


class Algorithm(Enum):
    """Signature algorithms; the values are those of JOSE (RFC 7518, RFC 8037)."""

    ED25519 = "EdDSA"
    ECDSA_P256 = "ES256"
    RSA_PSS = "PS256"


class Signatures(Protocol):
    """Signatures. Private keys are PKCS #8 DER (RFC 5958), public ones SubjectPublicKeyInfo DER."""

    def new_private_key(self, algorithm: Algorithm = Algorithm.ED25519) -> bytes:
        """A fresh private key (RSA: 3072 bits, which takes a second or more)."""

    def public_key(self, private_key: bytes) -> bytes:
        """The public half. Raises `CryptoError` for bytes that are no key."""

    def sign(self, private_key: bytes, data: bytes) -> bytes:
        """Sign; the algorithm follows from the key. Raises `CryptoError`."""

    def verify(self, public_key: bytes, data: bytes, signature: bytes) -> None:
        """Returns when the signature is right. Raises `CryptoError`."""


class SignedTexts(Protocol):
    """Signed JSON texts: compact JSON Web Signatures (RFC 7515)."""

    def sign(self, payload: bytes, private_key: bytes, key_id: str, kind: str) -> str:
        """A compact JWS with the header fields alg, kid and typ (= `kind`). Raises `CryptoError`."""

    def verify(self, text: str, keys: Mapping[str, bytes], kind: str) -> bytes:
        """The payload, when one of `keys` (key id -> public key) signed it and typ is `kind`.

        The algorithm is the key's, never the header's. Raises `CryptoError`.
        """
