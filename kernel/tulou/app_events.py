"""Events that concern the whole app, whatever its features are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Foreground:
    """A person looks at the app again."""


@dataclass(frozen=True, slots=True)
class Background:
    """Nobody looks at the app; plugins may save work."""


@dataclass(frozen=True, slots=True)
class NetworkChanged:
    """The machine's network went up, down, or is another one; probe what is connected."""

    up: bool


@dataclass(frozen=True, slots=True)
class LowMemory:
    """The system asks for memory back; caches should shrink."""


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """The profile's account signed in (`account` is its address) or out (None)."""

    account: str | None


@dataclass(frozen=True, slots=True)
class PluginChanged:
    """A plugin reached another state of its life; `state` is the state's value."""

    plugin: str
    state: str
    reason: str = ""
