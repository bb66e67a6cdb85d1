"""Who may come in: one-time codes and browser sessions. Pure but for the `Memory` it is given.

A code opens the page once and is exchanged for a session, kept in an HttpOnly cookie. Only SHA-256
hashes of sessions are remembered, so reading the profile's file lets nobody in. Both are 256 random
bits, so a fast hash is enough.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from typing import Protocol

CODE_LIFE = 15 * 60.0
"""For how long an unused code stays good, in seconds. Codes made by `tulou link` too."""
MAX_CODES = 64
MAX_SESSIONS = 32


class Memory(Protocol):
    """What the door remembers over restarts."""

    sessions: dict[str, float]
    """Hash of a session -> when it was last seen, in seconds since 1970."""

    def save(self) -> None:
        """Make it durable."""

    def take_invitation(self, code_hash: str, not_before: float) -> bool:
        """Use up an invitation that another process left in the profile; False when there is none."""


class Door:
    """Gives out codes, exchanges them for sessions, and knows sessions again."""

    def __init__(self, memory: Memory, clock: Callable[[], float], session_life: float) -> None:
        self._memory = memory
        self._clock = clock
        self._session_life = session_life
        self._codes: dict[str, float] = {}

    def new_code(self) -> str:
        """A fresh one-time code; the oldest is forgotten when too many are unused."""
        code = secrets.token_urlsafe(32)
        self._codes[digest(code)] = self._clock() + CODE_LIFE
        while len(self._codes) > MAX_CODES:
            self._codes.pop(next(iter(self._codes)))
        return code

    def exchange(self, code: str) -> str | None:
        """A new session for a good code, which is used up; None for any other."""
        key = digest(code)
        until = self._codes.pop(key, None)
        good = until is not None and self._clock() <= until
        if not good and not self._memory.take_invitation(key, self._clock() - CODE_LIFE):
            return None
        session = secrets.token_urlsafe(32)
        sessions = self._memory.sessions
        sessions[digest(session)] = self._clock()
        while len(sessions) > MAX_SESSIONS:
            sessions.pop(min(sessions, key=sessions.__getitem__))
        self._memory.save()
        return session

    def knows(self, session: str) -> bool:
        """Whether a browser's session is one of ours and not too old; a visit keeps it alive."""
        key = digest(session)
        seen = self._memory.sessions.get(key)
        if seen is None:
            return False
        now = self._clock()
        if now - seen > self._session_life:
            del self._memory.sessions[key]
            self._memory.save()
            return False
        if now - seen > 3600:
            self._memory.sessions[key] = now
            self._memory.save()
        return True

    def close_all(self) -> None:
        """Forget every session and code: all browsers have to be let in again."""
        self._codes.clear()
        self._memory.sessions.clear()
        self._memory.save()


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
