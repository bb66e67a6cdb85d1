"""Who is here now: accounts with sessions, their contact lists in memory, and resumption tokens."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Iterable, Iterator

from tulou_server.rosters import Item
from tulou_server.session import Session

_REMEMBERED = 1000
"""Ended sessions whose count of handled stanzas is kept for a late resumption."""


class Online:
    """An account with at least one session."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sessions: dict[str, Session] = {}
        self.roster: dict[str, Item] = {}
        self.binding = 0
        """Sessions about to be: it must not be forgotten meanwhile."""

    def learn(self, items: Iterable[Item]) -> None:
        """Take items from the database; reads and writes may come back in any order."""
        for item in items:
            known = self.roster.get(item.contact)
            if known is None or known.version < item.version:
                self.roster[item.contact] = item

    def available(self) -> Iterator[Session]:
        """Sessions with presence."""
        return (session for session in self.sessions.values() if session.presence is not None)


class Directory:
    """All accounts that are online."""

    def __init__(self) -> None:
        self._online: dict[str, Online] = {}
        self._tokens: dict[str, Session] = {}
        self._ended: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def __iter__(self) -> Iterator[Session]:
        return (s for online in list(self._online.values()) for s in list(online.sessions.values()))

    def online(self, name: str) -> Online | None:
        """The account, when it has a session."""
        return self._online.get(name)

    def ensure(self, name: str) -> Online:
        """The account, about to have a session."""
        return self._online.setdefault(name, Online(name))

    def sessions(self, name: str) -> list[Session]:
        """The account's sessions, hibernating ones too."""
        online = self._online.get(name)
        return list(online.sessions.values()) if online else []

    def add(self, session: Session) -> None:
        """Enter a session; its resource is free."""
        session.online.sessions[session.resource] = session
        self._online[session.account] = session.online

    def remove(self, session: Session) -> None:
        """Forget a session; its token goes on telling how much was handled."""
        session.online.sessions.pop(session.resource, None)
        if session.token:
            self._tokens.pop(session.token, None)
            self._ended[session.token] = session.account, session.inbound.h
            while len(self._ended) > _REMEMBERED:
                self._ended.popitem(last=False)
        self.tidy(session.online)

    def tidy(self, online: Online) -> None:
        """Forget an account without sessions."""
        if not online.sessions and not online.binding and self._online.get(online.name) is online:
            del self._online[online.name]

    def make_resumable(self, session: Session) -> None:
        """Give the session a token."""
        session.token = secrets.token_urlsafe(18)
        self._tokens[session.token] = session

    def find(self, account: str, token: str) -> Session | None:
        """The session of a token, for its own account only."""
        session = self._tokens.get(token)
        return session if session is not None and session.account == account else None

    def handled(self, account: str, token: str) -> int | None:
        """How many stanzas an ended session had handled, while that is remembered."""
        owner, h = self._ended.get(token, ("", 0))
        return h if owner == account else None
