"""The store of one profile, from start to stop."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from tulou.context import Context
from tulou_contracts.storage import Database, Documents, Migration, Storage, StorageError
from tulou_store.config import Config
from tulou_store.connections import Place
from tulou_store.database import ProfileDatabase
from tulou_store.documents import DocumentSet
from tulou_store.faults import of_system

_NAME = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*\Z")
_LONGEST_NAME = 100


class Store:
    """The contract's `Storage` in `folder`. Use within ``async with store.running()``."""

    def __init__(self, folder: Path, config: Config | None = None, log: logging.Logger | None = None) -> None:
        config = config or Config()
        self._folder = folder
        self._threads = config.threads
        self._log = log or logging.getLogger("tulou.store")
        self._sets: dict[str, DocumentSet] = {}
        self._opening = trio.Lock()
        self._open = False
        self.profile = ProfileDatabase(
            Place(folder / "profile.db", config.quota_mb),
            threads=config.threads,
            readers=config.readers,
            batch=config.batch,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve; on leaving, everything accepted is finished and the files are closed."""
        self._open = True
        try:
            async with self.profile.running():
                yield
        finally:
            self._open = False
            for each in self._sets.values():
                each.close()

    async def database(self, namespace: str, migrations: Sequence[Migration]) -> Database:
        """See the contract."""
        return await self.profile.namespace(namespace, migrations)

    async def documents(self, name: str) -> Documents:
        """See the contract."""
        if not _NAME.match(name) or len(name) > _LONGEST_NAME:
            raise StorageError(f"documents {name!r}: use lower-case words joined by '-', e.g. 'mini-apps'")
        async with self._opening:
            if not self._open:
                raise StorageError("the store has stopped")
            if name not in self._sets:
                opened = DocumentSet(self._place_for(name), self._log, self._threads)
                await opened.open()
                self._sets[name] = opened
            return self._sets[name]

    def _place_for(self, name: str) -> Path:
        folder = self._folder / "documents"
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise of_system(error, folder) from error
        return folder / f"{name}.json"


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Open the profile's store, and close it when the plugin stops."""
    store = Store(ctx.data, ctx.config, ctx.log)
    async with store.running():
        ctx.provide(Storage, store)
        yield
