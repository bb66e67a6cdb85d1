"""Run as a program: does one thing to a keyring again and again, killed before its 1st, 2nd, ... step.

``crypto_crash_lab.py ACTION FOLDER``: FOLDER/start is how the profile begins, FOLDER/N is how it looks
after the kill before step N. Prints how many steps there are. A step is whatever changes a disk or
the system's keyring.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trio

from tulou_crypto import key_file
from tulou_crypto.profile_keyring import ProfileKeyring
from tulou_crypto.system import SystemKeyring


class FileBackend:
    """A system keyring that outlives its process."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self) -> dict[str, str]:
        return json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        if (self.path.parent / "out-of-order").exists():
            raise RuntimeError("out of order")
        return self.entries().get(f"{service}|{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        if (self.path.parent / "out-of-order").exists():
            raise RuntimeError("out of order")
        step()
        self.path.write_text(json.dumps({**self.entries(), f"{service}|{username}": password}), "utf-8")

    def delete_password(self, service: str, username: str) -> None:
        step()
        entries = self.entries()
        del entries[f"{service}|{username}"]
        self.path.write_text(json.dumps(entries), "utf-8")


def open_profile(folder: Path, mode: str) -> ProfileKeyring:
    backend = FileBackend(folder / "system.json")
    system = SystemKeyring(10.0, lambda: (backend, "the system keyring (test)"))
    kind, _, passphrase = mode.partition("+")
    return ProfileKeyring(folder, mode=kind, passphrase=passphrase, system=system)  # type: ignore[arg-type]


taken = 0
fatal = 0


def step() -> None:
    """Count; die when it is time."""
    global taken
    taken += 1
    if taken == fatal:
        os.kill(os.getpid(), signal.SIGKILL)


def before(function: Callable[..., Any]) -> Callable[..., Any]:
    def stepping(*args: Any, **kwargs: Any) -> Any:
        step()
        return function(*args, **kwargs)

    return stepping


async def act(action: str, folder: Path) -> None:
    mode, _, verb = action.partition("-")
    keyring = open_profile(folder, mode)
    if verb == "set":
        await keyring.set("password", "new")
    else:
        await keyring.delete("password")


def main(action: str, folder: Path) -> None:
    global fatal
    import Crypto.Cipher.AES
    import Crypto.Random  # noqa: F401 - before the first fork, for speed

    key_file.N = 16

    while True:
        fatal += 1
        here = folder / str(fatal)
        shutil.copytree(folder / "start", here)
        child = os.fork()
        if child == 0:
            for name in ("open", "fsync", "replace", "rename", "mkdir"):
                setattr(os, name, before(getattr(os, name)))
            trio.run(act, action, here)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            print(fatal)
            sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
