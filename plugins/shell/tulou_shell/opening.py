"""Where an address of the app's own scheme leads while no router is there. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tulou_shell.protocol import Fault

SCHEME = "tulou"
LONGEST = 4096
EXPORTED = {"chats", "chat", "contacts", "contact"}
"""Places that addresses from outside, such as links in messages, may reach."""
WITH_ADDRESS = {"chat", "contact"}
PLACES = EXPORTED | {"settings"}


def place_of(url: str, pages: Iterable[str], *, outside: bool) -> dict[str, Any]:
    """The place as pages read it: ``{"page": ..., "parameters": {...}}``.

    Raises `Fault`: 'no-route' for an address that leads nowhere, 'missing' for a page whose plugin is
    not running, 'forbidden' for what may not be reached from outside.
    """
    first, rest, parameters = _parts(url)
    if first == "app" and len(rest) == 1:
        if outside:
            raise Fault("forbidden", f"{url} may not be opened from outside the app.")
        if rest[0] not in pages:
            raise Fault("missing", f"The page {rest[0]!r} is not here: its plugin is not running.")
        return {"page": rest[0], "parameters": parameters}
    if first not in PLACES or len(rest) != (first in WITH_ADDRESS):
        raise Fault("no-route", f"The address {url} leads nowhere in this app.")
    if outside and first not in EXPORTED:
        raise Fault("forbidden", f"{url} may not be opened from outside the app.")
    return {"page": first, "parameters": {"address": rest[0]} if rest else {}}


def _parts(url: str) -> tuple[str, list[str], dict[str, str]]:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme != SCHEME or len(url) > LONGEST:
        raise Fault("no-route", "This is no address of the app: those begin with tulou://.")
    rest = [unquote(each) for each in parts.path.split("/") if each]
    return unquote(parts.netloc), rest, dict(parse_qsl(parts.query, keep_blank_values=True))
