"""One open WebSocket, whichever side opened it: trio-websocket, made safe to cancel and to lose."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto.utilities import LocalProtocolError

from tulou_contracts.network import ConnectionLost, NetworkError

from tulou_net.stream import WatchedStream

_log = logging.getLogger(__name__)

QUEUE = 32
"""Messages that may wait for the reader before the peer is slowed down."""
BUFFER = 1 << 16
"""Bytes read from the system at a time."""

_LONGEST_REASON = 123  # RFC 6455, section 5.5: a control frame carries 125 bytes, two are the code
_ORDERLY = (1000, 1001, 1005)


class Socket:
    """Implements the contract `WebSocket`; `peer` names the other side in sentences."""

    def __init__(
        self,
        connection: WebSocketConnection,
        stream: WatchedStream,
        *,
        peer: str,
        close_patience: float,
    ) -> None:
        self.subprotocol: str | None = connection.subprotocol
        self._connection = connection
        self._stream = stream
        self._peer = peer
        self._patience = close_patience
        self._sending = trio.StrictFIFOLock()
        self._closing = trio.Lock()
        self._death = ""

    async def send(self, message: str | bytes) -> None:
        """Send one message whole; cancellation takes effect before or after it, never inside.

        Raises `ConnectionLost`, also when the peer takes no data for too long.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            self._sending.acquire_nowait()  # saves a turn of the scheduler, the usual case
        except trio.WouldBlock:
            await self._sending.acquire()
        try:
            # Half a frame on the wire would end the connection. The stream bounds the time.
            with trio.CancelScope(shield=True):
                await self._connection.send_message(message)
        except (ConnectionClosed, LocalProtocolError) as error:
            raise self._lost() from error
        finally:
            self._sending.release()

    async def receive(self) -> str | bytes:
        """The next message; those that came before the end are still given out."""
        try:
            return await self._connection.get_message()
        except ConnectionClosed as error:
            raise self._lost() from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say farewell, wait for the peer's a little, then close whatever it does."""
        short = reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
        with trio.CancelScope(shield=True):
            async with self._closing:
                with trio.move_on_after(self._patience):
                    await self._connection.aclose(code, short or None)
                self._stream.abort()

    def abort(self, why: str) -> None:
        """Give the connection up without a farewell; `receive` and `send` then say why."""
        self._death = self._death or why
        self._stream.abort()

    def _lost(self) -> ConnectionLost:
        closed = self._connection.closed
        if self._death:
            return ConnectionLost(f"the connection to {self._peer} is lost: {self._death}")
        if closed is None or closed.code == 1006:  # a code never sent: nobody said farewell
            return ConnectionLost(f"the connection to {self._peer} broke off")
        word = "was closed" if closed.code in _ORDERLY else "was ended"
        reason = f": {closed.reason}" if closed.reason else ""
        return ConnectionLost(
            f"the connection to {self._peer} {word} (code {closed.code}){reason}", closed.code
        )

    async def watch(self) -> None:
        """End the connection when the peer takes no data; run this beside everything else."""
        await self._stream.watch()

    async def heartbeat(self, interval: float) -> None:
        """Ping every `interval` seconds; two intervals of silence are the end. 0: do nothing.

        Any byte is a sign of life, and time in which nobody takes messages from a full queue does
        not count, so a slow reader here is not taken for a dead peer there.
        """
        if not interval:
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._ping, interval)
            while not self._stream.ended.is_set():
                await trio.sleep_until(self._stream.last_heard() + 2 * interval)
                if trio.current_time() >= self._stream.last_heard() + 2 * interval:
                    self.abort(f"no sign of life for {2 * interval:g} seconds")
            nursery.cancel_scope.cancel()

    async def _ping(self, interval: float) -> None:
        try:
            while True:
                await trio.sleep(interval)
                await self._connection.ping()
        except (ConnectionClosed, LocalProtocolError):
            pass  # receive and send tell


class NotOpened(NetworkError):
    """The opening handshake failed; the cause is attached, if there was an exception."""


async def keep(
    stream: WatchedStream,
    open_in: Callable[[trio.Nursery], Awaitable[WebSocketConnection]],
    *,
    task_status: trio.TaskStatus[WebSocketConnection] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Open a connection and run its reader until the end of `stream`; start this in a nursery.

    trio-websocket waits for ever when the stream ends during the handshake, and its reader raises
    what a peer's bytes make it raise; here the first becomes `NotOpened` and the second the end of
    the stream.
    """
    opened = False
    failure: Exception | None = None
    try:
        async with trio.open_nursery() as nursery:

            async def give_up_when_ended() -> None:
                await stream.ended.wait()
                await trio.lowlevel.checkpoint()  # a handshake that just succeeded may say so first
                if not opened:
                    nursery.cancel_scope.cancel()

            nursery.start_soon(give_up_when_ended)
            connection = await open_in(nursery)
            opened = True
            task_status.started(connection)
    except* Exception as group:
        failure = group
    finally:
        stream.abort()
    if not opened:
        raise NotOpened("the WebSocket handshake failed") from failure
    if failure is not None:
        _log.debug("the reader of a WebSocket gave up", exc_info=failure)
