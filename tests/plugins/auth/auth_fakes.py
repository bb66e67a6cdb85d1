"""Storage and keyrings that fail on demand, and a profile on the real rooms."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from tulou import AccountChanged, Composition, Context, Kernel, Level, Plugin
from tulou_auth.profile_account import ProfileAccount
from tulou_contracts.crypto import CryptoError
from tulou_contracts.identity import Authenticator, Credentials, Identity
from tulou_contracts.storage import Document, StorageFull
from tulou_contracts.testing.crypto import MemoryKeyring
from tulou_contracts.testing.identity import OpenProfile


class MemoryDocuments:
    """`Documents`; while `full` is true nothing can be stored."""

    def __init__(self) -> None:
        self.held: dict[str, Document] = {}
        self.full = False

    async def get(self, key: str) -> Document | None:
        await trio.lowlevel.checkpoint()
        return self.held.get(key)

    async def put(self, key: str, document: Document) -> None:
        await trio.lowlevel.checkpoint()
        if self.full:
            raise StorageFull("the disk is full")
        self.held[key] = dict(document)

    async def delete(self, key: str) -> None:
        await trio.lowlevel.checkpoint()
        self.held.pop(key, None)

    async def all(self) -> dict[str, Document]:
        await trio.lowlevel.checkpoint()
        return dict(self.held)


class MoodyKeyring(MemoryKeyring):
    """A keyring whose operations named in `broken` fail."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.broken: set[str] = set()
        super().__init__(self.held)

    def _check(self, operation: str) -> None:
        if operation in self.broken:
            raise CryptoError("the keyring is locked; unlock it and try again")

    async def get(self, name: str) -> str | None:
        self._check("get")
        return await super().get(name)

    async def set(self, name: str, secret: str) -> None:
        self._check("set")
        await super().set(name, secret)

    async def delete(self, name: str) -> None:
        self._check("delete")
        await super().delete(name)


@dataclass
class Profile:
    """A profile in memory; `start` is a new start of it."""

    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    keyring: MoodyKeyring = field(default_factory=MoodyKeyring)
    changes: list[str | None] = field(default_factory=list)

    async def start(self, authenticator: Authenticator | None, deadline: float = 30.0) -> ProfileAccount:
        account = ProfileAccount(
            self.documents, self.keyring, lambda: authenticator,
            lambda event: self.changes.append(event.account), deadline=deadline)
        await account.load()
        return account


def authenticator_plugin(authenticator: Authenticator) -> Plugin:
    """Stands where `xmpp` does."""

    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        ctx.provide(Authenticator, authenticator)
        yield

    return Plugin(name="fake-wire", level=Level.CORE, provides=(Authenticator,), run=run)


def kernel_on(folder: Path, authenticator: Authenticator | None = None, **crypto: Any) -> Kernel:
    """A kernel of store, crypto and auth, and of nothing else."""
    composition = Composition.of("store", "auth", crypto={"keyring": "file", **crypto})
    plugins = []
    if authenticator is not None:
        composition = composition.with_plugin("fake-wire")
        plugins.append(authenticator_plugin(authenticator))
    return Kernel(composition, profile=folder, plugins=plugins)


@asynccontextmanager
async def open_on(kernel: Kernel) -> AsyncIterator[OpenProfile]:
    """A running kernel as the conformance suite wants it."""
    changes: list[str | None] = []
    remember: Callable[[AccountChanged], None] = lambda event: changes.append(event.account)
    async with kernel.running():
        with kernel.subscribed(AccountChanged, remember):
            yield OpenProfile(kernel.service(Identity), kernel.service(Credentials), changes)
