"""One profile's database: its writer, its readers, and a handle a namespace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import apsw
import trio

from tulou_contracts.storage import (
    Migration,
    MigrationFailed,
    Reader,
    Repair,
    StorageCorrupt,
    Transaction,
)
from tulou_store.connections import Place, repair_from
from tulou_store.jobs import Job
from tulou_store.migrations import check, migrate
from tulou_store.readers import Readers
from tulou_store.writer import Writer

T = TypeVar("T")


class ProfileDatabase:
    """Use within ``async with database.running()``."""

    def __init__(
        self, place: Place, *, threads: bool = True, readers: int = 3, batch: int = 500,
        publish: Callable[[object], None] = lambda _: None,
    ) -> None:
        self.place = place
        self._publish = publish
        self._threads = threads
        self.writer = Writer(place, batch)
        self.readers = Readers(place, readers)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve; on leaving, everything accepted is finished and the files are closed."""
        async with trio.open_nursery() as writing:
            self._start_writer(writing)
            try:
                # the writer closes last: the last connection empties the log into the file
                async with trio.open_nursery() as reading:
                    self._start_readers(reading)
                    try:
                        yield
                    finally:
                        self.readers.close()
            finally:
                self.writer.close()

    def _start_writer(self, nursery: trio.Nursery) -> None:
        if self._threads:
            nursery.start_soon(serve_in_thread, self.writer, "store-writer")
        else:
            nursery.start_soon(self.writer.serve_inline)

    def _start_readers(self, nursery: trio.Nursery) -> None:
        if self._threads:
            token = trio.lowlevel.current_trio_token()
            for _ in range(self.readers.count):
                nursery.start_soon(_in_thread, partial(self.readers.serve_thread, token), "store-reader")

    async def namespace(self, name: str, migrations: Sequence[Migration]) -> Namespace:
        """Open a namespace. Raises `MigrationFailed`, `StorageCorrupt`, `StorageFull`."""
        check(name, migrations)

        def bring_up(writer: Writer) -> Repair | None:
            connection, gate = writer.opened()
            known = migrate(connection, gate, self.place, name, migrations)
            return _repair(connection, name, known)

        return Namespace(self, name, await self.alone(bring_up))

    async def rebuildable(self, name: str, migrations: Sequence[Migration]) -> RebuildableFile:
        """Open the file's only namespace, of a new file if need be. Raises as `namespace`."""
        check(name, migrations)

        def bring_up(writer: Writer) -> bool:
            connection, gate = writer.opened()
            migrate(connection, gate, self.place, name, migrations)
            return not connection.execute("SELECT 1 FROM store_state WHERE name = 'filled'").fetchall()

        def bring_up_or_anew(writer: Writer) -> bool:
            try:
                return bring_up(writer)
            except (StorageCorrupt, MigrationFailed) as error:
                if writer.fresh:
                    raise
                self.place.log.warning("%s is thrown away and will be made again: %s", self.place.path, error)
                writer.start_over()
                return bring_up(writer)

        return RebuildableFile(self, name, await self.alone(bring_up_or_anew))

    async def alone(self, work: Callable[[Writer], T]) -> T:
        """Run what needs the writer for itself."""
        try:
            result: T = await self.writer.submit(Job(work, alone=True))
        finally:
            self.tell()
        return result

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """See the contract."""
        try:
            result: T = await self.writer.submit(Job(work))
        finally:
            if self.place.news:
                self.tell()
        return result

    def tell(self) -> None:
        """Publish what the writer's thread has noticed."""
        while self.place.news:
            self._publish(self.place.news.pop(0))

    async def read(self, work: Callable[[Reader], T]) -> T:
        """See the contract."""
        read = self.readers.read if self._threads else self.readers.read_inline
        result: T = await read(work)
        return result


class Namespace:
    """The contract's `Database`."""

    def __init__(self, database: ProfileDatabase, name: str, repair: Repair | None) -> None:
        self._database = database
        self._name = name
        self._repair = repair

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """See the contract."""
        return await self._database.write(work)

    async def read(self, work: Callable[[Reader], T]) -> T:
        """See the contract."""
        return await self._database.read(work)

    @property
    def repair(self) -> Repair | None:
        """See the contract."""
        return self._repair

    async def settle_repair(self) -> None:
        """See the contract."""
        if self._repair is not None:
            name = f"repair {self._name}"
            await self.write(lambda tx: tx.execute("DELETE FROM store_state WHERE name = ?", (name,)))
            self._repair = None


class RebuildableFile(Namespace):
    """The contract's `Rebuildable`."""

    def __init__(self, database: ProfileDatabase, name: str, stale: bool) -> None:
        super().__init__(database, name, None)
        self._stale = stale

    @property
    def stale(self) -> bool:
        """See the contract."""
        return self._stale

    async def filled(self) -> None:
        """See the contract."""
        await self.write(lambda tx: tx.execute("INSERT OR REPLACE INTO store_state VALUES ('filled', '1')"))
        self._stale = False


def _repair(connection: apsw.Connection, namespace: str, known: int) -> Repair | None:
    """What the namespace has to be told; what befell everybody concerns those who begin anew."""
    name = f"repair {namespace}"
    if not known:
        connection.execute("INSERT OR REPLACE INTO store_state SELECT ?, value FROM store_state"
                           " WHERE name = 'repair *'", (name,))
    found = connection.execute("SELECT value FROM store_state WHERE name = ?", (name,)).fetchall()
    return repair_from(str(found[0][0])) if found else None


async def _in_thread(serve: Callable[[], Any], name: str) -> None:
    limiter = trio.CapacityLimiter(1)  # not the loop's: these threads stay for as long as the store
    await trio.to_thread.run_sync(serve, limiter=limiter, thread_name=name)


async def serve_in_thread(writer: Writer, name: str) -> None:
    """Give a writer a thread of its own, until it is closed."""
    await _in_thread(partial(writer.serve_thread, trio.lowlevel.current_trio_token()), name)
