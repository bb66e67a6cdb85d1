"""The settings of `net`. Times are in seconds, sizes in bytes."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from tulou_net.tcp.name_server import name_server


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How patient and how generous the network is; the defaults suit an office."""

    ca_file: str = ""
    """A PEM file of certificate authorities trusted besides the system's."""
    pins: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Servers that must show a known key: ``https://host:port`` -> pins such as ``sha256/...=``
    (RFC 7469), for HTTP requests and WebSockets."""
    proxy: str = "system"
    """Proxy for HTTP requests and WebSockets, e.g. ``http://proxy.example:3128`` or ``socks5h://...``;
    ``system``: as the system or the environment says; ``direct``: none. Loopback goes direct."""
    pac: str = ""
    """Address or path of a proxy auto-config file; comes before `proxy`."""
    requests: int = 16
    """How many HTTP requests may run at once; further ones wait within their own timeout."""
    requests_per_host: int = 6
    """How many of them may go to one host, so that one that is stuck stops no other."""
    stuck_lookups: int = 16
    """How many threads may hang in name look-ups that nobody waits for; then no more are risked."""
    connect_timeout: float = 15.0
    """How long a connection may take (name, TCP, TLS), unless a request says otherwise."""
    read_timeout: float = 60.0
    """How long a server may be silent, unless a request says otherwise."""
    max_response: int = 64 << 20
    """The largest HTTP response body accepted, after decompression; streamed ones have no limit."""
    slowest: float = 64.0
    """Bytes a second below which a streamed response is given up, on average over ten seconds."""
    retries: int = 2
    """How often a request that failed in passing is repeated, where that does no harm (0: never)."""
    longest_retry_wait: float = 30.0
    """The longest Retry-After that is waited for; a longer one is left to the caller."""
    breaker_failures: int = 8
    """After so many failures in a row a host is left alone for a while (0: never)."""
    breaker_rest: float = 5.0
    """How long; twice as long each time it fails again, up to five minutes."""
    rate: float = 100.0
    """How many requests a second go to one host at most (0: any number)."""
    burst: int = 200
    """How many may go at once before `rate` holds."""
    cache_size: int = 8 << 20
    """Memory for responses that may be kept (0: none)."""
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
        for name in ("requests", "requests_per_host", "host_max_connections"):
            if getattr(self, name) == 0:
                raise ValueError(f"{name} = 0 would let nothing through; use 1 or more")
        if self.proxy != "system":
            from tulou_net.proxies import check_proxy

            check_proxy(self.proxy)
        if self.pins:
            from tulou_net.pins import Pins

            Pins(self.pins)
