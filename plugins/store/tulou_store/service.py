"""The store of one profile, from start to stop."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from tulou import AccountChanged
from tulou.context import Context
from tulou_contracts.crypto import Cipher, Keyring
from tulou_contracts.storage import (
    Database,
    Documents,
    Maintenance,
    Migration,
    Rebuildable,
    Storage,
    StorageError,
)
from tulou_contracts.ui import Notices
from tulou_store.config import Config
from tulou_store.connections import Place
from tulou_store.database import ProfileDatabase, serve_in_thread
from tulou_store.documents import DocumentSet
from tulou_store.faults import of_system
from tulou_store.keys import Keys
from tulou_store.migrations import check
from tulou_store.pages import StoragePages
from tulou_store.telling import Teller
from tulou_store.unlock import unlock
from tulou_store.upkeep import Upkeep
from tulou_store.writer import Writer

_NAME = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*\Z")
_LONGEST_NAME = 100


class Store:
    """The contract's `Storage` in `folder`. Use within ``async with store.running()``.

    `publish` takes events; `keys` are there when the profile is encrypted.
    """

    def __init__(
        self, folder: Path, config: Config | None = None, log: logging.Logger | None = None,
        publish: Callable[[object], None] = lambda _: None, keys: Keys | None = None,
    ) -> None:
        self._config = config = config or Config()
        self.folder = folder
        self.keys = keys
        self._log = log or logging.getLogger("tulou.store")
        self._publish = publish
        self._sets: dict[str, DocumentSet] = {}
        self._opening = trio.Lock()
        self._documents: Writer | None = None
        self._files: dict[str, ProfileDatabase] = {}
        self._nursery: trio.Nursery | None = None
        self._closing = trio.Event()
        self.profile = self._database(Place(
            folder / "profile.db", config.quota_mb, keys.database if keys else None,
            check_seconds=config.check_seconds, log=self._log))

    def _database(self, place: Place, readers: int = 0) -> ProfileDatabase:
        config = self._config
        return ProfileDatabase(place, threads=config.threads, readers=readers or config.readers,
                               batch=config.batch, publish=self._publish)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve; on leaving, everything accepted is finished and the files are closed."""
        try:
            async with self.profile.running(), trio.open_nursery() as nursery:
                self._nursery = nursery
                try:
                    yield
                finally:
                    self._nursery = None
                    self._closing.set()
                    if self._documents is not None:
                        self._documents.close()
        finally:
            for each in self._sets.values():
                each.close()

    async def database(self, namespace: str, migrations: Sequence[Migration]) -> Database:
        """See the contract."""
        return await self.profile.namespace(namespace, migrations)

    async def rebuildable(self, name: str, migrations: Sequence[Migration]) -> Rebuildable:
        """See the contract."""
        check(name, migrations)
        async with self._opening:
            if name not in self._files:
                if self._nursery is None:
                    raise StorageError("the store has stopped")
                path = self._subfolder("rebuildable") / f"{name}.db"
                key = self.keys.database if self.keys else None
                file = self._database(Place(path, key=key, rebuildable=True, log=self._log), readers=1)
                await self._nursery.start(self._serve, file)
                self._files[name] = file
            return await self._files[name].rebuildable(name, migrations)

    async def _serve(
        self, file: ProfileDatabase, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        async with file.running():
            task_status.started()
            await self._closing.wait()

    async def documents(self, name: str) -> Documents:
        """See the contract."""
        if not _NAME.match(name) or len(name) > _LONGEST_NAME:
            raise StorageError(f"documents {name!r}: use lower-case words joined by '-', e.g. 'mini-apps'")
        async with self._opening:
            if self._nursery is None:
                raise StorageError("the store has stopped")
            if name not in self._sets:
                coding = self.keys.documents if self.keys else None
                path = self._subfolder("documents") / f"{name}.json"
                opened = DocumentSet(path, self._log, self._desk(self._nursery), coding)
                await opened.open()
                self._sets[name] = opened
            return self._sets[name]

    def _desk(self, nursery: trio.Nursery) -> Writer | None:
        """One thread writes all documents; it begins with the first set."""
        if self._config.threads and self._documents is None:
            self._documents = Writer(Place(self.folder / "documents"))
            nursery.start_soon(serve_in_thread, self._documents, "store-documents")
        return self._documents

    def _subfolder(self, name: str) -> Path:
        folder = self.folder / name
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise of_system(error, folder) from error
        return folder


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Open the profile's store, and close it when the plugin stops."""
    restore_finish = _unfinished(ctx.data.parent)
    if restore_finish is not None:
        await trio.to_thread.run_sync(restore_finish, ctx.data.parent)
    keys = await unlock(ctx.data, ctx.config.encrypt, ctx.wanted(Keyring), ctx.wanted(Cipher), ctx.log)
    teller = Teller(ctx.wanted(Notices))

    def publish(event: object) -> None:
        ctx.publish(event)
        teller.tell(event)

    store = Store(ctx.data, ctx.config, ctx.log, publish, keys)
    async with store.running():
        cipher = ctx.wanted(Cipher)
        upkeep = Upkeep(ctx.data, keys, store.profile, cipher.get, ctx.config.quota_mb, ctx.config.threads)

        async def on_account(event: AccountChanged) -> None:
            if event.account is not None and await upkeep.owned_by(event.account) != event.account:
                ctx.log.error("this profile belongs to another account than %s", event.account)

        ctx.subscribe(AccountChanged, on_account)
        ctx.provide(Storage, store)
        ctx.provide(Maintenance, upkeep)
        ctx.implement(StoragePages(upkeep, ctx.wanted(Keyring), ctx.spawn, ctx.log))
        end_watch = ctx.wanted(Notices).watch(teller.come)
        try:
            yield
        finally:
            end_watch()


def _unfinished(profile: Path) -> Callable[[Path], None] | None:
    """What goes on with a restore that a crash cut short; it is imported only then."""
    if not (profile / ".restore").exists():
        return None
    from tulou_store.restore import finish

    return finish
