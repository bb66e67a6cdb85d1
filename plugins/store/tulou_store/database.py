"""One profile's database: its writer, its readers, and a handle a namespace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import trio

from tulou_contracts.storage import Migration, Reader, Transaction
from tulou_store.connections import Place
from tulou_store.jobs import Job
from tulou_store.migrations import check, migrate
from tulou_store.readers import Readers
from tulou_store.writer import Writer

T = TypeVar("T")


class ProfileDatabase:
    """Use within ``async with database.running()``."""

    def __init__(self, place: Place, *, threads: bool = True, readers: int = 3, batch: int = 500) -> None:
        self._place = place
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
            token = trio.lowlevel.current_trio_token()
            nursery.start_soon(_in_thread, partial(self.writer.serve_thread, token), "store-writer")
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

        def bring_up(writer: Writer) -> None:
            connection, gate = writer.opened()
            migrate(connection, gate, self._place, name, migrations)

        await self.writer.submit(Job(bring_up, alone=True))
        return Namespace(self)

    async def read(self, work: Callable[[Reader], T]) -> T:
        """See the contract."""
        read = self.readers.read if self._threads else self.readers.read_inline
        result: T = await read(work)
        return result


class Namespace:
    """The contract's `Database`."""

    def __init__(self, database: ProfileDatabase) -> None:
        self._database = database

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """See the contract."""
        result: T = await self._database.writer.submit(Job(work))
        return result

    async def read(self, work: Callable[[Reader], T]) -> T:
        """See the contract."""
        return await self._database.read(work)


async def _in_thread(serve: Callable[[], Any], name: str) -> None:
    limiter = trio.CapacityLimiter(1)  # not the loop's: these threads stay for as long as the store
    await trio.to_thread.run_sync(serve, limiter=limiter, thread_name=name)
