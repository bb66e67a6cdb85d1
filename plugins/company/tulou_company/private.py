"""Which addresses a token may be sent to."""

from __future__ import annotations


def is_private(url: str) -> bool:
    """Whether a token may go there: HTTPS, or this machine."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    if not host or "@" in host or any(each.isspace() or each == "\\" for each in url):
        return False
    name = host[:host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
    return scheme == "https" or scheme == "http" and name in ("127.0.0.1", "localhost", "[::1]")
