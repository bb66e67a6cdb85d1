"""The body of a streamed response: read on request, one piece after the other."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import trio

from tulou_contracts.network import ConnectionLost, HttpRequest, NetworkError

from tulou_net.http.decoding import too_large
from tulou_net.http.exchange import Head
from tulou_net.http.floor import RateFloor
from tulou_net.http.origin import where

_LENGTH = re.compile("[0-9]{1,18}")


class Incoming:
    """Iterates pieces; nothing is read ahead. `end` is called once nothing more will be read."""

    def __init__(
        self,
        head: Head,
        request: HttpRequest,
        slowest: float,
        read: Callable[[], Awaitable[bytes]],
        end: Callable[[], None],
        on_received: Callable[[int, int | None], None],
    ) -> None:
        self._request = request
        self._limit = head.limit
        self._slowest = slowest
        self._floor = RateFloor(slowest)
        self._read = read
        self._end = end
        self._on_received = on_received
        self._total = _length(head)
        self._size = 0
        self._closed = False

    def __aiter__(self) -> Incoming:
        return self

    async def __anext__(self) -> bytes:
        if self._closed:
            await trio.lowlevel.checkpoint()
            raise StopAsyncIteration
        begin = trio.current_time()
        try:
            piece = await self._read()
        except NetworkError:
            self.close()
            raise
        if not piece:
            self.close()
            raise StopAsyncIteration
        self._size += len(piece)
        problem = self._problem(len(piece), trio.current_time() - begin)
        if problem is not None:
            self.close()
            raise problem
        self._on_received(len(piece), self._total)
        return piece

    def _problem(self, size: int, spent: float) -> NetworkError | None:
        if self._limit is not None and self._size > self._limit:
            return too_large(self._request, self._limit)
        if not self._floor.holds(size, spent):
            return ConnectionLost(
                f"{self._request.method} {where(self._request.url)}: the answer comes at less than"
                f" {self._slowest:g} bytes a second; see net's `slowest`"
            )
        return None

    def close(self) -> None:
        """Give up what was not read; harmless when closed."""
        if not self._closed:
            self._closed = True
            self._end()


def _length(head: Head) -> int | None:
    """The size of the body, where the server says it and it is sent as it is."""
    headers = head.response.headers
    length = headers.get("content-length", "")
    return int(length) if _LENGTH.fullmatch(length) and "content-encoding" not in headers else None
