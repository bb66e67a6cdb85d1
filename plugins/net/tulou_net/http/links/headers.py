"""Changing a request's headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tulou_contracts.network import HttpRequest


def header(request: HttpRequest, name: str) -> str | None:
    """The value of a header, whatever the case of its name; `name` is in lower case."""
    for each, value in request.headers.items():
        if each.lower() == name:
            return value
    return None


def with_headers(request: HttpRequest, extra: Mapping[str, str]) -> HttpRequest:
    """The request with `extra`, which replaces what is there of the same names."""
    names = {name.lower() for name in extra}
    kept = {name: value for name, value in request.headers.items() if name.lower() not in names}
    return replace(request, headers={**kept, **extra})


def without_headers(request: HttpRequest, names: frozenset[str]) -> HttpRequest:
    """The request without the headers of these names, in lower case."""
    kept = {name: value for name, value in request.headers.items() if name.lower() not in names}
    return request if len(kept) == len(request.headers) else replace(request, headers=kept)
