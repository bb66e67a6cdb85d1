"""Provides the contracts `Identity` and `Credentials`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tulou.context import Context
from tulou_auth.profile_account import ProfileAccount
from tulou_contracts.crypto import Keyring
from tulou_contracts.identity import Authenticator, Credentials, Identity
from tulou_contracts.storage import Storage


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Load the account; whoever can ask a server may come and go meanwhile."""
    account = ProfileAccount(
        await ctx.service(Storage).documents("account"),
        ctx.service(Keyring),
        ctx.wanted(Authenticator).get,
        ctx.publish,
        deadline=ctx.config.deadline,
        log=ctx.log,
    )
    await account.load()
    ctx.provide(Identity, account)
    ctx.provide(Credentials, account)
    yield
