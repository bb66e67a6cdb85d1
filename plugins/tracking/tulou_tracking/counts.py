"""How many events left, and how many did not and why: in memory for pages, on disk with the next commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

SENT = "sent"


class Counts:
    """(what, event name) -> how many. Names that no table knows are counted together."""

    UNKNOWN = "?"

    def __init__(self) -> None:
        self._all: Counter[tuple[str, str]] = Counter()
        self._unkept: Counter[tuple[str, str]] = Counter()

    def load(self, kept: Mapping[tuple[str, str], int]) -> None:
        """What the disk has."""
        self._all.update(kept)

    def add(self, what: str, name: str, number: int = 1) -> None:
        """Count, to be kept with the next commit."""
        self._all[what, name] += number
        self._unkept[what, name] += number

    def note(self, kept: Mapping[tuple[str, str], int]) -> None:
        """Count what a commit has kept already."""
        self._all.update(kept)

    def take(self) -> dict[tuple[str, str], int]:
        """What is to be kept with the commit that is about to be made."""
        taken = dict(self._unkept)
        self._unkept.clear()
        return taken

    def give_back(self, taken: Mapping[tuple[str, str], int]) -> None:
        """That commit failed."""
        self._unkept.update(taken)

    def sent(self) -> dict[str, int]:
        """By event name."""
        return {name: count for (what, name), count in sorted(self._all.items()) if what == SENT}

    def dropped(self) -> dict[str, dict[str, int]]:
        """Why -> by event name."""
        found: dict[str, dict[str, int]] = {}
        for (what, name), count in sorted(self._all.items()):
            if what != SENT:
                found.setdefault(what, {})[name] = count
        return found
