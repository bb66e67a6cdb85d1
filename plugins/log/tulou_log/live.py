"""Lines as they come, for those who watch: from the writer's thread into the loop."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from tulou_contracts.logs import LogFilter, LogLine

BACKLOG = 1000
"""Lines that may wait for one watcher; further ones pass it by."""


class Live:
    """Hands lines to whoever listens."""

    def __init__(self) -> None:
        self._listeners: dict[object, tuple[LogFilter, trio.MemorySendChannel[LogLine]]] = {}
        self._token: trio.lowlevel.TrioToken | None = None
        self.recent: deque[bytes] = deque(maxlen=BACKLOG)
        """The newest lines of this run, for when no file can be read."""

    def open(self) -> None:
        """Within the loop that listeners live in."""
        self._token = trio.lowlevel.current_trio_token()

    def told(self, lines: Sequence[bytes]) -> None:
        """From the writer's thread."""
        self.recent.extend(lines)
        if self._listeners and self._token is not None:
            try:
                self._token.run_sync_soon(self._spread, lines)
            except trio.RunFinishedError:
                self._token = None

    def _spread(self, lines: Sequence[bytes]) -> None:
        from tulou_log.reading import fits, parse

        parsed = [line for raw in lines if (line := parse(raw)) is not None]
        for which, channel in tuple(self._listeners.values()):
            for line in parsed:
                if fits(line, which):
                    try:
                        channel.send_nowait(line)
                    except trio.WouldBlock:
                        break  # it is too slow, and will see what comes later
                    except trio.BrokenResourceError:
                        break

    @asynccontextmanager
    async def listening(self, which: LogFilter) -> AsyncIterator[AsyncIterator[LogLine]]:
        """Lines that fit, from now on."""
        send, receive = trio.open_memory_channel[LogLine](BACKLOG)
        me = object()
        self._listeners[me] = which, send
        try:
            yield receive
        finally:
            del self._listeners[me]
            send.close()
            receive.close()

    def close(self) -> None:
        """End what everybody listens to."""
        self._token = None
        for _, channel in self._listeners.values():
            channel.close()
