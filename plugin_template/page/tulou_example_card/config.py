"""The settings: a dataclass, checked by the kernel before anything starts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Table ``[plugins.example-card.config]`` of the composition."""

    kept: int = 100
    """How many of the newest greetings the page shows."""

    def __post_init__(self) -> None:
        if not 1 <= self.kept <= 10_000:
            raise ValueError(f"kept is {self.kept}; choose a number from 1 to 10000")
