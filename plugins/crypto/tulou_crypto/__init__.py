"""Where the secrets of a profile are kept, and the primitives that other rooms need."""

from tulou import Level, Plugin
from tulou_contracts.crypto import Cipher, Keyring

plugin = Plugin(
    name="crypto",
    version="0.1.0",
    summary="Keeps secrets in the system's keyring or an encrypted file; authenticated encryption",
    level=Level.BASE,
    provides=(Keyring, Cipher),
    config="tulou_crypto.config:Config",
    run="tulou_crypto.service:run",
)
