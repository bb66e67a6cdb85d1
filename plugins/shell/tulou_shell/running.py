"""Which apps that run an address could be for: the launcher's accounts, and the demo's two people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tulou.errors import TulouError
from tulou_shell.demo import PEOPLE
from tulou_shell.link import answers
from tulou_shell.places import shell_folder
from tulou_shell.remembered import FILE, Remembered


class DemosFolder(TulouError):
    """The folder belongs to a demo, so no accounts are kept in it."""


def launcher_folder(folder: Path) -> Path:
    """Where the launcher keeps its own things below the folder of `tulou open --data`."""
    return folder / "launcher" / "launcher"


def places(folder: Path, account: str) -> Iterator[tuple[Path, str]]:
    """The folders of shells to ask in turn, and the account to ask them for, '' for whoever is there.

    Who in a demo is meant by the account's address comes before the launcher; without one it is the
    launcher, and then who was used last in a demo that runs.
    """
    people = _people(folder)
    if account:
        yield from ((place, account) for place in people if Remembered(place).account == account)
    yield launcher_folder(folder), account
    if not account:
        yield from ((place, "") for place in people)


def demo_hint(folder: Path, account: str) -> str:
    """What to say beside "there is no such account" while a demo runs; '' when none does."""
    known = [Remembered(place).account for place in _people(folder)]
    if not account or account in known or not any(known):
        return ""
    return f"The demo that runs has {' and '.join(sorted(filter(None, known)))}."


def check_no_demo(folder: Path) -> None:
    """Raises `DemosFolder` for what `tulou demo --data` was given, where accounts have no place."""
    if (folder / "server").is_dir() and any((folder / each.name).is_dir() for each in PEOPLE):
        raise DemosFolder(f"{folder} is a demo's folder, and that demo does not run: `tulou demo` starts it.")


def _people(folder: Path) -> list[Path]:
    """The shells of a running demo, of the usual folder or of this one, the one used last first."""
    found = [shell_folder(each / person.name) for each in (folder / "demo", folder) for person in PEOPLE]
    return sorted(filter(_runs, found), key=lambda place: (place / FILE).stat().st_mtime, reverse=True)


def _runs(place: Path) -> bool:
    remembered = Remembered(place)
    port = remembered.now or remembered.port
    return bool(port) and answers(port)
