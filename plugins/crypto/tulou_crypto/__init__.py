"""Where the secrets of a profile are kept, and the primitives that other rooms need."""

from tulou import Command, Level, Plugin
from tulou_contracts.crypto import (
    Certificates,
    Cipher,
    FileCipher,
    Keyring,
    Primitives,
    PublicSeal,
    Signatures,
    SignedTexts,
)

plugin = Plugin(
    name="crypto",
    version="0.1.0",
    summary="Keeps secrets in the system's keyring or an encrypted file; does the cryptography",
    level=Level.BASE,
    provides=(Keyring, Cipher, Primitives, Signatures, SignedTexts, PublicSeal, FileCipher, Certificates),
    config="tulou_crypto.config:Config",
    commands=(Command("crypto", "keys, sealed files, certificates", "tulou_crypto.command:main"),),
    run="tulou_crypto.service:run",
)
