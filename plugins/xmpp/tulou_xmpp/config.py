"""Settings of the plugin `xmpp`."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from tulou_xmpp.reach.endpoint import parse_endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How to reach the server and how patient to be with it. Times are in seconds."""

    endpoint: str = ""
    """Where the server is, unless the account says otherwise: ``wss://host/path``, ``xmpp://host:5222``
    (TCP with STARTTLS), ``xmpps://host:5223`` (TCP under TLS). Empty: it is looked up."""
    resource: str = "tulou"
    """Beginning of the resource, the name of this device among the account's others."""
    allow_plain: bool = False
    """Send the password itself over ws:// when the server offers nothing better."""
    allow_cleartext: bool = False
    """Speak to an ``xmpp://`` server on this computer without TLS. Never to one elsewhere."""
    connect_timeout: float = 15.0
    """For the connection, TLS and the WebSocket upgrade."""
    login_timeout: float = 30.0
    """From the open connection until messages can flow."""
    request_timeout: float = 30.0
    """For the answer to a question such as an archive query."""
    probe_timeout: float = 5.0
    """For a sign of life when the connection is doubted."""
    heartbeat: float = 25.0
    """Between two WebSocket pings, or of silence on TCP before the server is asked; 0 for none."""
    retry_base: float = 1.0
    """Longest wait before the first new attempt; it doubles with each."""
    retry_cap: float = 60.0
    """Longest wait between two attempts."""
    max_stanza: int = 250_000
    """Largest stanza to send, in bytes; servers cut the connection above 256 KiB."""
    accept_contact_requests: bool = False
    """Let anybody who asks see our presence; else only who is on the contact list."""
    threads: bool = True
    """Derive keys and touch files in threads. False does it inside the event loop: for simulations on
    a virtual clock."""

    def __post_init__(self) -> None:
        faults = [
            f"{name} = {getattr(self, name)} should be a number of seconds, more than 0"
            for name in ("connect_timeout", "login_timeout", "request_timeout", "probe_timeout",
                         "retry_base", "retry_cap")
            if not 0 < getattr(self, name) < inf
        ]
        if not 0 <= self.heartbeat < inf:
            faults.append(f"heartbeat = {self.heartbeat} should be a number of seconds, or 0 for none")
        if self.endpoint:
            try:
                parse_endpoint(self.endpoint)
            except ValueError as error:
                faults.append(f"endpoint = {error}")
        if self.max_stanza < 10_000:
            faults.append(f"max_stanza = {self.max_stanza} should be at least 10000 bytes (RFC 6120, 13.12)")
        if faults:
            raise ValueError(*faults)
