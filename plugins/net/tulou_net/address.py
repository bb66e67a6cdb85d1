"""A WebSocket address, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from tulou_contracts.network import NetworkError

_PORTS = {"ws": 80, "wss": 443}
_HOST = re.compile(r"[a-z0-9._-]+\Z|[0-9a-f:.]+(%[\w.-]+)?\Z", re.ASCII)
_KEPT = "/%:@!$&'()*+,;=~-._"  # RFC 3986, section 3.3, and what is encoded already


@dataclass(frozen=True, slots=True)
class Address:
    """Where a ``ws://`` or ``wss://`` URL points (RFC 6455, section 3)."""

    secure: bool
    host: str
    port: int
    resource: str

    @property
    def where(self) -> str:
        """host:port, for people."""
        return f"{self.bracketed}:{self.port}"

    @property
    def bracketed(self) -> str:
        """The host, an IPv6 address in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def host_header(self) -> str:
        """The value of the Host header; a default port is left out."""
        return self.bracketed if self.port == _PORTS["wss" if self.secure else "ws"] else self.where


def parse(url: str) -> Address:
    """Take `url` apart. Raises `NetworkError` when it is not a WebSocket address."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("ascii" if "[" in parts.netloc else "idna").decode()
        resource = quote(parts.path or "/", safe=_KEPT)
        if parts.query:
            resource += "?" + quote(parts.query, safe=_KEPT + "?")
    except ValueError as error:  # UnicodeError is one
        raise NetworkError(f"{url!r} is not a WebSocket address: {error}") from error
    if parts.scheme not in _PORTS or not _HOST.match(host):
        raise NetworkError(f"{url!r} is not a WebSocket address; one looks like wss://host/path")
    return Address(
        parts.scheme == "wss", host, _PORTS[parts.scheme] if port is None else port, resource
    )
