"""Where the secrets of a profile are kept, and the primitives that other rooms need."""

from tulou import Level, Plugin
from tulou_contracts.crypto import Cipher, Keyring, Primitives, Signatures, SignedTexts

plugin = Plugin(
    name="crypto",
    version="0.1.0",
    summary="Keeps secrets in the system's keyring or an encrypted file; does the cryptography",
    level=Level.BASE,
    provides=(Keyring, Cipher, Primitives, Signatures, SignedTexts),
    config="tulou_crypto.config:Config",
    run="tulou_crypto.service:run",
)
