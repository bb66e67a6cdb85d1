"""Crypto: the places where secrets are kept, and the primitives that other rooms need."""

from tulou_contracts.crypto.certificates import (
    Certificate,
    CertificateRefused,
    Certificates,
    Purpose,
    Request,
    Revocations,
    Subject,
)
from tulou_contracts.crypto.errors import CryptoError
from tulou_contracts.crypto.file_cipher import FileCipher, FileOpener, FileRange, FileSealer
from tulou_contracts.crypto.primitives import Algorithm, Primitives, RsaPadding
from tulou_contracts.crypto.public_seal import PublicSeal, SealedPart, Unsealed
from tulou_contracts.crypto.secret import Cipher, Keyring
from tulou_contracts.crypto.signatures import Signatures, SignedTexts

__all__ = [
    "Algorithm", "Certificate", "CertificateRefused", "Certificates", "Cipher", "CryptoError", "FileCipher",
    "FileOpener", "FileRange", "FileSealer", "Keyring", "Primitives", "PublicSeal", "Purpose", "Request",
    "Revocations", "RsaPadding", "SealedPart", "Signatures", "SignedTexts", "Subject", "Unsealed",
]
