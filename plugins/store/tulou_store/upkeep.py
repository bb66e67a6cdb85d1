"""The contract `Maintenance`: usage, check, compaction, and backups while everything runs."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import apsw
import trio

from tulou_contracts.crypto import Cipher
from tulou_contracts.storage import BackupMade, StorageError, StorageUsage
from tulou_store.connections import Place
from tulou_store.database import ProfileDatabase
from tulou_store.faults import of_sqlite, of_system
from tulou_store.files import sync_folder
from tulou_store.interrupt import look
from tulou_store.keys import Keys
from tulou_store.looking import looked_at, looking
from tulou_store.sealing import SALT, SealedWriter
from tulou_store.snapshots import copy_database
from tulou_store.writer import Writer

if TYPE_CHECKING:
    from tulou_store.archive import Packer

T = TypeVar("T")
Seal = tuple[Cipher, bytes, bytes]


class Upkeep:
    """Of the store in `folder`. Without a `database` (another program has it open) it only looks."""

    def __init__(
        self, folder: Path, keys: Keys | None = None, database: ProfileDatabase | None = None,
        cipher: Callable[[], Cipher | None] = lambda: None, quota_mb: int = 0, threads: bool = True,
    ) -> None:
        self._folder = folder
        self._keys = keys
        self._path = folder / "profile.db"
        self._database = database
        self._cipher = cipher
        self._quota = quota_mb
        self._threads = threads
        self._whole = 0
        self._packer: Packer | None = None

    @property
    def secret(self) -> bytes | None:
        """What the keys of an encrypted profile are made from; None: it is not encrypted."""
        return self._keys.secret if self._keys is not None else None

    @property
    def packed(self) -> tuple[int, int]:
        """Bytes of the backup being made that are packed, and about how many it will be; 0: not known."""
        return (self._packer.taken if self._packer is not None else 0), self._whole

    async def notes(self) -> dict[str, str]:
        """When things were done last: ``checked`` (microseconds, a blank, faults found), ``saved``
        (microseconds), and the ``account``."""
        if not self._path.exists():
            return {}  # no room has kept anything yet
        names = ("account", "checked", "saved")
        return await self._writer().read(lambda reader: {
            str(name): str(value) for name, value in reader.query("SELECT name, value FROM store_state")
            if name in names})

    async def usage(self) -> StorageUsage:
        """See the contract."""
        return await self._off_loop(self._usage)

    async def check(self) -> Sequence[str]:
        """See the contract."""
        if self._database is not None:  # opening repairs, where damage was met before
            await self._database.alone(lambda writer: writer.opened() and None)
        faults = await self._off_loop(self._check)
        await self._remember("checked", f"{_now()} {len(faults)}")
        return faults

    async def _remember(self, name: str, value: str) -> None:
        """For people to see; no matter when it cannot be kept."""
        if self._database is not None:
            with suppress(StorageError):
                await self._database.alone(lambda writer: _set(writer, name, value))

    async def compact(self) -> int:
        """See the contract."""
        return await self._writer().alone(self._compact)

    async def include(self, folder: Path) -> None:
        """See the contract."""
        profile = self._folder.parent.resolve()
        try:
            name = folder.resolve().relative_to(profile).as_posix()
        except ValueError:
            raise StorageError(f"{folder} is not inside the profile {profile}") from None
        from tulou_store.manifest import is_fit_folder  # not at every start

        if not is_fit_folder(name):
            raise StorageError(f"{folder} is not a folder of a plugin's own")
        await self._writer().alone(lambda writer: _note(writer, f"folder {name}", ""))

    async def owned_by(self, account: str) -> str:
        """Note whose profile this is, if nobody did; the account noted."""
        return await self._writer().alone(lambda writer: _owner(writer, account))

    async def backup(self, target: Path, *, passphrase: str = "") -> BackupMade:
        """See the contract."""
        seal: Seal | None = None
        if passphrase:
            cipher = self._cipher()
            if cipher is None:
                raise StorageError("a backup with a passphrase needs the plugin 'crypto'")
            salt = os.urandom(SALT)
            seal = (cipher, await cipher.derive_key(passphrase, salt), salt)
        elif self._keys is not None:
            raise StorageError("this profile is encrypted: its backup needs a passphrase")
        made = await self._off_loop(lambda: self._backup(target, seal))
        await self._remember("saved", str(_now()))
        return made

    def _writer(self) -> ProfileDatabase:
        if self._database is None:
            raise StorageError(f"{self._folder} is in use by a running app: close that first")
        return self._database

    async def _off_loop(self, work: Callable[[], T]) -> T:
        def told() -> T:
            try:
                return work()
            except apsw.Error as error:
                raise of_sqlite(error, self._path) from error
            except OSError as error:
                raise of_system(error, Path(error.filename or self._path)) from error

        if self._threads:
            return await trio.to_thread.run_sync(told)
        await trio.lowlevel.checkpoint()
        return told()

    # -- in a thread

    def _connect(self) -> apsw.Connection:
        if not self._path.exists():
            raise StorageError(f"there is no database at {self._path}")
        return looking(self._path, self._key)

    @property
    def _key(self) -> bytes | None:
        return self._keys.database if self._keys else None

    def _usage(self) -> StorageUsage:
        from tulou_store.archive import files_below

        spaces: dict[str, int] = {}
        if self._path.exists():
            with looked_at(self._path, self._key) as connection:
                names = [str(name) for (name,) in connection.execute("SELECT namespace FROM store_migration")]
                pages = connection.execute(
                    "SELECT coalesce(s.tbl_name, d.name), sum(d.pgsize) FROM dbstat d"
                    " LEFT JOIN sqlite_schema s ON s.name = d.name WHERE d.aggregate = TRUE GROUP BY 1")
                for table, size in pages.fetchall():
                    fitting = [name for name in names if str(table).startswith(f"{name}_")]
                    space = max(fitting, key=len, default="store")
                    spaces[space] = spaces.get(space, 0) + int(str(size))
        documents, again = self._folder / "documents", self._folder / "rebuildable"
        rebuildable: dict[str, int] = {}
        for path in files_below(again):
            name = path.name.partition(".")[0]
            rebuildable[name] = rebuildable.get(name, 0) + path.stat().st_size
        known = {self._path.with_name(self._path.name + part) for part in ("", "-wal", "-shm")}
        rest = sum(path.stat().st_size for path in files_below(self._folder)
                   if path not in known and again not in path.parents and documents not in path.parents)
        return StorageUsage(
            namespaces=spaces, documents=sum(path.stat().st_size for path in files_below(documents)),
            rebuildable=rebuildable, other=rest, allowed=self._quota << 20,
            free=shutil.disk_usage(self._folder).free)

    def _check(self) -> list[str]:
        if not self._path.exists():
            return []
        faults = self._faults()
        if faults and self._database is not None:
            self._database.place.suspect()
        return [f"{self._path}: {fault}" for fault in faults]

    def _faults(self) -> list[str]:
        try:
            with looked_at(self._path, self._key) as connection:
                return _faults(connection)
        except (apsw.CorruptError, apsw.NotADBError) as error:
            return [str(error)]

    def _compact(self, writer: Writer) -> int:
        connection, gate = writer.opened()
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            before = self._path.stat().st_size
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return before - self._path.stat().st_size
        except apsw.Error as error:
            raise of_sqlite(error, self._path) from error

    def _backup(self, target: Path, seal: Seal | None) -> BackupMade:
        if target.exists():
            raise StorageError(f"{target} is there already: give the backup another name")
        if self._folder.parent.resolve() in target.resolve().parents:
            raise StorageError(
                f"{target} is inside the profile: a backup belongs elsewhere, best on another disk")
        draft = target.with_name(target.name + ".part")
        snapshot = self._folder / f"backup-{os.getpid()}.db"
        try:
            files = self._pack(draft, snapshot, seal)
            with open(draft, "rb+") as file:
                os.fsync(file.fileno())
            look()
            os.replace(draft, target)
            sync_folder(target.parent)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        finally:
            self._packer, self._whole = None, 0
            for path in snapshot.parent.glob(f"{snapshot.name}*"):
                path.unlink()
        return BackupMade(path=target, files=files, bytes=target.stat().st_size, sealed=seal is not None)

    def _pack(self, draft: Path, snapshot: Path, seal: Seal | None) -> int:
        from tulou_store.archive import Packer, files_below  # tarfile: not at every start
        from tulou_store.manifest import is_fit_folder, topmost

        account, schemas, noted = self._snapshot(snapshot)
        folders = topmost([each for each in noted if is_fit_folder(each)])
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            sealed = SealedWriter(file, *seal) if seal else None
            self._packer = packer = Packer(sealed or file)
            self._whole = snapshot.stat().st_size + sum(
                path.stat().st_size for root in (self._folder / "documents", *(
                    self._folder.parent / each for each in folders)) for path in files_below(root))
            try:
                self._fill(packer, snapshot, (account, schemas, folders))
            except BaseException:
                packer.give_up()
                raise
            if sealed is not None:
                sealed.finish()
        return len(packer.files)

    def _fill(self, packer: Packer, snapshot: Path, state: tuple[str, dict[str, int], list[str]]) -> None:
        from tulou_store.archive import files_below
        from tulou_store.manifest import Manifest, is_fit_member

        account, schemas, folders = state
        packer.add("store/profile.db", snapshot, copy=False)
        if self._keys is not None:
            packer.add("store/encrypted", self._folder / "encrypted")
        # a log before its set: should the set be written anew meanwhile, it holds the log's changes
        for pattern in ("*.json.log", "*.json"):
            for path in sorted((self._folder / "documents").glob(pattern)):
                if is_fit_member(name := f"store/documents/{path.name}"):
                    packer.add(name, path)
        for folder in folders:
            root = self._folder.parent / folder
            for path in files_below(root):
                if not is_fit_member(name := f"files/{folder}/{path.relative_to(root).as_posix()}"):
                    raise StorageError(f"{str(path)!r} cannot be in a backup: give it a usual name")
                packer.add(name, path)
        packer.finish(Manifest(
            account=account, schemas=schemas, folders=folders, made=_now(),
            files=packer.files, key=self._keys.secret.hex() if self._keys else ""))

    def _snapshot(self, snapshot: Path) -> tuple[str, dict[str, int], list[str]]:
        connection = self._connect()
        try:
            connection.execute("BEGIN")  # what is written meanwhile does not make the copy begin again
            schemas = {str(name): int(str(version)) for name, version in
                       connection.execute("SELECT namespace, version FROM store_migration")}
            state = {str(name): str(value) for name, value in connection.execute("SELECT * FROM store_state")}
            copy_database(connection, snapshot, self._keys.database if self._keys else None)
        finally:
            connection.close(True)
        folders = sorted(name.partition(" ")[2] for name in state if name.startswith("folder "))
        return state.get("account", ""), schemas, folders


def _now() -> int:
    return time.time_ns() // 1000


def _set(writer: Writer, name: str, value: str) -> None:
    connection, _ = writer.opened()
    connection.execute("INSERT OR REPLACE INTO store_state VALUES (?, ?)", (name, value))


def _note(writer: Writer, name: str, value: str) -> None:
    connection, _ = writer.opened()
    connection.execute("INSERT OR IGNORE INTO store_state VALUES (?, ?)", (name, value))


def _owner(writer: Writer, account: str) -> str:
    _note(writer, "account", account)
    connection, _ = writer.opened()
    found = connection.execute("SELECT value FROM store_state WHERE name = 'account'").fetchall()
    return str(found[0][0])


def _faults(connection: apsw.Connection) -> list[str]:
    faults = [str(text) for (text,) in connection.execute("PRAGMA integrity_check(20)")]
    if faults != ["ok"]:
        return faults
    return [f"a row of {table} refers to one of {parent} that is not there"
            for table, _, parent, _ in connection.execute("PRAGMA foreign_key_check")]


def suspect(folder: Path) -> None:
    """Have the database looked at, and repaired if need be, when it is opened next."""
    Place(folder / "profile.db").suspect()
