"""Storage: one transactional database a profile, and small documents.

Implemented by the plugin `store`. All text is UTF-8; times are integers, microseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from tulou import needs_grant
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


class StorageLocked(StorageError):
    """The data is encrypted, and its key is lost or not to be had now; the text says which."""


class MigrationFailed(StorageError):
    """The schema is newer than this program, or a migration step failed; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of a namespace's schema: `version` counts 1, 2, 3, ...; each is run once.

    `script` is SQL; `work`, for what SQL cannot say, is called after it. Both are part of the one
    transaction of all missing steps, before which a copy of the database was kept.
    """

    version: int
    script: str = ""
    work: Callable[[Transaction], None] | None = None


class Repair(NamedTuple):
    """What had to be done to a damaged file before it could be opened."""

    file: str
    kept_as: str
    """Where the damaged file was put."""
    rows: int
    """Rows that were recovered, in all namespaces."""
    lost: tuple[str, ...]
    """Tables of which some or all rows may be missing."""


class StorageRepaired(NamedTuple):
    """Event: the profile's database was damaged, and what could be read of it goes on."""

    repair: Repair


class StorageNearlyFull(NamedTuple):
    """Event: nine tenths of the room that the database may take are used. Sizes in bytes."""

    used: int
    allowed: int


class StorageUsage(NamedTuple):
    """How much room the data takes, in bytes."""

    namespaces: Mapping[str, int]
    """Tables and indexes by namespace."""
    documents: int
    rebuildable: Mapping[str, int]
    """Files that can be rebuilt, by name."""
    other: int
    """Copies made before migrations, and damaged files that were set aside."""
    allowed: int
    """The most that the database may take; 0: as the disk allows."""
    free: int
    """Room left on the disk."""


class BackupMade(NamedTuple):
    """What a backup holds."""

    path: Path
    files: int
    bytes: int
    """Size of the archive."""
    sealed: bool
    """Whether a passphrase is needed to open it."""


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

    @property
    def repair(self) -> Repair | None:
        """Set when the file was repaired, until `settle_repair`: rows of this room may be missing.

        A room fetches again what it can (from the server, say), then settles.
        """

    async def settle_repair(self) -> None:
        """This namespace has dealt with `repair`; it is not told again. Raises as `write`."""


class Rebuildable(Database, Protocol):
    """A database in a file of its own, for what can be made again from other data: an index, a cache.

    It may be gone at any start, is in no backup, and its newest changes may be lost with the power;
    what is there is consistent. `repair` is always None: a damaged file is thrown away instead.
    """

    @property
    def stale(self) -> bool:
        """Whether it has to be filled (again): new, or thrown away, or never filled to the end."""

    async def filled(self) -> None:
        """Everything is in it: from now on, and at later starts, it is not `stale`."""


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

    async def rebuildable(self, name: str, migrations: Sequence[Migration]) -> Rebuildable:
        """Open (or create) a file for what can be rebuilt; tables begin with the name and ``_``.

        A file that is damaged, that a newer program made, or that a migration fails on is thrown
        away, and a new one is `stale`. Raises `MigrationFailed` (even of a new file), `StorageFull`.
        """


class Maintenance(Protocol):
    """Care of a profile's data as a whole. Implemented by `store`."""

    async def usage(self) -> StorageUsage:
        """How much room everything takes; reads the whole database, off the loop."""

    async def check(self) -> Sequence[str]:
        """Look at every page and index; a sentence for each fault, none when all is well."""

    async def compact(self) -> int:
        """Give unused room back to the disk; the bytes gained. Writers wait meanwhile."""

    async def include(self, folder: Path) -> None:
        """Have backups hold the files of a folder inside the profile, from now on.

        Nothing is in a backup unless it was included: secrets and caches stay out by default.
        Raises `StorageError` for a folder outside the profile.
        """

    @needs_grant("profile.backup")
    async def backup(self, target: Path, *, passphrase: str = "") -> BackupMade:
        """Write a consistent copy of the profile to a new file, while everything runs.

        It holds the database, the documents and the included folders; no secrets. With a passphrase
        the file is encrypted; a profile that is encrypted itself cannot be backed up without one.
        Raises `StorageError`, `StorageFull`; then no file is left.
        """
