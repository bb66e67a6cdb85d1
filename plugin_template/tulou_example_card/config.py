"""The settings: a dataclass, checked by the kernel before anything starts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Table ``[plugins.example-card.config]`` of the composition."""

    command: str = "/example-card"
    """What a message must begin with to become a card."""

    def __post_init__(self) -> None:
        if not self.command.strip():
            raise ValueError("command is empty, so every message would become a card; give it a word")
