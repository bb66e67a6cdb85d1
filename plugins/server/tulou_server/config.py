"""What a composition may set for the chat server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Settings of the chat server; durations are in seconds, sizes in bytes."""

    host: str = "127.0.0.1"
    """The address to listen on. Anything but loopback exposes an unencrypted port: put TLS before it."""
    port: int = 5280
    """The port to listen on; 0 takes any free one."""
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
            ("port", 0, 65_535), ("hibernation", 0, 86_400 * 7), ("stanza_limit", 10_000, 16_777_216),
            ("queue_limit", 2 * self.stanza_limit, 1 << 32), ("ping_interval", 0.01, 86_400),
            ("ping_timeout", 0.01, 86_400), ("login_timeout", 0.01, 86_400),
            ("scram_iterations", 4096, 1_000_000),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"server: {name} = {value} must be between {least} and {most}")
        if not self.domain:
            raise ValueError("server: domain is empty; set what stands behind the @ of the accounts")
