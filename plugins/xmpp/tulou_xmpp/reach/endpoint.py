"""Where a server is and by which way it is spoken to, as one short text. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

FORMS = "wss://host/path, xmpp://host:5222, xmpps://host:5223"
"""What an endpoint looks like, for people; empty means to look it up."""


class Way(Enum):
    """How to speak to a server."""

    WEBSOCKET = "WebSocket"     # RFC 7395
    STARTTLS = "STARTTLS"       # RFC 6120: TCP, then TLS
    DIRECT_TLS = "direct TLS"   # XEP-0368: TLS at once


_PORTS = {Way.STARTTLS: 5222, Way.DIRECT_TLS: 5223}
_SCHEMES = {"xmpp": Way.STARTTLS, "xmpps": Way.DIRECT_TLS}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way to a server. `url` is there for a WebSocket only, host and port for all others."""

    way: Way
    host: str = ""
    port: int = 0
    url: str = ""

    def __str__(self) -> str:
        if self.way is Way.WEBSOCKET:
            return self.url
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'xmpp' if self.way is Way.STARTTLS else 'xmpps'}://{host}:{self.port}"

    @property
    def is_stream(self) -> bool:
        """Whether it is one long document over TCP, and not a WebSocket's frames."""
        return self.way is not Way.WEBSOCKET

    @property
    def local(self) -> bool:
        """Whether it is on this computer."""
        return is_loopback(self.host or urlsplit(self.url).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host name or address stands for this computer (RFC 6761, section 6.3)."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    import ipaddress  # not worth a millisecond of every start
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def parse_endpoint(text: str) -> Endpoint:
    """Raises `ValueError` with a sentence."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError(f"{text!r} is no address of a server: {error}") from None
    if parts.scheme in ("ws", "wss") and host:
        return Endpoint(Way.WEBSOCKET, url=text)
    way = _SCHEMES.get(parts.scheme)
    if way is None or not host:
        raise ValueError(f"{text!r} is no address of a server; it looks like {FORMS}")
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc or port == 0:
        raise ValueError(f"{text!r} should be only a host and a port, like {way_example(way)}")
    return Endpoint(way, host, _PORTS[way] if port is None else port)


def way_example(way: Way) -> str:
    """How an endpoint of this way is written."""
    return str(Endpoint(way, "chat.example.org", _PORTS.get(way, 0), "wss://chat.example.org/xmpp-websocket"))
