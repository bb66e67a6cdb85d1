"""The settings of `net`. Times are in seconds, sizes in bytes."""

from __future__ import annotations

from dataclasses import dataclass, fields

from tulou_net.tcp.name_server import name_server


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How patient and how generous the network is; the defaults suit an office."""

    ca_file: str = ""
    """A PEM file of certificate authorities trusted besides the system's."""
    proxy: str = ""
    """Address of a proxy for HTTP requests, e.g. ``http://proxy.example:3128``; loopback goes direct."""
    requests: int = 8
    """How many HTTP requests may run at once; further ones wait within their own timeout."""
    max_response: int = 64 << 20
    """The largest HTTP response body accepted, after decompression."""
    send_stall: float = 20.0
    """A peer that takes no data for so long has lost the connection."""
    close_patience: float = 2.0
    """How long a closing connection waits for its peer's part of the farewell."""
    name_servers: tuple[str, ...] = ()
    """Addresses of name servers that are asked where services are, e.g. ``192.0.2.53`` or
    ``192.0.2.53:5353``; empty: the system's. Host names are always the system's business."""
    quick_ack: bool = True
    """Acknowledge TCP segments at once (Linux), for servers that send with Nagle's algorithm."""
    host_keep_alive: float = 75.0
    """How long our host keeps an idle connection, and waits for a request's head."""
    host_handshake: float = 15.0
    """How long our host, serving HTTPS, waits for a client to agree on TLS."""
    host_body_patience: float = 60.0
    """How long our host waits for a request's body."""
    host_max_body: int = 16 << 20
    """The largest request body that our host accepts."""
    host_max_message: int = 4 << 20
    """The largest WebSocket message that our host accepts."""
    host_heartbeat: float = 30.0
    """How often our host pings its WebSockets (0: never); two silent intervals end one."""
    host_max_connections: int = 256
    """How many connections a site holds at once; further ones are closed unanswered."""
    host_grace: float = 1.0
    """How long a closing site lets requests finish."""
    captive_probe: str = ""
    """An ``http://`` address of your own that answers 204: asked when the network changes, to find
    sign-in pages of hotels. Empty: not asked."""

    def __post_init__(self) -> None:
        for server in self.name_servers:
            name_server(server)
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, (int, float)) and value < 0:
                raise ValueError(f"{each.name} = {value} is negative; use {each.default} or more")
        for name in ("requests", "host_max_connections"):
            if getattr(self, name) == 0:
                raise ValueError(f"{name} = 0 would let nothing through; use 1 or more")
