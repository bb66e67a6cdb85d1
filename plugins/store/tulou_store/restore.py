"""Bringing a backup back: everything is unpacked beside and checked, then moved into place.

What is to be moved is noted first, and moving goes on at the next start where a crash cut it short;
what was there before is kept in a folder ``before-restore-N`` of the profile.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, BinaryIO

import apsw

from tulou_contracts.crypto import Cipher
from tulou_contracts.storage import StorageCorrupt, StorageError
from tulou_store.archive import unpack
from tulou_store.connections import connect
from tulou_store.faults import of_system
from tulou_store.files import SafeFile, sync_folder
from tulou_store.journal import Journal
from tulou_store.keys import Keys
from tulou_store.manifest import Manifest, topmost
from tulou_store.sealing import MAGIC, SALT, SealedReader

_BESIDE = ".restore"


def salt_of(archive: Path) -> bytes | None:
    """The salt of a sealed archive; None: it is not sealed. Raises `StorageError`."""
    try:
        with open(archive, "rb") as file:
            return file.read(SALT) if file.read(len(MAGIC)) == MAGIC else None
    except OSError as error:
        raise of_system(error, archive) from error


def stage(archive: Path, profile: Path, cipher: Cipher | None = None, key: bytes = b"") -> Manifest:
    """Unpack and check, beside the profile's data, which stays as it is.

    `key` belongs to the passphrase and `salt_of`. Raises `StorageCorrupt`, `StorageFull`,
    `StorageError`; then nothing is left of it.
    """
    beside = profile / _BESIDE
    try:
        if (beside / "ready").exists():
            finish(profile)
        shutil.rmtree(beside, ignore_errors=True)
        (beside / "new").mkdir(mode=0o700, parents=True)
        with open(archive, "rb") as file:
            opened = _opened(file, cipher, key)
            manifest = unpack(opened, beside / "new", sealed=opened is not file)
        _check(beside / "new", manifest)
        return manifest
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise of_system(error, Path(error.filename or beside)) from error
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def drop(profile: Path) -> None:
    """Forget what was staged, unless it was decided that it is to be."""
    if not (profile / _BESIDE / "ready").exists():
        shutil.rmtree(profile / _BESIDE, ignore_errors=True)


def _opened(file: BinaryIO, cipher: Cipher | None, key: bytes) -> Any:
    if file.read(len(MAGIC)) != MAGIC:
        file.seek(0)
        return file
    if cipher is None or not key:
        raise StorageError("this backup is encrypted: its passphrase is needed")
    return SealedReader(file, cipher, key, file.read(SALT))


def _check(new: Path, manifest: Manifest) -> None:
    secret = bytes.fromhex(manifest.key) if manifest.key else b""
    key = Keys(secret, _NoCipher()).database if secret else None
    path = new / "store" / "profile.db"
    if not path.exists():
        raise StorageCorrupt("the backup holds no database")
    try:
        connection = connect(path, key)
        try:
            sound = connection.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)]
        finally:
            connection.close(True)
    except apsw.Error as error:
        raise StorageCorrupt(f"the database in the backup cannot be read: {error}") from error
    if not sound:
        raise StorageCorrupt("the database in the backup is damaged")


def refuse_foreign(manifest: Manifest, account: str, schemas: dict[str, int]) -> None:
    """Compare with the profile that is there. Raises `StorageError`."""
    if account and manifest.account and account != manifest.account:
        raise StorageError(
            f"the backup is of {manifest.account}, and this profile belongs to {account}: restore it into"
            " a profile folder of its own; nothing was changed")
    newer = sorted(name for name, version in manifest.schemas.items() if version > schemas.get(name, version))
    if newer:
        raise StorageError(
            f"the backup was made by a newer program (the data of {', '.join(newer)} is newer): install that"
            " first; nothing was changed")


def refuse_folders(manifest: Manifest, noted: Collection[str], may_have: Callable[[str], bool | None],
                   profile: Path) -> None:
    """Compare with what this profile has in backups (`noted`), and with what the room that a folder
    belongs to `may_have` in them; None: it is not installed. Raises `StorageError`."""
    for folder in manifest.folders:
        owner = folder.split("/")[0]
        may = may_have(owner)
        if folder not in noted and not (not (profile / owner).exists() if may is None else may):
            raise StorageError(f"the backup wants to replace the folder {folder!r} of this profile, which"
                               f" {owner!r} has in no backup: nothing was changed")


def rekey(profile: Path, manifest: Manifest, keys: Keys, cipher: Cipher) -> None:
    """Bring what was unpacked under the profile's own key, without a plain copy in between."""
    former = Keys(bytes.fromhex(manifest.key), cipher)
    store = profile / _BESIDE / "new" / "store"
    connection = connect(store / "profile.db", former.database)
    try:
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        connection.execute(f"PRAGMA rekey = \"raw:{keys.database.hex()}\"").fetchall()
    finally:
        connection.close(True)
    sets = {path.with_name(path.name.removesuffix(".log")) for path in (store / "documents").glob("*.json*")}
    for path in sorted(sets):
        tables, _ = Journal(path, former.documents).read()
        if tables is not None:
            target = Journal(path, keys.documents)
            target.write(tables)
            target.forget_previous()
    SafeFile(store / "encrypted").write(json.dumps({"fingerprint": keys.fingerprint, "way": "encrypted"}))


def commit(profile: Path, manifest: Manifest) -> Path:
    """Move everything into place; where the former data is now. Goes on after a crash (`finish`)."""
    number = 1
    while (old := profile / f"before-restore-{number}").exists():
        number += 1
    parts = {"store": "store"} | {f"files/{name}": name for name in topmost(manifest.folders)}
    note = json.dumps({"parts": parts, "old": old.name})
    SafeFile(profile / _BESIDE / "ready").write(note)
    finish(profile)
    return old


def finish(profile: Path) -> None:
    """Go on with a restore that was decided; nothing to do otherwise. Raises `StorageError`."""
    beside = profile / _BESIDE
    if not beside.exists():
        return
    try:
        text, _ = SafeFile(beside / "ready").read()
        if text is not None:
            table = json.loads(text)
            for source, target in table["parts"].items():
                _move(beside / "new" / source, profile / target, profile / table["old"] / target)
        (beside / "ready").unlink(missing_ok=True)
        shutil.rmtree(beside)
        sync_folder(profile)
    except OSError as error:
        raise of_system(error, beside) from error


def _move(source: Path, target: Path, old: Path) -> None:
    if not source.exists():
        return
    if target.exists() and not old.exists():
        old.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.rename(old)
        sync_folder(old.parent)
    elif target.exists():
        target.rmdir()  # the start that goes on with us has made it anew, empty
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    source.rename(target)
    sync_folder(target.parent)


class _NoCipher:
    """For keys of which only the database's is used."""

    def new_key(self) -> bytes:
        raise NotImplementedError

    def seal(self, key: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
        raise NotImplementedError

    def open(self, key: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
        raise NotImplementedError

    async def derive_key(self, password: str, salt: bytes) -> bytes:
        raise NotImplementedError
