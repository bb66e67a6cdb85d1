"""One exchange under way in a thread, seen from both sides: how the loop ends what a thread waits for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tulou_net.http.resolve import Resolver
    from tulou_net.pins import Pins


class GivenUp(OSError):
    """The caller does not wait any more; raised in the thread, never seen outside."""


class Call:
    """The thread says what socket it waits on; `cut` shuts it, so that the thread ends at once.

    Only the system's name resolution cannot be ended; a thread in it is left behind.
    """

    __slots__ = ("resolver", "pins", "given_up", "left_behind", "_resolving", "_line", "_spare", "_lock",
                 "_over", "_after")

    def __init__(self, resolver: Resolver, pins: Pins) -> None:
        self.resolver = resolver
        self.pins = pins
        self.given_up = False
        self.left_behind = False
        """The thread was in name resolution when it was given up on."""
        self._resolving = False
        self._line: socket.socket | None = None
        self._spare: socket.socket | None = None
        self._lock = threading.Lock()
        self._over = True
        self._after: Callable[[], None] | None = None

    # in the thread

    def begin(self) -> None:
        """The thread works. Raises `GivenUp`."""
        with self._lock:
            self._check()
            self._over = False
        HERE.call = self

    def hold(self, line: socket.socket | None) -> None:
        """From now on the thread waits on this socket. Raises `GivenUp`."""
        with self._lock:
            self._drop_spare()
            self._line = line
            self._check()

    def hold_spare(self, sock: socket.socket) -> None:
        """As `hold`, by a second handle: agreeing on TLS takes the first one away."""
        with self._lock:
            self._drop_spare()
            self._line = self._spare = sock.dup()
            self._check()

    def resolving(self, now: bool) -> None:
        """The thread enters or leaves name resolution. Raises `GivenUp`."""
        with self._lock:
            self._resolving = now
            self._check()

    def line(self) -> socket.socket | None:
        """The socket that is held."""
        return self._line

    def end(self) -> None:
        """The thread is done; what it held may be used by others."""
        HERE.call = None
        with self._lock:
            self._over = True
            self._line = None
            self._drop_spare()
            after = self._after
        if after is not None:
            after()

    def _check(self) -> None:
        if self.given_up:
            raise GivenUp("given up on")

    def _drop_spare(self) -> None:
        if self._spare is not None:
            self._spare.close()
            self._spare = None

    # in the loop

    def cut(self, after: Callable[[], None]) -> bool:
        """End what the thread waits for. False: it works no more; else `after` is called in it when
        it ends."""
        with self._lock:
            self.given_up = True
            if self._over:
                return False
            self._after = after
            self.left_behind = self._resolving
            if self._line is not None:
                try:  # not the TLS socket's own method: the thread may be inside the TLS object
                    socket.socket.shutdown(self._line, socket.SHUT_RDWR)
                except OSError:
                    pass  # it has ended by itself
            return True


class _Here(threading.local):
    call: Call | None = None


HERE = _Here()
"""The call that the current thread works for: libraries in between pass nothing of ours on."""
