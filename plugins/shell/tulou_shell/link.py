"""`tulou link`: a fresh entry link to a shell that is running, from outside its process."""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path

from tulou.errors import TulouError
from tulou_shell.places import shell_folder
from tulou_shell.remembered import Remembered, invite


class NotRunning(TulouError):
    """Nobody serves the profile now."""


def main(arguments: list[str]) -> int:
    """Print a link; the exit status."""
    parser = argparse.ArgumentParser(
        prog="tulou link", description="Print a fresh entry link to a running profile. It works once."
    )
    parser.add_argument("profile", type=Path, help="the profile folder that was given to `tulou run`")
    options = parser.parse_args(arguments)
    try:
        print(entry_link(options.profile))
    except TulouError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def entry_link(profile: Path) -> str:
    """A one-time address of the shell that runs on `profile`. Raises `NotRunning`."""
    return entry_link_of(shell_folder(profile), profile)


def entry_link_of(folder: Path, profile: Path) -> str:
    """As `entry_link`, for the folder in which a shell (or the launcher) remembers its port."""
    remembered = Remembered(folder)
    port = remembered.now or remembered.port
    if not port or not answers(port):
        raise NotRunning(f"Tulou is not running on the profile {profile}; start it first.")
    return f"http://127.0.0.1:{port}/enter?code={invite(folder)}"


def answers(port: int) -> bool:
    """Whether anybody serves a port of this machine."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            return True
    except OSError:
        return False
