"""One app a profile: a folder is locked for as long as a kernel runs on it.

The lock is the operating system's own, so a process that was killed leaves none behind. The
`filelock` library does the same, and costs a start twelve milliseconds.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tulou.errors import ProfileLocked

LOCK_FILE = ".lock"
PRIVATE = 0o700
"""Mode of the folders of a profile: they hold messages, so they are their owner's alone."""


def is_profile(folder: Path) -> bool:
    """Whether some app has used the folder as its profile; looks only. For commands that read."""
    return (folder / LOCK_FILE).is_file()


@contextmanager
def lock_profile(profile: Path) -> Iterator[None]:
    """Keep other processes, and other kernels of this one, off a profile folder (made if needed).

    Raises `ProfileLocked` naming the process that has it, or why the folder cannot be used.
    """
    try:
        ours = is_profile(profile) or not (profile.exists() and any(profile.iterdir()))
        profile.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        file = open(profile / LOCK_FILE, "a+", encoding="ascii")
    except OSError as error:
        raise ProfileLocked(
            f"the profile {profile} cannot be used: {error.strerror or error}; check the folder's"
            " permissions and the room on its disk"
        ) from error
    with file:
        if not _try_lock(file):
            file.seek(0)
            owner = file.read().strip()
            who = "this program itself" if owner == str(os.getpid()) else f"process {owner or 'unknown'}"
            raise ProfileLocked(
                f"the profile {profile} is in use by {who}; close that app first, or choose another"
                " profile folder"
            )
        if ours:  # what else lies in a folder that becomes a profile by mistake is not ours to close
            _close_to_others(profile)
        with suppress(OSError):  # who has it is only told; on a full disk the lock holds all the same
            os.truncate(profile / LOCK_FILE, 0)
            (profile / LOCK_FILE).write_text(str(os.getpid()), "ascii")
        yield


def _close_to_others(profile: Path) -> None:
    """Take a profile that others may look into back to its owner, where that is possible."""
    with suppress(OSError):
        found = profile.stat()
        shared = found.st_mode & stat.S_ISVTX  # /tmp and its like: no profile, whatever was asked for
        if not shared and stat.S_IMODE(found.st_mode) & ~PRIVATE:
            profile.chmod(PRIVATE)  # refused where the folder is somebody else's


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[str]) -> bool:
        """Lock a byte far behind the text, so that others can still read who has it."""
        file.seek(1 << 20)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
