"""The contract `Signatures`, on whatever provider was chosen."""

from __future__ import annotations

from tulou_contracts.crypto import Algorithm, Primitives


class KeySignatures:
    """Signatures whose algorithm follows from the key."""

    def __init__(self, primitives: Primitives) -> None:
        self._primitives = primitives

    def new_private_key(self, algorithm: Algorithm = Algorithm.ED25519) -> bytes:
        """A fresh private key in PKCS #8 DER."""
        return self._primitives.new_private_key(algorithm)

    def public_key(self, private_key: bytes) -> bytes:
        """The public half as SubjectPublicKeyInfo DER. Raises `CryptoError`."""
        return self._primitives.public_key(private_key)

    def algorithm(self, public_key: bytes) -> Algorithm:
        """Which algorithm a public key is for. Raises `CryptoError`."""
        return self._primitives.algorithm(public_key)

    def sign(self, private_key: bytes, data: bytes) -> bytes:
        """Sign. Raises `CryptoError`."""
        return self._primitives.sign(private_key, data)

    def verify(self, public_key: bytes, data: bytes, signature: bytes) -> None:
        """Returns when the signature is right. Raises `CryptoError`."""
        self._primitives.verify(public_key, data, signature)
