"""Settings of the plugin `auth`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How long signing in may take."""

    deadline: float = 30.0
    """How long the server may take to answer, in seconds."""

    def __post_init__(self) -> None:
        if not self.deadline > 0:
            raise ValueError(f"deadline is {self.deadline}; it should be more than 0 seconds")
