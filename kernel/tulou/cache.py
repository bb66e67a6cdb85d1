"""What can be computed again but is dear: kept between starts, in the interpreter's own format.

As with .pyc files, reading such a file imports nothing, and one that is stale, damaged or of
another interpreter is as good as none.
"""

from __future__ import annotations

import marshal
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32


def cache_folder() -> Path:
    """Where kept values live: $TULOU_CACHE, else ``tulou`` in the user's cache folder."""
    own = os.environ.get("TULOU_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tulou"


_BINARY = getattr(os, "O_BINARY", 0)    # Windows would change line ends


class Kept:
    """One value, valid as long as `state` (any plain data) is the same. `subject` names it."""

    def __init__(self, kind: str, subject: object, state: Any) -> None:
        key = crc32(repr((sys.version, sys.prefix, subject)).encode())
        self.path = cache_folder() / f"{kind}-{key:08x}"
        self._state = state

    def get(self) -> Any:
        """The value, or None when there is none for this state."""
        with suppress(OSError, ValueError, TypeError, EOFError):
            state, value = marshal.loads(self.path.read_bytes())
            if state == self._state:
                return value
        return None

    def put(self, value: Any) -> None:
        """Keep a value of plain data: whole or not at all. One that cannot be kept is left out."""
        with suppress(OSError, ValueError):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = self.path.with_suffix(f".{os.getpid()}")
            temporary.unlink(missing_ok=True)
            # a composition may hold a password, say of a proxy: as private as its own file could be
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
            with open(descriptor, "wb") as file:
                file.write(marshal.dumps((self._state, value)))
            temporary.replace(self.path)
