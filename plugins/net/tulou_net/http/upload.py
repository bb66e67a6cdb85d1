"""A request body on its way from the loop, where it is made, to the thread that sends it."""

from __future__ import annotations

import queue
from collections.abc import AsyncIterable, Callable, Iterator

import trio

from tulou_net.http.call import GivenUp

_AHEAD = 2  # pieces made before they are sent


class Upload:
    """Pieces from an async source for one thread; no more than a few are made ahead."""

    def __init__(
        self, content: Callable[[], AsyncIterable[bytes]], on_sent: Callable[[int], None] | None
    ) -> None:
        self._content = content
        self._on_sent = on_sent
        self._pieces: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._room = trio.Semaphore(_AHEAD)
        self._token = trio.lowlevel.current_trio_token()
        self._ended = False
        self.error: Exception | None = None
        """What the source raised."""

    async def pump(self) -> None:
        """Make pieces for as long as they are taken; run this beside the thread."""
        try:
            async for piece in self._content():
                if piece:
                    await self._room.acquire()
                    self._pieces.put(piece)
        except Exception as error:
            self.error = error
        finally:
            self._ended = self.error is None
            self._pieces.put(None)

    def __iter__(self) -> Iterator[bytes]:
        """In the thread. Raises `GivenUp` when the source failed or nobody waits any more."""
        while True:
            piece = self._pieces.get()
            if piece is None:
                if not self._ended:
                    raise GivenUp("the request's body came to no end")
                return
            yield piece
            try:
                self._token.run_sync_soon(self._taken, len(piece))
            except trio.RunFinishedError:
                raise GivenUp("the loop has ended") from None

    def _taken(self, size: int) -> None:
        self._room.release()
        if self._on_sent is not None:
            self._on_sent(size)
