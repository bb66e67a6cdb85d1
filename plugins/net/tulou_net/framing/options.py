"""A framer's options out of a configuration, checked; each fault is a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from tulou_contracts.tcp import Framing

T = TypeVar("T", int, str)


class Options:
    """Reads the options of one `Framing`; `done` refuses those that nobody asked for."""

    def __init__(self, framing: Framing) -> None:
        self._name = framing.framer
        self._left = dict(framing.options)
        if framing.max_frame < 1:
            raise self._wrong(f"max_frame = {framing.max_frame} lets no frame through; use 1 or more")

    def _wrong(self, what: str) -> ValueError:
        return ValueError(f"framer {self._name!r}: {what}")

    def one_of(self, name: str, default: T, choices: Sequence[T]) -> T:
        """A number or text out of a few."""
        value = self._left.pop(name, default)
        for choice in choices:
            if type(value) is type(choice) and value == choice:
                return choice
        raise self._wrong(f"{name} = {value!r} is none of {', '.join(map(repr, choices))}")

    def number(self, name: str, default: int | None, least: int, most: int) -> int | None:
        """A whole number within limits, or the default."""
        value = self._left.pop(name, default)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self._wrong(f"{name} = {value!r} is no whole number from {least} to {most}")
        return value

    def flag(self, name: str) -> bool:
        """Yes or no; no, unless it is given."""
        value = self._left.pop(name, False)
        if not isinstance(value, bool):
            raise self._wrong(f"{name} = {value!r} is neither true nor false")
        return value

    def data(self, name: str) -> bytes:
        """Bytes that must be given; a text stands for its UTF-8."""
        value = self._left.pop(name, b"")
        data = value.encode() if isinstance(value, str) else value
        if not isinstance(data, bytes) or not data:
            raise self._wrong(f"{name} must be given, as bytes or text that is not empty")
        return data

    def done(self) -> None:
        """Raises `ValueError` when an option is left that this framer does not know."""
        if self._left:
            raise self._wrong(f"there is no option {', '.join(map(repr, sorted(self._left)))}")
