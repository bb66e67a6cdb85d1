"""Flags: values by name in the `configuration` document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tulou_contracts.company import Document, DocumentChanged, FlagsChanged, V

CONFIGURATION = "configuration"


class CompanyFlags:
    """Implements `Flags` on the documents."""

    def __init__(
        self, document: Callable[[str], Document | None], publish: Callable[[object], None]
    ) -> None:
        self._document = document
        self._publish = publish
        self._known: Mapping[str, Any] = self._now()

    def value(self, name: str, default: V) -> V:
        """The flag's value, when it is of the default's type."""
        found: Any = self._now().get(name)
        if type(default) is float and type(found) is int:
            found = float(found)
        return found if type(found) is type(default) else default

    def changed(self, event: DocumentChanged) -> None:
        """Another configuration holds: say which flags are concerned."""
        if event.kind == CONFIGURATION:
            before, self._known = self._known, self._now()
            names = {name for name in {*before, *self._known} if before.get(name) != self._known.get(name)}
            if names:
                self._publish(FlagsChanged(names=frozenset(names)))

    def _now(self) -> Mapping[str, Any]:
        document = self._document(CONFIGURATION)
        flags = document.content.get("flags") if document is not None else None
        return flags if isinstance(flags, Mapping) else {}
