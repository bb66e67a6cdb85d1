"""Which folders are profiles; a command given another one by mistake changes nothing there."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tulou.errors import ProfileLocked
from tulou_contracts.storage import StorageError
from tulou_store.faults import of_system

_SIGNS = (".lock", "store/profile.db", "store/documents", "store/encrypted", "store/profile.db.check")


def refuse_no_profile(folder: Path) -> None:
    """Raises `StorageError` unless a store was in this folder; looks only."""
    try:
        ours = (folder / "store").is_dir() and any((folder / sign).exists() for sign in _SIGNS)
    except (OSError, ValueError) as error:
        raise _unusable(folder, error) from None
    if not ours:
        raise StorageError(f"{_short(folder)} is no profile: it has no folder 'store' with data; nothing was"
                           " changed")


def refuse_others(folder: Path) -> None:
    """Raises `StorageError` for a folder in which lies something that is no profile; looks only."""
    try:
        empty = not folder.exists() or not any(folder.iterdir())
        ours = empty or any((folder / sign).exists() for sign in _SIGNS)
    except (OSError, ValueError) as error:
        raise _unusable(folder, error) from None
    if not ours:
        raise StorageError(f"{_short(folder)} is no profile, and holds other things: restore into a profile"
                           " or a new folder; nothing was changed")


@contextmanager
def left_as_it_was(folder: Path) -> Iterator[None]:
    """When what is within fails, a folder that was new or empty is so again, with the mode that it had;
    but for a restore that was decided, which goes on at the next start."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    mode = None if missing else stat.S_IMODE(folder.stat().st_mode)
    fresh = bool(missing) or not any(folder.iterdir())
    try:
        yield
    except ProfileLocked:  # somebody else makes something of it
        raise
    except BaseException:
        if fresh and not (folder / ".restore" / "ready").exists():
            with suppress(OSError):
                _take_back(folder, missing, mode)
        raise


def _take_back(folder: Path, missing: list[Path], mode: int | None) -> None:
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()
    if mode is not None:
        folder.chmod(mode)
    for made in missing:
        made.rmdir()


def _unusable(folder: Path, error: Exception) -> StorageError:
    if isinstance(error, OSError) and len(str(folder)) < 300:
        return of_system(error, folder)
    return StorageError(f"{_short(folder)} cannot be the name of a folder")


def _short(path: Path) -> str:
    text = str(path)
    return text if len(text) < 300 else f"{text[:80]}..."
