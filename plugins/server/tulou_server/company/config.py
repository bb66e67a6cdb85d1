"""What a composition may set for the company service."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address


@dataclass(frozen=True)
class Config:
    """Settings of the company service; durations are in seconds, sizes in bytes."""

    audience: str = "tulou"
    """Which product the documents are for; the clients' compositions name the same."""
    address: str = "127.0.0.1"
    """The IP address to listen on; anything but loopback needs `certificate` and `key`."""
    port: int = 5281
    """The port to listen on; 0 takes any free one."""
    hosts: list[str] = field(default_factory=list)
    """Names under which clients reach it besides the address, e.g. ``company.acme.example``."""
    certificate: str = ""
    """PEM file of the certificate and its intermediate ones; with `key`, HTTPS is spoken."""
    key: str = ""
    """PEM file of the certificate's private key."""
    url: str = ""
    """Where clients find the service, when it is not where it listens (a proxy stands before it)."""
    domains: list[str] = field(default_factory=list)
    """Whose accounts get a token. Empty: beside the embedded server all of it; as a component
    ``company.acme.example`` those of ``acme.example``."""
    token_life: float = 86_400.0
    """How long a client's token is good; then it asks for another."""
    max_document: int = 1 << 20
    """The largest content of a document."""
    max_report: int = 4 << 20
    """The largest report to a collector as it travels; unpacked it may have eight times as much."""
    report_rate: int = 16 << 20
    """How much one account may report an hour."""
    request_rate: int = 600
    """How many requests one account may make a minute."""
    quota_events: int = 256 << 20
    """How much room collected events may take; the oldest make room, counts stay."""
    quota_logs: int = 1 << 30
    """How much room log reports may take; a further one is refused until some are removed."""
    keep_logs: int = 20
    """Log reports of one account that are kept; an older one makes room."""
    announce: bool = False
    """Print at start where the service is and its root key: for somebody in a terminal."""

    def __post_init__(self) -> None:
        for name, least, most in (
            ("port", 0, 65_535), ("token_life", 60, 30 * 86_400), ("max_document", 1024, 4 << 20),
            ("max_report", 1024, 16 << 20), ("report_rate", 1024, 1 << 40),
            ("request_rate", 1, 1 << 20), ("quota_events", 1 << 16, 1 << 44),
            ("quota_logs", 1 << 16, 1 << 44), ("keep_logs", 1, 10_000),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"company-service: {name} = {value} must be between {least} and {most}")
        if not self.audience:
            raise ValueError("company-service: audience is empty; name the product, e.g. 'tulou'")
        if bool(self.certificate) != bool(self.key):
            raise ValueError("company-service: certificate and key belong together; set both or none")
        if not self.certificate and not _is_loopback(self.address):
            raise ValueError(
                f"company-service: address = {self.address!r} would carry tokens in clear; set certificate"
                " and key, or listen on 127.0.0.1 behind a proxy that speaks TLS"
            )


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
