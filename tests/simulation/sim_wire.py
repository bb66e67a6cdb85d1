"""A network in memory, on trio's clock, with every way of failing that a real one has.

A `Cable` joins two `SimStream`s by two `Pipe`s. A pipe delivers in order and late; it can be cut
after any byte, or fall silent: then it swallows what it is given, as a half-open connection does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random

import trio

ROOM = 64 * 1024
"""Bytes on the way in one direction before the sender has to wait."""


class Weather:
    """How the network is now; shared by all cables."""

    def __init__(self) -> None:
        self.latency = 0.05
        self.calm = True
        """No cable fails by itself."""


class Pipe:
    """One direction of a cable."""

    def __init__(self, rng: Random, weather: Weather) -> None:
        self._rng = rng
        self._weather = weather
        self._queue: deque[tuple[float, bytes]] = deque()
        self._size = 0
        self._last = 0.0
        self._changed = trio.Event()
        self.sent = 0
        """Bytes the sender was told are gone."""
        self.got = 0
        """Bytes the receiver has got."""
        self.silent = False
        self.broken = False
        self.ended = False
        self.reader_gone = False
        self.fuse: tuple[int, Callable[[], None]] | None = None
        """What happens when so many bytes were sent; just those still go through."""

    def change(self) -> None:
        """Wake whoever waits at either end."""
        self._changed.set()
        self._changed = trio.Event()

    async def send(self, data: bytes) -> None:
        """Hand over `data`; waits while too much is on the way."""
        while not (self.broken or self.ended) and self._size >= ROOM:
            await self._changed.wait()
        if self.ended:
            raise trio.ClosedResourceError("this end was closed")
        if self.broken or self.reader_gone:
            raise trio.BrokenResourceError("the connection was reset")
        if self.fuse is not None and self.sent + len(data) >= self.fuse[0]:
            limit, blow = self.fuse
            self.fuse = None
            through = max(0, limit - self.sent)
            self._put(data[:through])
            blow()
            if self.broken:
                raise trio.BrokenResourceError("the connection was reset")
            data = data[through:]
        self._put(data)

    def _put(self, data: bytes) -> None:
        if not data:
            return
        self.sent += len(data)
        self._size += len(data)
        if not self.silent:
            delay = self._rng.uniform(0.2, 1.0) * self._weather.latency
            self._last = max(self._last, trio.current_time() + delay)
            self._queue.append((self._last, data))
        self.change()

    async def receive(self, most: int) -> bytes:
        """The next bytes, b"" after an orderly end."""
        while True:
            if self.reader_gone:
                raise trio.ClosedResourceError("this end was closed")
            if self._queue and self._queue[0][0] <= trio.current_time():
                return self._take(most)
            if not self._queue and self.broken:
                raise trio.BrokenResourceError("the connection was reset")
            if not self._queue and self.ended and not self.silent:
                return b""
            with trio.move_on_at(self._queue[0][0] if self._queue else float("inf")):
                await self._changed.wait()

    def _take(self, most: int) -> bytes:
        at, data = self._queue.popleft()
        some = min(most, len(data))
        if self._rng.random() < 0.2:
            some = min(some, self._rng.randint(1, 40))
        if some < len(data):
            self._queue.appendleft((at, data[some:]))
        self._size -= some
        self.got += some
        self.change()
        return data[:some]

    def break_off(self, keep: float) -> None:
        """No more bytes; of what is on the way the first part, `keep` of it, still arrives."""
        left = int(sum(len(data) for _, data in self._queue) * keep)
        kept: deque[tuple[float, bytes]] = deque()
        for at, data in self._queue:
            if left > 0:
                kept.append((at, data[:left]))
            left -= len(data)
        self._queue = kept
        self.broken = True
        self.fuse = None
        self.change()

    def fall_silent(self) -> None:
        """Nothing arrives any more, and nobody is told."""
        self._queue.clear()
        self.silent = True
        self.fuse = None
        self.change()


class SimStream(trio.abc.Stream):
    """One end of a cable; looks like a TCP stream, as far as `net` and `server` look."""

    def __init__(self, out: Pipe, into: Pipe) -> None:
        self._out = out
        self._into = into
        self.socket = _Socket(self)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        await self._out.send(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        return await self._into.receive(max_bytes or ROOM)

    async def send_eof(self) -> None:
        await trio.lowlevel.checkpoint()
        self._out.ended = True
        self._out.change()

    def close(self) -> None:
        """What is on the way still arrives, then the other side sees the end."""
        self._out.ended = self._into.reader_gone = True
        self._out.change()
        self._into.change()

    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.checkpoint()


class _Socket:
    def __init__(self, stream: SimStream) -> None:
        self.close = stream.close

    def setsockopt(self, *_: object) -> None:
        """Nothing to set."""


class Cable:
    """A connection between a device and the server."""

    def __init__(self, name: str, rng: Random, weather: Weather) -> None:
        self.name = name
        self.rng = rng
        self.up = Pipe(Random(rng.random()), weather)
        """From the device to the server."""
        self.down = Pipe(Random(rng.random()), weather)
        self.near = SimStream(self.up, self.down)
        self.far = SimStream(self.down, self.up)

    def pipes(self) -> tuple[Pipe, Pipe]:
        """Both directions."""
        return self.up, self.down

    @property
    def alive(self) -> bool:
        """Whether anything can still go through."""
        return not any(pipe.broken or pipe.ended for pipe in self.pipes())

    def cut(self, keep_up: float, keep_down: float) -> None:
        """Both ends are told, sooner or later, that it is broken."""
        self.up.break_off(keep_up)
        self.down.break_off(keep_down)

    def swallow(self, up: bool, down: bool) -> None:
        """Half-open, in one direction or both."""
        if up:
            self.up.fall_silent()
        if down:
            self.down.fall_silent()

    def __str__(self) -> str:
        return f"{self.name} (up {self.up.sent}/{self.up.got}, down {self.down.sent}/{self.down.got})"


class SimListener(trio.abc.Listener[SimStream]):
    """The server's door, while one run of the server has it."""

    def __init__(self) -> None:
        self._in, self._out = trio.open_memory_channel[SimStream](1000)
        self.open = True

    def offer(self, stream: SimStream) -> None:
        """A client comes in."""
        self._in.send_nowait(stream)

    async def accept(self) -> SimStream:
        return await self._out.receive()

    async def aclose(self) -> None:
        self.open = False
        await trio.lowlevel.checkpoint()
