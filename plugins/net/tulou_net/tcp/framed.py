"""Frames over a connection: data, answers and heartbeats, each kept apart from the others."""

from __future__ import annotations

from collections.abc import Hashable

import trio

from tulou_contracts.network import ConnectionLost
from tulou_contracts.tcp import BadFrame, FrameCounts, Framer, Heartbeat, IdOf, NoAnswer, Push

from tulou_net.tcp.connection import Connection
from tulou_net.tcp.matching import Matcher

QUEUE = 64
"""Frames that may wait for their taker before the peer is slowed down."""


class Framed:
    """Implements the contract `FramedConnection`; `read`, `beat` and `push` run beside it."""

    def __init__(
        self, connection: Connection, incoming: Framer, outgoing: Framer, *,
        heartbeat: Heartbeat | None, id_of: IdOf | None,
    ) -> None:
        self.peer = connection.peer
        self._connection = connection
        self._incoming = incoming
        self._outgoing = outgoing
        self._heartbeat = heartbeat
        self._beats = {heartbeat.beat, heartbeat.answer} - {b""} if heartbeat else set()
        self._id_of = id_of
        self._matcher = Matcher()
        self._beaten = 0
        self._into, self._queue = trio.open_memory_channel[bytes](QUEUE)
        self._end: ConnectionLost | BadFrame | None = None

    @property
    def counts(self) -> FrameCounts:
        """As the contract says."""
        return FrameCounts(self._incoming.dropped, self._matcher.late, self._beaten)

    async def send(self, frame: bytes) -> None:
        """As the contract says."""
        await self._connection.send(self._outgoing.encode(frame))

    async def request(self, frame: bytes, id: Hashable, *, timeout: float = 30.0) -> bytes:
        """As the contract says."""
        encoded = self._outgoing.encode(frame)
        waiter = self._matcher.expect(id)
        try:
            with trio.move_on_after(timeout):
                await self._connection.send(encoded)
                await waiter.done.wait()
        finally:
            self._matcher.give_up(id)
        if waiter.error is not None:
            raise waiter.error
        if waiter.answer is None:
            raise NoAnswer(f"{self.peer} did not answer within {timeout:g} seconds")
        return waiter.answer

    async def receive(self) -> bytes:
        """As the contract says."""
        try:
            return await self._queue.receive()
        except trio.EndOfChannel:
            assert self._end is not None
            raise self._end from None

    async def close(self) -> None:
        """As the contract says."""
        await self._connection.close()

    # ---- what runs beside it ----

    async def read(self) -> None:
        """The only task that reads."""
        try:
            while data := await self._connection.receive():
                for frame in self._incoming.feed(data):
                    await self._take(frame)
                if self._incoming.failed is not None:
                    raise self._incoming.failed
            for frame in self._incoming.end():
                await self._take(frame)
            raise ConnectionLost(f"{self.peer} closed the connection")
        except ConnectionLost as error:
            self._finish(error)
        except BadFrame as error:
            self._finish(BadFrame(f"what {self.peer} sends is damaged: {error}"))
            self._connection.abort(str(error))

    def _finish(self, error: ConnectionLost | BadFrame) -> None:
        self._end = error
        self._matcher.fail(error)
        self._into.close()

    async def _take(self, frame: bytes) -> None:
        if frame in self._beats:
            self._beaten += 1
            self._answer_beat(frame)
            return
        id = self._id_of(frame) if self._id_of is not None else None
        if id is None:
            await self._into.send(frame)
        else:
            self._matcher.answered(id, frame)

    def _answer_beat(self, frame: bytes) -> None:
        beat = self._heartbeat
        # a peer that takes nothing hears nothing: its flood of beats must not pile up here
        if beat is not None and frame == beat.beat and beat.answer and not self._connection.full:
            self._connection.post(self._outgoing.encode(beat.answer))

    async def beat(self) -> None:
        """Send heartbeats while nothing else is sent."""
        if self._heartbeat is None or not self._heartbeat.interval:
            return
        frame = self._outgoing.encode(self._heartbeat.beat)
        interval = self._heartbeat.interval
        while self._end is None:
            await trio.sleep_until(self._connection.last_sent + interval)
            if trio.current_time() >= self._connection.last_sent + interval:
                try:
                    self._connection.last_sent = trio.current_time()
                    if not self._connection.full:
                        self._connection.post(frame)
                except ConnectionLost:
                    return  # receive tells

    async def push(self, handler: Push) -> None:
        """Hand the frames that answer nothing to `handler`, one by one."""
        async for frame in self._queue:
            await handler(frame)
