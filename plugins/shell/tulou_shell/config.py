"""Settings of the shell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How the web app is served."""

    port: int = 0
    """Port on 127.0.0.1. 0: chosen once, then the same for this profile at every start. When a port
    given here is taken, the shell does not start; a chosen one is replaced for this run."""
    session_days: float = 30.0
    """For how long a browser that was let in stays known, in days since its last visit."""
    announce: str = "print"
    """At start: 'print' a one-time address to the terminal, open the 'browser', or 'nothing'."""
    language: str = ""
    """'zh' or 'en' for pages whose user has not chosen; empty: as the browser prefers."""
    server: str = ""
    """The chat server's address that sign-in offers when a person gives none; empty: by the account's
    domain."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"shell: port = {self.port} should be between 0 and 65535")
        if self.session_days <= 0:
            raise ValueError(f"shell: session_days = {self.session_days} should be more than 0")
        if self.announce not in ("print", "browser", "nothing"):
            raise ValueError(f"shell: announce = {self.announce!r} should be 'print', 'browser' or 'nothing'")
        if self.language not in ("", "zh", "en"):
            raise ValueError(f"shell: language = {self.language!r} should be '', 'zh' or 'en'")
