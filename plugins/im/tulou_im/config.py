"""Settings of the messages room."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """What a deployer may set under ``[plugins.im]``."""

    in_flight: int = 32
    """Messages on the wire at once that the server has not accepted yet."""
    max_body: int = 65536
    """Longest message in characters; the data of a special kind has the same limit, as JSON."""
    catch_up_limit: int = 5000
    """Messages fetched in order after an absence; beyond that only the newest, with a gap noted."""
    page: int = 100
    """Messages asked of the server's archive at a time."""
    delivery_receipts: bool = True
    """Tell senders that their message arrived."""
    read_receipts: bool = True
    """Tell senders that their message was read."""

    def __post_init__(self) -> None:
        faults = [
            f"{name} must be at least 1, not {getattr(self, name)}"
            for name in ("in_flight", "max_body", "catch_up_limit", "page") if getattr(self, name) < 1
        ]
        if faults:
            raise ValueError(*faults)
