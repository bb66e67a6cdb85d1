"""SQLite's and the system's errors as the contract's, in sentences that say what to do."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import apsw

from tulou_contracts.storage import StorageCorrupt, StorageError, StorageFull

CALL_ERRORS = (apsw.Error, TypeError, ValueError, OverflowError, KeyError)
"""What a statement with wrong SQL or parameters, or a failing disk, may raise inside SQLite."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_RIGHT = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_NEARLY_FULL = 256 * 1024
_LONGEST_SQL = 80


def full(path: Path) -> StorageFull:
    """The disk, or the quota, has no room left."""
    return StorageFull(
        f"there is no room left for {path} (the disk is full, or the quota is reached):"
        " nothing was changed; free some space and try again"
    )


def read_only(path: Path) -> StorageFull:
    """The file, its folder or its disk cannot be written."""
    return StorageFull(
        f"{path} cannot be written (the disk is read-only, or this user lacks the right):"
        " nothing was changed; make it writable and start again"
    )


def damaged(path: Path) -> StorageCorrupt:
    """Damage found while in use; the file is looked at, and moved aside, at the next opening."""
    return StorageCorrupt(
        f"{path} is damaged: nothing was changed; when the app is started again, the file is checked"
        f" and, if it cannot be used, kept beside as {path.name}.damaged-N"
    )


def of_system(error: OSError, path: Path) -> StorageError:
    """A failed file operation on `path`."""
    if error.errno in _NO_ROOM:
        return full(path)
    if error.errno in _NO_RIGHT:
        return read_only(path)
    return StorageError(f"{path} could not be read or written: {error.strerror or error}")


def of_sqlite(error: Exception, path: Path, sql: str = "") -> StorageError:
    """A failed statement, or a failed commit (without `sql`), on the database at `path`."""
    if isinstance(error, StorageError):
        return error
    if isinstance(error, apsw.FullError):
        return full(path)
    if isinstance(error, apsw.ReadOnlyError):
        return read_only(path)
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
        return damaged(path)
    if isinstance(error, (apsw.IOError, apsw.CantOpenError)):
        return _of_disk(error, path)
    if isinstance(error, apsw.BusyError):
        return StorageError(f"{path} is in use by another program: close it and try again")
    return StorageError(f"{_text(error)}{_where(sql)}")


def _of_disk(error: apsw.Error, path: Path) -> StorageError:
    # SQLite reports a failed growth of its shared-memory file as a plain I/O error
    try:
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            return read_only(path)
        if shutil.disk_usage(path.parent).free < _NEARLY_FULL or _at_the_limit(path):
            return full(path)
    except OSError as failure:
        return of_system(failure, path)
    return StorageError(f"{path} could not be read or written: {_text(error)}")


def _at_the_limit(path: Path) -> bool:
    """Whether this user's files may hardly grow any more (``ulimit -f``); SQLite does not say so."""
    try:
        import resource  # not on Windows, which has no such limit
    except ImportError:
        return False
    allowed = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    largest = max((part.stat().st_size for part in path.parent.glob(f"{path.name}*")), default=0)
    return allowed != resource.RLIM_INFINITY and largest + _NEARLY_FULL > allowed


def _text(error: Exception) -> str:
    return f"no value for parameter {error}" if isinstance(error, KeyError) else str(error)


def _where(sql: str) -> str:
    flat = " ".join(sql.split())
    if len(flat) > _LONGEST_SQL:
        flat = flat[:_LONGEST_SQL] + " ..."
    return f" (in: {flat})" if flat else ""
