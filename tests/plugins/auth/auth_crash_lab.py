"""Run as a program: store, crypto and auth in a kernel, killed before the 1st, 2nd, ... step on a file.

``auth_crash_lab.py ACTION FOLDER``: FOLDER/start is how the profile begins, FOLDER/N is how it looks
after the kill before step N. Prints how many steps there are.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trio

from auth_fakes import kernel_on, open_on
from tulou_contracts.testing.identity import LIN, FakeAuthenticator

armed = False
taken = 0
fatal = 0


def before(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, counted, and deadly when it is time."""

    def stepping(*args: Any, **kwargs: Any) -> Any:
        global taken
        if armed:
            taken += 1
            if taken == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    return stepping


async def act(action: str, folder: Path) -> None:
    """One change of the account."""
    global armed
    server = FakeAuthenticator({LIN: action.removeprefix("in ")})
    async with open_on(kernel_on(folder, server)) as profile:
        armed = True
        if action.startswith("in "):
            await profile.identity.sign_in(LIN, action.removeprefix("in "), "wss://example.org/ws")
        elif action == "out":
            await profile.identity.sign_out()
        elif action == "rejected":
            await profile.credentials.rejected("not-authorized")
        armed = False


def main(action: str, folder: Path) -> None:
    """Crash everywhere."""
    global fatal
    import Crypto.Cipher.AES
    import Crypto.Random  # noqa: F401 - before the first fork, for speed

    while True:
        fatal += 1
        here = folder / str(fatal)
        shutil.copytree(folder / "start", here)
        child = os.fork()
        if child == 0:
            for name in ("open", "fsync", "fdatasync", "replace", "rename", "mkdir", "unlink", "link"):
                setattr(os, name, before(getattr(os, name)))
            trio.run(act, action, here)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            print(fatal)
            sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
