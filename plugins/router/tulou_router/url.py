"""Addresses as texts: taken apart strictly, and put together. Pure, no I/O.

What other software makes lenient guesses about is refused here: an address may come from anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from tulou_contracts.routing import SCHEME, AddressWrong

LONGEST = 4096
"""Characters of an address."""
SEGMENTS = 16
PARAMETERS = 32

_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff\\]")
_BROKEN_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NAME = re.compile(r"[A-Za-z][\w-]{0,39}\Z", re.ASCII)


class Parts(NamedTuple):
    """An address taken apart; everything is decoded."""

    segments: tuple[str, ...]
    query: dict[str, str]


def take_apart(url: str, links: Sequence[str] = (f"{SCHEME}://",)) -> Parts:
    """The segments and the query of an address that begins with one of `links`.

    Raises `AddressWrong`.
    """
    if not isinstance(url, str) or len(url) > LONGEST:
        raise AddressWrong(f"An address is a text of at most {LONGEST} characters.")
    if _CONTROL.search(url):
        raise AddressWrong(f"{shown(url)} holds characters that no address has; write them as %XX.")
    rest = _without_beginning(url, links)
    rest = rest.partition("#")[0]
    path, _, query = rest.partition("?")
    return Parts(_segments(url, path), _query(url, query))


def put_together(segments: Iterable[str], query: Mapping[str, str]) -> str:
    """The address of segments and a query."""
    path = "/".join(quote(each, safe="@:") for each in segments)
    pairs = "&".join(f"{quote(name, safe='')}={quote(value, safe='@')}" for name, value in query.items())
    return f"{SCHEME}://{path}{'?' if pairs else ''}{pairs}"


def _without_beginning(url: str, links: Sequence[str]) -> str:
    for beginning in links:
        if url[: len(beginning)].lower() == beginning.lower():
            return url[len(beginning):]
    raise AddressWrong(f"{shown(url)} is no address of this app; those begin with {' or '.join(links)}.")


def _segments(url: str, path: str) -> tuple[str, ...]:
    path = path.removesuffix("/")
    raw = path.split("/")
    if len(raw) > SEGMENTS:
        raise AddressWrong(f"{shown(url)} is too deep: an address has at most {SEGMENTS} parts.")
    segments = tuple(_decoded(url, each) for each in raw)
    if any(each in ("", ".", "..") for each in segments):
        raise AddressWrong(f"{shown(url)} has an empty part, or one of dots.")
    return segments


def _query(url: str, query: str) -> dict[str, str]:
    pairs = [each for each in query.split("&") if each]
    if len(pairs) > PARAMETERS:
        raise AddressWrong(f"{shown(url)} has more than {PARAMETERS} parameters.")
    found: dict[str, str] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        name = _decoded(url, name.replace("+", " "))
        if not _NAME.match(name):
            raise AddressWrong(f"{shown(url)} has a parameter named {name[:40]!r}, which cannot be one.")
        if name in found:
            raise AddressWrong(f"{shown(url)} has the parameter {name!r} twice.")
        found[name] = _decoded(url, value.replace("+", " "))
    return found


def _decoded(url: str, text: str) -> str:
    if "%" not in text:
        return text
    if _BROKEN_PERCENT.search(text):
        raise AddressWrong(f"{shown(url)} has a '%' that is not followed by two hexadecimal digits.")
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise AddressWrong(f"{shown(url)} is not UTF-8 once its %XX are read.") from None


def shown(url: str) -> str:
    """An address as a sentence may show it: short, and without anything that acts on a terminal."""
    clean = "".join(each if each.isprintable() else "\ufffd" for each in url[:80])
    return clean if len(url) <= 80 else f"{clean[:79]}…"
