"""A `Cipher` for tests of who uses one: it hides nothing from anybody serious."""

import hashlib
import hmac
import os

from tulou_contracts.crypto import CryptoError


class ToyCipher:
    def new_key(self):
        return os.urandom(32)

    def seal(self, key, plaintext, associated=b""):
        nonce = os.urandom(16)
        sealed = nonce + self._mixed(key, nonce, plaintext)
        return sealed + hmac.digest(key, sealed + associated, "sha256")

    def open(self, key, sealed, associated=b""):
        sealed, tag = sealed[:-32], sealed[-32:]
        if len(sealed) < 16 or not hmac.compare_digest(hmac.digest(key, sealed + associated, "sha256"), tag):
            raise CryptoError("not the same")
        return self._mixed(key, sealed[:16], sealed[16:])

    async def derive_key(self, password, salt):
        return hmac.digest(salt, password.encode(), "sha256")

    def _mixed(self, key, nonce, text):
        stream = hashlib.shake_256(key + nonce).digest(len(text))
        return bytes(left ^ right for left, right in zip(text, stream))
