"""Server: an embedded chat server, when the composition has one. Implemented by `server`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from tulou import needs_grant

from tulou_contracts.transport import Signal

Answer = Callable[[str, Signal], Awaitable[Signal]]
"""Answers a client's question: its bare address, what it asked. A `Refused` it raises is told to it."""


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


class SignalHost(Protocol):
    """The server's end of `Signalling`: the embedded server, or a component beside another one."""

    address: str
    """Whom clients have to ask; empty: the server itself."""

    def answer(self, name: str, handler: Answer) -> Callable[[], None]:
        """Answer the questions called `name`, until the result is called; one handler a name
        (`ValueError`). Handlers run side by side; one that takes long is given up."""

    async def notify(self, account: str, name: str, content: Signal) -> None:
        """Send a notice to every connected device of an account; empty: of every account, as far as
        the host knows them (a component knows those that asked it something)."""
