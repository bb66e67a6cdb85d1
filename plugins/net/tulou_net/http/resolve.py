"""Looking names up: the one thing that cannot be ended, so threads stuck in it are counted and capped."""

from __future__ import annotations

import socket
import threading
from typing import Any

from tulou_net.http.call import Call


class TooManyStuck(OSError):
    """So many name look-ups hang already that no thread is risked for another one."""


class Resolver:
    """The system's name resolution, in the calling thread."""

    def __init__(self, cap: int = 16) -> None:
        self._cap = cap
        self._left = 0
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """How many look-ups hang that nobody waits for any more."""
        return self._left

    def leave(self) -> None:
        """Somebody gave up on a look-up."""
        with self._lock:
            self._left += 1

    def came_back(self) -> None:
        """A look-up that was given up on has ended."""
        with self._lock:
            self._left -= 1

    def look_up(self, host: str, port: int, call: Call) -> list[Any]:
        """As `socket.getaddrinfo`. Raises `TooManyStuck`, `socket.gaierror`, `GivenUp`."""
        literal = _literal(host, port)
        if literal is not None:
            return literal
        if self._left >= self._cap:
            raise TooManyStuck(
                f"{self._left} name look-ups hang already; does this computer's resolver answer?"
            )
        call.resolving(True)
        try:
            return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
        finally:
            call.resolving(False)


def _literal(host: str, port: int) -> list[Any] | None:
    """The answer for an IP address, which needs nobody's help."""
    if ":" not in host and not host[-1:].isdigit():
        return None
    try:
        return socket.getaddrinfo(
            host.strip("[]"), port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST
        )
    except (socket.gaierror, UnicodeError):
        return None
