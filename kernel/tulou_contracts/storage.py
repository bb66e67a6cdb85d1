"""Storage: one transactional database a profile, and small documents.

Implemented by the plugin `store`. All text is UTF-8; times are integers, microseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from tulou.errors import TulouError

T = TypeVar("T")
Row = tuple[Any, ...]
Parameters = Sequence[Any] | Mapping[str, Any]
Document = dict[str, Any]


class StorageError(TulouError):
    """Storage could not do what was asked; nothing of the request was kept."""


class StorageFull(StorageError):
    """No room on the disk (or it is read-only); what was stored before is safe."""


class StorageCorrupt(StorageError):
    """A file is damaged; the text says which one and where its copy was put."""


class MigrationFailed(StorageError):
    """The schema is newer than this program, or a migration step failed; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of a namespace's schema: `version` counts 1, 2, 3, ...; `script` is SQL, run once."""

    version: int
    script: str


class Reader(Protocol):
    """A view of the database, inside a `read`; consistent for as long as the call lasts."""

    def query(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of a SELECT."""

    def one(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """The first row, or None."""


class Transaction(Reader, Protocol):
    """What a `write` may do. Its changes become durable together, or not at all."""

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run one statement; the number of rows it changed."""

    def execute_many(self, sql: str, rows: Sequence[Parameters]) -> int:
        """Run one statement for each of `rows`; the number of rows changed."""


class Database(Protocol):
    """A namespace of the profile's database.

    Tables carry the namespace as prefix (``im_message``). A transaction may touch the tables of
    another room when that room's own functions do it, so that one commit spans rooms.
    """

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in the writer thread; return its result once it is durable on disk.

        Works of many callers share a commit; one that raises is rolled back alone and its
        exception comes out here. `work` must be quick, and may run on any thread.
        Cancelling the wait does not undo a work that has begun.

        Raises `StorageFull`, `StorageError`.
        """

    async def read(self, work: Callable[[Reader], T]) -> T:
        """Run `work` with a consistent view, in a reader thread, concurrently with writes."""


class Documents(Protocol):
    """A few hundred small JSON documents by key; every change is crash-safe when it returns."""

    async def get(self, key: str) -> Document | None:
        """The document, or None."""

    async def put(self, key: str, document: Document) -> None:
        """Store or replace. Raises `StorageFull`, `StorageError`."""

    async def delete(self, key: str) -> None:
        """Remove; a key that is not there is no error."""

    async def all(self) -> dict[str, Document]:
        """Every document by key."""


class Storage(Protocol):
    """The profile's data."""

    async def database(self, namespace: str, migrations: Sequence[Migration]) -> Database:
        """Open a namespace, bringing its schema up to the last of `migrations` first.

        Raises `MigrationFailed`, `StorageCorrupt`, `StorageFull`.
        """

    async def documents(self, name: str) -> Documents:
        """Open (or create) a set of small documents. Raises `StorageCorrupt`."""
