"""Provides the contracts of `tulou_contracts.crypto`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tulou.context import Context
from tulou_contracts.crypto import (
    Certificates,
    Cipher,
    CryptoError,
    FileCipher,
    Keyring,
    Primitives,
    PublicSeal,
    Signatures,
    SignedTexts,
)
from tulou_crypto.cipher import AesGcm
from tulou_crypto.jws import JwsTexts
from tulou_crypto.profile_keyring import ProfileKeyring
from tulou_crypto.providers.choice import choose
from tulou_crypto.providers.lazy import lazily
from tulou_crypto.public_seal import HpkeSeal
from tulou_crypto.signatures import KeySignatures
from tulou_crypto.stream import StreamCipher
from tulou_crypto.system import SystemKeyring
from tulou_crypto.x509.service import X509


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Offer them; files, libraries and the system's keyring are touched at the first use only."""
    config = ctx.config
    primitives = lazily(lambda: choose(config.provider, ctx.log))
    signatures = KeySignatures(primitives)
    ctx.provide(Primitives, primitives)
    ctx.provide(Cipher, AesGcm(primitives, threads=config.threads))
    ctx.provide(Signatures, signatures)
    ctx.provide(SignedTexts, JwsTexts(signatures))
    ctx.provide(PublicSeal, HpkeSeal(primitives))
    ctx.provide(FileCipher, StreamCipher(primitives))
    ctx.provide(Certificates, X509(primitives))
    ctx.provide(Keyring, ProfileKeyring(
        ctx.data,
        mode=config.keyring,
        key_file=config.key_file,
        passphrase=_passphrase(config.passphrase_from),
        system=SystemKeyring(config.deadline),
        threads=config.threads,
        log=ctx.log,
    ))
    yield


def _passphrase(variable: str) -> str:
    """The passphrase of the keyring's key. Raises `CryptoError` when the settings want one that is not there:
    without it a new profile would put its key beside its data in clear."""
    if not variable:
        return ""
    passphrase = os.environ.get(variable, "")
    if not passphrase:
        raise CryptoError(
            f"the environment variable {variable} is empty, and the setting passphrase_from in"
            " [plugins.crypto.config] says that the keyring's passphrase is there: set it, and start again")
    return passphrase
