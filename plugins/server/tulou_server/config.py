"""What a composition may set for the chat server."""

from __future__ import annotations

from dataclasses import dataclass


_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Config:
    """Settings of the chat server; durations are in seconds, sizes in bytes."""

    host: str = "127.0.0.1"
    """The address to listen on. Anything but loopback exposes an unencrypted port: put TLS before it."""
    port: int = 5280
    """The port to listen on; 0 takes any free one."""
    tcp: bool = False
    """Whether to listen for XMPP over TCP too (RFC 6120). Without a certificate only on loopback."""
    tcp_port: int = 5222
    """The port for that; 0 takes any free one."""
    tls_certificate: str = ""
    """PEM file with the certificate chain for the domain; TCP clients must then use STARTTLS."""
    tls_key: str = ""
    """PEM file with its key, unless it is in the same file."""
    domain: str = "tulou.localhost"
    """What stands behind the @ of this server's accounts."""
    registration: bool = True
    """Whether anybody who reaches the port may create an account (XEP-0077)."""
    hibernation: float = 300.0
    """How long a lost session can be resumed (XEP-0198)."""
    stanza_limit: int = 262_144
    """The largest stanza accepted, as UTF-8; a larger one ends its stream with policy-violation."""
    queue_limit: int = 16_777_216
    """How much may wait for one slow reader before its connection is given up; at least twice
    `stanza_limit`."""
    ping_interval: float = 60.0
    """A client that was silent this long is asked for a sign of life."""
    ping_timeout: float = 20.0
    """How long a client may take to give it, before its connection counts as lost."""
    login_timeout: float = 30.0
    """How long a connection may take from opening to a bound resource."""
    scram_iterations: int = 10_000
    """PBKDF2 rounds for new passwords (RFC 7677 asks for 4096 at least)."""
    announce: bool = False
    """Print at start where the server listens: for somebody who starts it in a terminal."""
    threads: bool = True
    """Derive keys in threads. False does it inside the event loop: for simulations on a virtual clock."""

    def __post_init__(self) -> None:
        for name, least, most in (
            ("port", 0, 65_535), ("tcp_port", 0, 65_535), ("hibernation", 0, 86_400 * 7),
            ("stanza_limit", 10_000, 16_777_216),
            ("queue_limit", 2 * self.stanza_limit, 1 << 32), ("ping_interval", 0.01, 86_400),
            ("ping_timeout", 0.01, 86_400), ("login_timeout", 0.01, 86_400),
            ("scram_iterations", 4096, 1_000_000),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"server: {name} = {value} must be between {least} and {most}")
        if self.tcp and not self.tls_certificate and self.host not in _LOOPBACK:
            raise ValueError(f"server: tcp on {self.host!r} would carry passwords in clear; set"
                             f" tls_certificate and tls_key, or host to one of {', '.join(_LOOPBACK)}")
        if not self.domain:
            raise ValueError("server: domain is empty; set what stands behind the @ of the accounts")
