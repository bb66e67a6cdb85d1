"""Events that concern the whole app, whatever its features are."""

from __future__ import annotations

from typing import NamedTuple


class Foreground:
    """A person looks at the app again."""


class Background:
    """Nobody looks at the app; plugins may save work."""


class NetworkChanged(NamedTuple):
    """The machine's network went up, down, or is another one; probe what is connected."""

    up: bool


class LowMemory:
    """The system asks for memory back; caches should shrink."""


class AccountChanged(NamedTuple):
    """The profile's account signed in (`account` is its address) or out (None)."""

    account: str | None


class PluginChanged(NamedTuple):
    """A plugin reached another state of its life; `state` is the state's value."""

    plugin: str
    state: str
    reason: str = ""
