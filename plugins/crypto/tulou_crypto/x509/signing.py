"""Signed structures: what X.509 calls each signature, and in which bytes it wants it."""

from __future__ import annotations

from typing import Any

from asn1crypto.algos import DSASignature, SignedDigestAlgorithm  # type: ignore[import-untyped]

from tulou_contracts.crypto import Algorithm, CertificateRefused, CryptoError, Primitives, RsaPadding

_ISSUED = {
    Algorithm.ED25519: {"algorithm": "ed25519"},
    Algorithm.ECDSA_P256: {"algorithm": "sha256_ecdsa"},
    Algorithm.RSA_PSS: {"algorithm": "sha256_rsa", "parameters": None},
}
"""For RSA the older padding: everybody reads it."""

_TAKEN = {
    "ed25519": (Algorithm.ED25519, RsaPadding.PSS),
    "sha256_ecdsa": (Algorithm.ECDSA_P256, RsaPadding.PSS),
    "sha256_rsa": (Algorithm.RSA_PSS, RsaPadding.PKCS1),
    "rsassa_pss": (Algorithm.RSA_PSS, RsaPadding.PSS),
}


class Signed:
    """The signed bytes of a structure, its signature, and how it was made."""

    __slots__ = ("data", "signature", "algorithm", "padding")

    def __init__(self, data: bytes, signature: bytes, algorithm: Algorithm, padding: RsaPadding) -> None:
        self.data = data
        self.signature = signature
        self.algorithm = algorithm
        self.padding = padding


def algorithm_for(primitives: Primitives, private_key: bytes) -> SignedDigestAlgorithm:
    """The identifier of the signatures that a key makes."""
    return SignedDigestAlgorithm(_ISSUED[primitives.algorithm(primitives.public_key(private_key))])


def sign(primitives: Primitives, private_key: bytes, data: bytes) -> bytes:
    """A signature in X.509's form."""
    signature = primitives.sign(private_key, data, RsaPadding.PKCS1)
    if primitives.algorithm(primitives.public_key(private_key)) is Algorithm.ECDSA_P256:
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        return bytes(DSASignature({"r": r, "s": s}).dump())
    return signature


def read(data: bytes, identifier: SignedDigestAlgorithm, signature: bytes) -> Signed:
    """What `verify` takes. Raises `CertificateRefused` for an algorithm that is not taken here."""
    name = identifier["algorithm"].native
    if name not in _TAKEN or name == "rsassa_pss" and not _usual_pss(identifier["parameters"]):
        raise CertificateRefused(
            f"it is signed with {name}, which is not taken here: taken are Ed25519, ECDSA and RSA, both"
            " with SHA-256")
    algorithm, padding = _TAKEN[name]
    if algorithm is Algorithm.ECDSA_P256:
        try:
            pair = DSASignature.load(signature, strict=True)
            r, s = pair["r"].native, pair["s"].native
            raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
            # Only the one DER form: otherwise a certificate could be had with another fingerprint.
            signature = raw if DSASignature({"r": r, "s": s}).dump() == signature else b""
        except (ValueError, TypeError, OverflowError, AttributeError):
            signature = b""
    return Signed(data, signature, algorithm, padding)


def verify(primitives: Primitives, public_key: bytes, signed: Signed) -> bool:
    """Whether a key made a signature."""
    try:
        if primitives.algorithm(public_key) is not signed.algorithm:
            return False
        primitives.verify(public_key, signed.data, signed.signature, signed.padding)
    except CryptoError:
        return False
    return True


def _usual_pss(parameters: Any) -> bool:
    """SHA-256 throughout and 32 bytes of salt: the one form that the seam has."""
    native = parameters.native or {}
    try:
        return bool(
            native["hash_algorithm"]["algorithm"] == "sha256"
            and native["mask_gen_algorithm"]["algorithm"] == "mgf1"
            and native["mask_gen_algorithm"]["parameters"]["algorithm"] == "sha256"
            and native["salt_length"] == 32 and native["trailer_field"] in (1, "trailer_field_bc"))
    except (KeyError, TypeError):
        return False
