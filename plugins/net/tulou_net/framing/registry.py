"""Framers by name: the house's own, and those of others by the entry-point group ``tulou.framers``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from tulou_contracts.tcp import Framer, Framing, OnBadFrame

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "tulou.framers"
_OWN = {
    "fixed": "fixed:Fixed",
    "delimiter": "delimited:Delimited",
    "line": "delimited:Lines",
    "length-prefix": "prefixed:LengthPrefix",
    "varint": "prefixed:Varint",
    "packet": "packet:Packet",
    "xml-stream": "xml_stream:XmlStream",
}


class FramerTable:
    """Implements the contract `Framers`. Others cannot take the name of one of our own."""

    def __init__(self) -> None:
        self._others: dict[str, EntryPoint] | None = None

    def names(self) -> Sequence[str]:
        """As the contract says."""
        return (*_OWN, *sorted(self._found().keys() - _OWN.keys()))

    def framer(self, framing: Framing) -> Framer:
        """As the contract says."""
        if not isinstance(framing.on_bad, OnBadFrame):
            raise ValueError(f"framer {framing.framer!r}: on_bad = {framing.on_bad!r} is no OnBadFrame")
        return self._factory(framing.framer)(framing)

    def _factory(self, name: str) -> Callable[[Framing], Framer]:
        own = _OWN.get(name)
        if own is not None:
            module, _, kind = own.partition(":")
            factory: Callable[[Framing], Framer] = getattr(import_module(f"tulou_net.framing.{module}"), kind)
            return factory
        other = self._found().get(name)
        if other is None:
            raise ValueError(f"there is no framer {name!r}; there are {', '.join(self.names())}")
        try:
            factory = other.load()
        except (ImportError, AttributeError) as error:
            raise ValueError(f"the framer {name!r} of {other.value!r} cannot be loaded: {error}") from error
        return factory

    def _found(self) -> dict[str, EntryPoint]:
        if self._others is None:
            self._others = {each.name: each for each in entry_points()}
        return self._others


def entry_points() -> Iterable[EntryPoint]:
    """What is installed in the group; a slow look at the disk, so only for a name not our own."""
    from importlib.metadata import entry_points as all_entry_points
    return all_entry_points(group=GROUP)
