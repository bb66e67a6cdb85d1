"""Which handler answers which path: exact paths first, then the longest prefix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tulou_contracts.network import RouteHandler, SocketHandler


@dataclass(frozen=True, slots=True)
class Answer:
    """A route: who answers one method."""

    handler: RouteHandler
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Door:
    """A socket: who talks, in which subprotocols."""

    handler: SocketHandler
    subprotocols: tuple[str, ...]
    origins: tuple[str, ...]


@dataclass(slots=True)
class Entry:
    """What was added under one path."""

    path: str
    routes: dict[str, Answer] = field(default_factory=dict)
    door: Door | None = None

    def route(self, method: str) -> Answer | None:
        """Who answers `method`; GET answers HEAD too."""
        return self.routes.get(method) or (self.routes.get("GET") if method == "HEAD" else None)


class Table:
    """The paths of one site."""

    def __init__(self) -> None:
        self._exact: dict[str, Entry] = {}
        self._below: dict[str, Entry] = {}

    def add_route(self, method: str, path: str, answer: Answer) -> None:
        """Raises `ValueError` when the path is no path or taken."""
        entry = self._entry(path)
        if entry.routes.setdefault(method.upper(), answer) is not answer:
            raise ValueError(f"{method.upper()} {path} has a handler already; remove it first")

    def add_door(self, path: str, door: Door) -> None:
        """Raises `ValueError` when the path is no path or taken."""
        entry = self._entry(path)
        if entry.door is not None:
            raise ValueError(f"a socket is open on {path} already; remove it first")
        entry.door = door

    def remove(self, path: str) -> None:
        """Forget everything under exactly this path (as it was given)."""
        where, key = self._place(path)
        where.pop(key, None)

    def find(self, path: str) -> Entry | None:
        """The entry that `path` belongs to."""
        found = self._exact.get(path)
        prefix = path
        while found is None and "/" in prefix:
            prefix = prefix.rpartition("/")[0]
            found = self._below.get(prefix)
        return found

    def _entry(self, path: str) -> Entry:
        if not path.startswith("/"):
            raise ValueError(f"the path {path!r} does not start with '/'")
        where, key = self._place(path)
        return where.setdefault(key, Entry(path))

    def _place(self, path: str) -> tuple[dict[str, Entry], str]:
        return (self._below, path[:-2]) if path.endswith("/*") else (self._exact, path)


def agree(offered: Sequence[str], wanted: Sequence[str]) -> str | None:
    """The first of `wanted` that is offered too."""
    return next((each for each in wanted if each in offered), None)
