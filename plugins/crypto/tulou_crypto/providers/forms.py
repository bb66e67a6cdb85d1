"""What keys look like from outside, checked alike before any library sees them."""

from __future__ import annotations

import math

from tulou_contracts.crypto import Algorithm, CryptoError

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
RSA_BITS = 3072
"""Of new keys: 128 bits of security (SP 800-57 part 1, table 2)."""
RSA_FEWEST_BITS = 2048
RSA_MOST_BITS = 16384
"""A verification takes time in the cube of it; OpenSSL has the same limit."""
RSA_EXPONENT = 65537
RSA_LARGEST_EXPONENT = 2**64
"""OpenSSL's limit for long keys; a larger one only costs time."""
HKDF_MOST = 255 * 32
LONGEST_KEY = 16 * 1024
"""Bytes of a private key of 16384 bits, and some."""

_OIDS = {
    bytes.fromhex("06032b6570"): Algorithm.ED25519,  # RFC 8410
    bytes.fromhex("06072a8648ce3d020106082a8648ce3d030107"): Algorithm.ECDSA_P256,  # RFC 5480
    bytes.fromhex("06092a864886f70d010101"): Algorithm.RSA_PSS,  # RFC 8017
}


def algorithm_of(key: bytes, what: str) -> Algorithm:
    """The algorithm named near the front of a key in DER; `what` is 'private key' or 'public key'.

    Only tells what to try: the library still parses the key. Raises `CryptoError`.
    """
    if not isinstance(key, bytes) or not 32 < len(key) <= LONGEST_KEY or key[0] != 0x30:
        raise CryptoError(f"this is no {what} in DER")
    head = key[:48]
    for identifier, algorithm in _OIDS.items():
        if identifier in head:
            return algorithm
    raise CryptoError(f"this is no {what} of Ed25519, P-256 or RSA in DER")


def check_rsa(modulus: int, exponent: int) -> None:
    """Raises `CryptoError` for a key that is too weak or too costly, or that is none."""
    bits = modulus.bit_length()
    if not RSA_FEWEST_BITS <= bits <= RSA_MOST_BITS:
        raise CryptoError(
            f"this RSA key has {bits} bits; taken are {RSA_FEWEST_BITS} to {RSA_MOST_BITS}")
    even = modulus % 2 == 0 or exponent % 2 == 0
    if even or not 3 <= exponent < RSA_LARGEST_EXPONENT or math.gcd(modulus, exponent) != 1:
        raise CryptoError("this RSA key has a modulus or an exponent that none has")


def check_ed25519(encoded: bytes) -> None:
    """Raises `CryptoError` unless this is a point of the curve in its one form (RFC 8032, section 5.1.3)
    and of high order: for others, libraries differ, and a signature may be right for any text.

    Nothing secret is in a public key, so time does not matter.
    """
    y = int.from_bytes(encoded, "little") & 2**255 - 1
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P  # of x
    if y >= _P or pow(square, (_P - 1) // 2, _P) != 1 or y in _LOW_ORDER:
        raise no_key("public key")


_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_Y8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_LOW_ORDER = {0, _Y8, _P - _Y8}
"""Ordinates of the points of order 4, and 8 (where d*y^4 + 2*y^2 = 1). Those of order 1 and 2 have the
abscissa 0."""


def check_length(data: bytes, length: int, what: str) -> None:
    """Raises `CryptoError` unless there are `length` bytes."""
    if len(data) != length:
        raise CryptoError(f"the {what} has {len(data)} bytes; it needs {length}")


def no_key(what: str) -> CryptoError:
    """The error for bytes that look like a key and are none."""
    return CryptoError(f"this {what} is damaged, or its form is not the usual one")


def not_right() -> CryptoError:
    """The error for every wrong signature; it does not say why."""
    return CryptoError("the signature is not right: the text was altered, or another key signed it")


def not_authentic() -> CryptoError:
    """The error for every sealed text that does not open; it does not say why."""
    return CryptoError(
        "the sealed text does not authenticate: it was altered, or sealed with another key or for"
        " another purpose")
