"""Signatures, and JSON texts that are signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tulou_contracts.crypto.primitives import Algorithm


class Signatures(Protocol):
    """Signatures. Private keys are PKCS #8 DER (RFC 5958), public ones SubjectPublicKeyInfo DER.

    Ed25519 as RFC 8032, ECDSA on P-256 with SHA-256, RSASSA-PSS (RFC 8017) with SHA-256, MGF1 with
    SHA-256 and 32 bytes of salt. The bytes of a signature are those of JOSE (RFC 7518), so that of
    ECDSA is r and s, 32 bytes each.
    """

    def new_private_key(self, algorithm: Algorithm = Algorithm.ED25519) -> bytes:
        """A fresh private key (RSA: 3072 bits, which takes a second or more)."""

    def public_key(self, private_key: bytes) -> bytes:
        """The public half. Raises `CryptoError` for bytes that are no key."""

    def algorithm(self, public_key: bytes) -> Algorithm:
        """Which algorithm a public key is for. Raises `CryptoError` for one that is of no use here:
        no key at all, another curve, RSA of fewer than 2048 or more than 16384 bits."""

    def sign(self, private_key: bytes, data: bytes) -> bytes:
        """Sign; the algorithm follows from the key. Raises `CryptoError`."""

    def verify(self, public_key: bytes, data: bytes, signature: bytes) -> None:
        """Returns when the signature is right. Raises `CryptoError`."""


class SignedTexts(Protocol):
    """Signed JSON texts: compact JSON Web Signatures (RFC 7515, RFC 8037)."""

    def sign(self, payload: bytes, private_key: bytes, key_id: str, kind: str) -> str:
        """A compact JWS with the header fields alg, kid and typ (= `kind`). Raises `CryptoError`,
        also for a text that would be too long to be accepted (see `verify`)."""

    def verify(self, text: str, keys: Mapping[str, bytes], kind: str) -> bytes:
        """The payload, when one of `keys` (key id -> public key) signed it and typ is `kind`.

        The algorithm is the key's, never the header's; a key that the header brings along is not
        looked at. A text longer than 8 MiB is refused unread. Raises `CryptoError`.
        """
