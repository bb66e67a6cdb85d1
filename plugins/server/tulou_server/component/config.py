"""What a composition may set for the component."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address


@dataclass(frozen=True)
class Config:
    """Settings of the component; durations are in seconds."""

    domain: str = "company.localhost"
    """The component's own name, as the server's configuration has it."""
    host: str = "127.0.0.1"
    """Where the server takes components."""
    port: int = 5347
    """The server's port for components."""
    secret: str = ""
    """What the server's configuration says as the component's secret."""
    secret_file: str = ""
    """A file whose first line is the secret, instead of `secret`."""
    allow_plain: bool = False
    """Connect to a host that is not this machine: XEP-0114 knows no encryption, so use a tunnel."""
    retry_cap: float = 30.0
    """The longest wait before the next attempt to connect."""
    ping_interval: float = 60.0
    """After so much silence the server is asked for a sign of life."""
    ping_timeout: float = 20.0
    """How long it may take to give one, to connect and to let us in."""

    def __post_init__(self) -> None:
        faults = []
        if not 1 <= self.port <= 65_535:
            faults.append(f"component: port = {self.port} must be between 1 and 65535")
        for name in ("retry_cap", "ping_interval", "ping_timeout"):
            if not 0.01 <= getattr(self, name) <= 86_400:
                faults.append(f"component: {name} = {getattr(self, name)} must be between 0.01 and 86400")
        if self.secret and self.secret_file:
            faults.append("component: secret and secret_file are two ways to say one thing; set one of them")
        if not self.allow_plain and not _is_loopback(self.host):
            faults.append(
                f"component: host = {self.host!r} is not this machine, and XEP-0114 knows no encryption;"
                " lead it through a tunnel, or set allow_plain = true"
            )
        if faults:
            raise ValueError(*faults)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
