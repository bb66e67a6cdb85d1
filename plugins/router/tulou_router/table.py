"""Which route an address has: a tree of segments, literal ones before parameters. Pure, no I/O.

A look-up visits a node of the tree at most once, so it costs as much as the address is deep, and at
worst as much as there are routes; what stands in an address cannot make it cost more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

V = TypeVar("V")

_LITERAL = re.compile(r"\w[\w.~-]{0,63}\Z")
_PARAMETER = re.compile(r"\{([A-Za-z][\w-]{0,39})\}\Z", re.ASCII)
DEEPEST = 16
LONGEST = 512


class PathWrong(ValueError):
    """A pattern is not one; the text says why."""


class Pattern(NamedTuple):
    """A path taken apart: what each segment is, None for a parameter; and the parameters' names."""

    segments: tuple[str | None, ...]
    names: tuple[str, ...]

    def filled(self, values: dict[str, str]) -> tuple[str, ...]:
        """The segments with the values in their places; they are taken out of `values`."""
        names = iter(self.names)
        return tuple(values.pop(next(names)) if each is None else each for each in self.segments)


def pattern_of(path: str) -> Pattern:
    """Raises `PathWrong`."""
    if not isinstance(path, str) or not path or len(path) > LONGEST:
        raise PathWrong(f"a path is a text of 1 to {LONGEST} characters, such as 'chat/{{address}}'")
    return _pattern(path)


@lru_cache(4096)
def _pattern(path: str) -> Pattern:
    """The same paths come again whenever a plugin comes or goes."""
    segments: list[str | None] = []
    names: list[str] = []
    for segment in path.split("/"):
        parameter = _PARAMETER.match(segment)
        if parameter:
            segments.append(None)
            names.append(parameter[1])
        elif _LITERAL.match(segment):
            segments.append(segment)
        else:
            raise PathWrong(
                f"the part {segment[:64]!r} of {path[:80]!r} is neither a word nor '{{name}}' as a whole"
            )
    if len(segments) > DEEPEST:
        raise PathWrong(f"{path[:80]!r} is deeper than {DEEPEST} parts")
    if len(set(names)) != len(names):
        raise PathWrong(f"{path[:80]!r} names a parameter twice")
    if segments[0] is None:
        raise PathWrong(f"{path[:80]!r} begins with a parameter, so it would take every address")
    return Pattern(tuple(segments), tuple(names))


class Match(NamedTuple, Generic[V]):
    """What an address leads to, and the texts that stand for the pattern's parameters."""

    value: V
    found: dict[str, str]


class _Node(Generic[V]):
    __slots__ = ("children", "any", "leaf")

    def __init__(self) -> None:
        self.children: dict[str, _Node[V]] = {}
        self.any: _Node[V] | None = None
        self.leaf: tuple[V, tuple[str, ...]] | None = None


class Table(Generic[V]):
    """Patterns and what each stands for."""

    def __init__(self) -> None:
        self._root: _Node[V] = _Node()
        self._exact: dict[tuple[str, ...], V] = {}

    def add(self, pattern: Pattern, value: V) -> V | None:
        """Add a pattern, or answer who has one of the same shape; then nothing changes."""
        node = self._root
        for segment in pattern.segments:
            if segment is None:
                if node.any is None:
                    node.any = _Node()
                node = node.any
            else:
                node = node.children.setdefault(segment, _Node())
        if node.leaf is not None:
            return node.leaf[0]
        node.leaf = value, pattern.names
        if not pattern.names:
            self._exact[pattern.segments] = value  # type: ignore[index]
        return None

    def find(self, segments: Sequence[str]) -> Match[V] | None:
        """The one pattern that fits best: at the first difference the literal segment wins."""
        exact = self._exact.get(segments)  # type: ignore[call-overload]
        if exact is not None:
            return Match(exact, {})
        found = self._descend(self._root, segments, 0, ())
        if found is None:
            return None
        (value, names), texts = found
        return Match(value, dict(zip(names, texts)))

    def _descend(
        self, node: _Node[V], segments: Sequence[str], at: int, texts: tuple[str, ...]
    ) -> tuple[tuple[V, tuple[str, ...]], tuple[str, ...]] | None:
        if at == len(segments):
            return None if node.leaf is None else (node.leaf, texts)
        child = node.children.get(segments[at])
        if child is not None:
            found = self._descend(child, segments, at + 1, texts)
            if found is not None:
                return found
        if node.any is None:
            return None
        return self._descend(node.any, segments, at + 1, (*texts, segments[at]))

    def __iter__(self) -> Iterator[V]:
        nodes = [self._root]
        while nodes:
            node = nodes.pop()
            if node.leaf is not None:
                yield node.leaf[0]
            nodes.extend(node.children.values())
            if node.any is not None:
                nodes.append(node.any)
