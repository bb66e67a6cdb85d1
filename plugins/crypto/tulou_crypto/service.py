"""Provides the contracts `Keyring` and `Cipher`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tulou.context import Context
from tulou_contracts.crypto import Cipher, Keyring
from tulou_crypto.cipher import AesGcm
from tulou_crypto.profile_keyring import ProfileKeyring
from tulou_crypto.system import SystemKeyring


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Offer both; files, libraries and the system's keyring are touched at the first use only."""
    config = ctx.config
    ctx.provide(Cipher, AesGcm(threads=config.threads))
    ctx.provide(Keyring, ProfileKeyring(
        ctx.data,
        mode=config.keyring,
        key_file=config.key_file,
        system=SystemKeyring(config.deadline),
        threads=config.threads,
        log=ctx.log,
    ))
    yield
