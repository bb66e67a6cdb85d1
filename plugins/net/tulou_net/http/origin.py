"""The origin of a URL: whom tokens, budgets, breakers and pools belong to (RFC 6454)."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


@lru_cache(maxsize=2048)
def origin_of(url: str) -> str:
    """``scheme://host:port`` in lower case, the default port written out; "" if `url` has none.

    Fit for a log: without the path's, the query's and the user's secrets.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if not host:
        return ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def where(url: str) -> str:
    """What a message calls the server of `url`."""
    return origin_of(url) or repr(url)
