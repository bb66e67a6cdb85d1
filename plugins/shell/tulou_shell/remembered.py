"""What the shell keeps in the profile: its port, the sessions' hashes, invitations."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from tulou_shell.door import digest

FILE = "shell.json"
INVITATIONS = "invitations"


class Remembered:
    """The file ``shell.json``; a damaged one counts as empty, for nothing in it is irreplaceable."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = 0
        self.now = 0
        """The port of this run, when another one than `port` has to serve."""
        self.account = ""
        """The account's address, for the launcher's list."""
        self.sessions: dict[str, float] = {}
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            kept = json.loads((folder / FILE).read_text("utf-8"))
            self.port = _port(kept.get("port"))
            self.now = _port(kept.get("now"))
            self.account = str(kept.get("account", ""))
            self.sessions = {str(key): float(seen) for key, seen in kept.get("sessions", {}).items()}

    def save(self) -> None:
        """Replace the file as a whole, so that a crash leaves the old or the new one."""
        text = json.dumps(
            {"port": self.port, "now": self.now, "account": self.account, "sessions": self.sessions},
            ensure_ascii=False, indent=1,
        )
        replace_file(self._folder / FILE, text)

    def take_invitation(self, code_hash: str, not_before: float) -> bool:
        """Use up what `invite` left: removing the file decides who was first."""
        if not code_hash.isalnum():
            return False
        path = self._folder / INVITATIONS / code_hash
        try:
            made = path.stat().st_mtime
            path.unlink()
        except OSError:
            return False
        return made >= not_before


def _port(value: object) -> int:
    return value if isinstance(value, int) and 0 < value < 65536 else 0


def invite(folder: Path, now: Callable[[], float] = time.time) -> str:
    """Leave an invitation in the shell's folder of a profile and return its one-time code.

    Whoever may write into the profile may do so; a running shell accepts the code once.
    """
    place = folder / INVITATIONS
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in place.iterdir():
        with contextlib.suppress(OSError):
            if old.stat().st_mtime < now() - 3600:
                old.unlink()
    code = secrets.token_urlsafe(32)
    replace_file(place / digest(code), "")
    return code


def replace_file(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all; readable by its owner only."""
    spare = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(spare, path)
    except BaseException:
        spare.unlink(missing_ok=True)
        raise
