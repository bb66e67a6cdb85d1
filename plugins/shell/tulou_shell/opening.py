"""Follows addresses of the app's own scheme: by the router, or without one only to the shell's places."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tulou_contracts.routing import SCHEME, AddressWrong, RouteForbidden, RouteNotFound, RouteUnavailable

LONGEST = 4096
EXPORTED = {"chats", "chat", "contacts", "contact"}
"""Places that addresses from outside, such as links in messages, may reach."""
WITH_ADDRESS = {"chat", "contact"}
PLACES = EXPORTED | {"settings"}


def place_of(url: str, pages: Iterable[str], *, outside: bool) -> dict[str, Any]:
    """The place as pages read it, for an app without a router. Raises `RoutingError`."""
    first, rest, parameters = _parts(url)
    known = first in PLACES and len(rest) == (first in WITH_ADDRESS) or first == "app" and len(rest) == 1
    if not known:
        raise RouteNotFound(f"The address {url[:80]} leads nowhere in this app.")
    if outside and first not in EXPORTED:
        raise RouteForbidden(f"{url[:80]} may not be opened from outside the app.")
    if first != "app":
        return {"page": first, "parameters": {"address": rest[0]} if rest else {}}
    if rest[0] not in pages:
        raise RouteUnavailable(f"The page {rest[0]!r} is not here: its plugin is not running.")
    return {"page": rest[0], "parameters": parameters}


def _parts(url: str) -> tuple[str, list[str], dict[str, str]]:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme != SCHEME or len(url) > LONGEST or not url.isprintable():
        raise AddressWrong(f"This is no address of the app: those begin with {SCHEME}://.")
    rest = [unquote(each) for each in parts.path.split("/") if each]
    return unquote(parts.netloc), rest, dict(parse_qsl(parts.query, keep_blank_values=True))
