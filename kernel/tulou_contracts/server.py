"""Server: an embedded chat server, when the composition has one. Implemented by `server`."""

from __future__ import annotations

from typing import Protocol

from tulou import needs_grant


class ChatServer(Protocol):
    """A chat server in this process, for trying out, for tests, and for small teams."""

    endpoint: str
    """Where clients connect, e.g. ``ws://127.0.0.1:5280/xmpp-websocket``."""
    domain: str
    """What stands behind the @ of its accounts."""

    @needs_grant("server.manage")
    async def create_account(self, name: str, password: str, display_name: str = "") -> None:
        """Make an account. Raises `tulou_contracts.identity.AccountTaken`."""

    @needs_grant("server.manage")
    async def befriend(self, one: str, other: str) -> None:
        """Put two accounts (names, without domain) on each other's contact list."""
