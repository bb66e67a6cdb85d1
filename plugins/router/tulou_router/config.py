"""Settings of the router."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How addresses are followed."""

    web: str = ""
    """Beginning of web addresses that open inside, e.g. ``https://app.acme.example/open/``: what follows
    it is read like what follows ``tulou://``. Empty: none do."""
    required: tuple[str, ...] = ()
    """Names of interceptors without which nothing is opened, also when their plugin never started."""
    start_patience: float = 30.0
    """For how long an address waits while plugins are starting, in seconds."""
    decision_patience: float = 10.0
    """For how long one guard or interceptor may think, in seconds; then its answer is no."""
    sign_in_patience: float = 300.0
    """For how long an address waits for a person to sign in, in seconds."""

    def __post_init__(self) -> None:
        if self.web:
            parts = urlsplit(self.web)
            good = parts.scheme == "https" and parts.hostname and self.web.endswith("/")
            if not good or "?" in self.web or "#" in self.web or "@" in parts.netloc:
                raise ValueError(
                    f"router: web = {self.web!r} should begin with https:// and end with '/',"
                    " like 'https://app.acme.example/open/'"
                )
        for name in ("start_patience", "decision_patience", "sign_in_patience"):
            if not 0 < getattr(self, name) <= 86400:
                raise ValueError(f"router: {name} = {getattr(self, name)} should be between 0 and 86400")
