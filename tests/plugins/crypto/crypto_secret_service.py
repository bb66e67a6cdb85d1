"""Run as a program inside ``dbus-run-session``: our keyring on a real GNOME Keyring, in all its moods.

Prints what was seen, one line a step.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import trio

from tulou_crypto.profile_keyring import ProfileKeyring
from tulou_crypto.system import SystemKeyring, find_backend


def start_daemon(unlock: bool) -> subprocess.Popen[bytes]:
    """A GNOME Keyring on this bus, once it answers."""
    command = ["gnome-keyring-daemon", "--foreground", "--components=secrets"]
    daemon = subprocess.Popen(
        [*command, *(["--unlock"] if unlock else [])], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert daemon.stdin is not None
    daemon.stdin.write(b"login password")
    daemon.stdin.close()
    until = time.monotonic() + 20
    while find_backend_now() is None:
        assert time.monotonic() < until, "GNOME Keyring does not answer"
        time.sleep(0.05)
    return daemon


def find_backend_now() -> object:
    """`find_backend`, without what the library `keyring` remembers."""
    import keyring.core

    keyring.core._keyring_backend = None  # type: ignore[attr-defined]
    return find_backend()


async def see(step: str, folder: Path, deadline: float, secret: str | None = None) -> None:
    """Set a secret if one is given; print where it went and what a fresh start reads."""
    keyring = ProfileKeyring(folder, mode="auto", system=SystemKeyring(deadline))
    if secret is not None:
        await keyring.set("account password", secret)
    again = ProfileKeyring(folder, mode="auto", system=SystemKeyring(deadline))
    try:
        answer = await again.get("account password")
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    where = "file" if b'"sealed"' in (folder / "keyring").read_bytes() else "system"
    print(step, where, answer, sep="|", flush=True)


def main(folder: Path) -> None:
    """All moods, one after the other."""
    daemon = start_daemon(unlock=True)
    try:
        trio.run(see, "open", folder, 10, "密码 one")
        daemon.send_signal(signal.SIGSTOP)
        trio.run(see, "stopped, read", folder, 0.5)
        trio.run(see, "stopped, written", folder, 0.5, "密码 two")
        daemon.send_signal(signal.SIGCONT)
        trio.run(see, "going on, read", folder, 10)
        trio.run(see, "going on, written", folder, 10, "密码 three")
    finally:
        daemon.send_signal(signal.SIGCONT)
        daemon.terminate()
        daemon.wait()
    daemon = start_daemon(unlock=False)
    try:
        trio.run(see, "locked, read", folder, 10)
        trio.run(see, "locked, written", folder, 10, "密码 four")
    finally:
        daemon.terminate()
        daemon.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
