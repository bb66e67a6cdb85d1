"""The primitives as they come from a library, behind one seam. Most rooms want something higher."""

from __future__ import annotations

from enum import Enum
from typing import Protocol


class Algorithm(Enum):
    """Signature algorithms; the values are those of JOSE (RFC 7518, RFC 8037)."""

    ED25519 = "EdDSA"
    ECDSA_P256 = "ES256"
    RSA_PSS = "PS256"


class RsaPadding(Enum):
    """How RSA signs."""

    PSS = "PSS"
    """RSASSA-PSS with SHA-256, MGF1 with SHA-256, 32 bytes of salt."""
    PKCS1 = "PKCS1"
    """RSASSA-PKCS1-v1_5 with SHA-256, for X.509 alone."""


class Primitives(Protocol):
    """What a cryptographic library does for us. Keys of X25519 are 32 raw bytes (RFC 7748), private
    ones for signatures PKCS #8 DER, public ones SubjectPublicKeyInfo DER.

    Providers differ in speed only. All raise `CryptoError` for what is not right: keys of a wrong
    form or length, texts that do not authenticate. Nothing here is off the event loop.
    """

    name: str
    """Of the library, e.g. ``pycryptodome``."""

    def random(self, length: int) -> bytes:
        """Random bytes from the operating system, for secrets."""

    def x25519_new(self) -> bytes:
        """A fresh private key."""

    def x25519_public(self, private_key: bytes) -> bytes:
        """The public half."""

    def x25519(self, private_key: bytes, public_key: bytes) -> bytes:
        """The shared secret. A public key that would give zero is refused (RFC 7748, section 6.1)."""

    def new_private_key(self, algorithm: Algorithm) -> bytes:
        """A fresh key for signatures (RSA: 3072 bits, public exponent 65537)."""

    def public_key(self, private_key: bytes) -> bytes:
        """The public half of a key for signatures."""

    def algorithm(self, public_key: bytes) -> Algorithm:
        """Which algorithm a public key is for; others than those three are refused."""

    def sign(self, private_key: bytes, data: bytes, padding: RsaPadding = RsaPadding.PSS) -> bytes:
        """Sign (ECDSA: r and s, 32 bytes each). `padding` is for RSA keys."""

    def verify(
        self, public_key: bytes, data: bytes, signature: bytes, padding: RsaPadding = RsaPadding.PSS
    ) -> None:
        """Returns when the signature is right."""

    def rsa_encrypt(self, public_key: bytes, plaintext: bytes, label: bytes = b"") -> bytes:
        """RSAES-OAEP with SHA-256 and MGF1 with SHA-256 (RFC 8017)."""

    def rsa_decrypt(self, private_key: bytes, sealed: bytes, label: bytes = b"") -> bytes:
        """The plaintext."""

    def gcm_seal(self, key: bytes, nonce: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
        """AES-256-GCM (SP 800-38D) with a nonce of 12 bytes, never used twice with a key; the text
        and then the tag of 16 bytes."""

    def gcm_open(self, key: bytes, nonce: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
        """The plaintext."""

    def cbc_hmac_seal(self, key: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
        """The AEAD of Signal's Double Ratchet document, section 5.2, for a key of 32 bytes that is used
        once: HKDF gives keys and IV, AES-256-CBC with PKCS #7 padding, HMAC-SHA-256 over `associated`
        and the text. Four times as quick as GCM for a short text."""

    def cbc_hmac_open(self, key: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
        """The plaintext."""

    def hkdf(self, secret: bytes, length: int, salt: bytes = b"", info: bytes = b"") -> bytes:
        """HKDF with SHA-256 (RFC 5869); at most 8160 bytes."""

    def hmac(self, key: bytes, data: bytes) -> bytes:
        """HMAC with SHA-256 (RFC 2104)."""

    def scrypt(self, password: bytes, salt: bytes, n: int, r: int, p: int, length: int) -> bytes:
        """scrypt as RFC 7914 names its parameters; takes 128 * n * r bytes of memory."""

    def equal(self, left: bytes, right: bytes) -> bool:
        """Whether two secrets are the same, in a time that does not tell where they differ."""
