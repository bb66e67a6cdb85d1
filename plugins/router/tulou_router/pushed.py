"""The company's document of kind ``routes``: further addresses of routes that plugins registered.

    {"routes": [{"path": "help/{topic}", "to": "help.page", "parameters": {"topic": "{topic}"},
                 "exported": true, "guards": ["signed-in"], "title": "Help"}]}
    {"back_to": 6}

Pure, no I/O. The signature, account and version were checked before (`Company`); that a target is
registered and marked exported is checked whenever an address is followed, for plugins come and go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tulou_contracts.routing import RoutingError
from tulou_router.table import PathWrong, Pattern, pattern_of

MOST = 1000
LONGEST = 1024
_FIELDS = {"path", "to", "parameters", "exported", "guards", "title"}
_ROUTE = re.compile(r"[a-z][a-z0-9-]{0,39}\.[a-z][a-z0-9_./-]{0,99}\Z")
_NAME = re.compile(r"[A-Za-z][\w-]{0,39}\Z", re.ASCII)
_WHOLE = re.compile(r"\{([A-Za-z][\w-]{0,39})\}\Z", re.ASCII)
_GUARD = re.compile(r"[a-z][\w-]{0,39}(:[\w.-]{1,100})?\Z", re.ASCII)


class DocumentWrong(RoutingError):
    """The company's document of routes cannot be used; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Alias:
    """One address that stands for a registered route."""

    path: str
    pattern: Pattern
    to: str
    parameters: tuple[tuple[str, str], ...]
    """Of the route: either ``{name}``, a parameter of this address, or the text itself."""
    exported: bool
    guards: tuple[str, ...]
    title: str

    @property
    def names(self) -> set[str]:
        """The parameters of this address, those of the query too."""
        wanted = {match[1] for _, value in self.parameters if (match := _WHOLE.match(value))}
        return wanted | set(self.pattern.names)

    def values(self, given: Mapping[str, str]) -> dict[str, str]:
        """The parameters of the route, from those of this address."""
        return {
            name: given[match[1]] if (match := _WHOLE.match(value)) else value
            for name, value in self.parameters
        }


def aliases_of(content: Mapping[str, Any]) -> tuple[Alias, ...]:
    """All or nothing. Raises `DocumentWrong`."""
    if not isinstance(content, Mapping) or set(content) != {"routes"}:
        raise DocumentWrong("A document of routes has the one field 'routes'.")
    routes = content["routes"]
    if not isinstance(routes, list) or len(routes) > MOST:
        raise DocumentWrong(f"The field 'routes' is a list of at most {MOST}.")
    aliases = tuple(_alias(number, each) for number, each in enumerate(routes, 1))
    shapes: dict[tuple[str | None, ...], int] = {}
    for number, each in enumerate(aliases, 1):
        other = shapes.setdefault(each.pattern.segments, number)
        if other != number:
            raise DocumentWrong(f"The routes {other} and {number} of the document have the same address.")
    return aliases


def back_to(content: Mapping[str, Any]) -> int | None:
    """The version whose routes should hold again, when the document says that."""
    if not isinstance(content, Mapping) or set(content) != {"back_to"}:
        return None
    version = content["back_to"]
    return version if type(version) is int and version > 0 else None


def _alias(number: int, each: Any) -> Alias:
    def wrong(what: str) -> DocumentWrong:
        return DocumentWrong(f"Route {number} of the document {what}.")

    if not isinstance(each, dict) or not set(each) <= _FIELDS:
        raise wrong(f"is no object of {', '.join(sorted(_FIELDS))}")
    try:
        pattern = pattern_of(each.get("path", ""))
    except PathWrong as error:
        raise wrong(f"has a wrong path: {error}") from None
    to = each.get("to")
    if not isinstance(to, str) or not _ROUTE.match(to):
        raise wrong("does not name a route in 'to'")
    parameters = each.get("parameters", {})
    if not isinstance(parameters, dict) or len(parameters) > 32 or not all(map(_good, parameters.items())):
        raise wrong(f"has 'parameters' that are not names and texts of at most {LONGEST} characters")
    guards = each.get("guards", [])
    if not isinstance(guards, list) or len(guards) > 8 or not all(
            isinstance(guard, str) and _GUARD.match(guard) for guard in guards):
        raise wrong("has 'guards' that are not names")
    exported, title = each.get("exported", False), each.get("title", "")
    if not isinstance(exported, bool) or not isinstance(title, str) or len(title) > 200:
        raise wrong("has an 'exported' that is not true or false, or a 'title' that is no short text")
    return Alias(each["path"], pattern, to, tuple(parameters.items()), exported, tuple(guards), title)


def _good(pair: tuple[Any, Any]) -> bool:
    name, value = pair
    return (isinstance(name, str) and bool(_NAME.match(name))
            and isinstance(value, str) and len(value) <= LONGEST)
