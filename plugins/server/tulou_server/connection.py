"""One client's WebSocket: reads frames, lets the protocol decide, writes what is queued.

Four tasks: the reader, the handler of frames in order, the one writer, and the watch over time.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from tulou.flow import Signal
from tulou_contracts.identity import AccountTaken, AddressInvalid
from tulou_contracts.storage import StorageError
from tulou_server import actions as act
from tulou_server.domain import Domain
from tulou_server.mailroom import Letter
from tulou_server.outbox import Entry, Outbox
from tulou_server.session import Session
from tulou_server.stream import Stage, Stream
from tulou_server.tcp import StreamSocket
from tulou_xmpp.wire import Element, WireError, serialise
from tulou_xmpp.wire import namespaces as ns

READ_AHEAD = 64
"""Frames that may wait to be handled; a client that sends faster is read slower."""
CLOSE_TIME = 5.0
"""Seconds for the last words and the closing handshake."""

_PLAIN_ACK = re.compile(r"""<a (h=["']\d{1,9}["']|xmlns=["']urn:xmpp:sm:3["']|\s)+/>\Z""", re.ASCII)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take, in seconds (see `Config`)."""

    login: float
    ping_interval: float
    ping_timeout: float


class Connection:
    """A socket and its protocol; implements `Link` for the session on it."""

    def __init__(
        self, domain: Domain, websocket: WebSocketConnection | StreamSocket, patience: Patience,
        log: logging.Logger,
    ) -> None:
        self.finished = trio.Event()
        self._domain = domain
        self._websocket = websocket
        self._patience = patience
        self._log = log
        self._stream = Stream(domain.rules, secrets.token_hex(8))
        self._outbox = Outbox(domain.queue_limit)
        self._session: Session | None = None
        self._reader: Session | None = None
        """Whose frames are written here, also when its session is over already."""
        self._scope = trio.CancelScope()
        self._frames_in, self._frames_out = trio.open_memory_channel[str | bytes](READ_AHEAD)
        self._letters: list[Letter] = []
        self._written = Signal()
        self._last_heard = trio.current_time()
        self._blocked = False
        self._signed_in = trio.Event()

    async def run(self) -> None:
        """Serve the client until it is gone."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._read)
                    nursery.start_soon(self._write)
                    nursery.start_soon(self._watch)
                    await self._handle()
                    nursery.cancel_scope.cancel()
        finally:
            session, self._session = self._session, None
            if session is not None:
                self._domain.lose(session)
            self.finished.set()

    # Link

    def drop(self, reason: str) -> None:
        """Give the connection up at once."""
        self._log.info("dropping %s: %s", self._who(), reason)
        self._scope.cancel()

    def end_stream(self, condition: str, text: str) -> None:
        """Say why, then close."""
        self._session = None
        self._finish(self._stream.fail(condition, text))

    def _who(self) -> str:
        return self._session.address if self._session else "a client that has not signed in"

    # Reading

    async def _read(self) -> None:
        async with self._frames_in:
            while True:
                try:
                    frame = await self._websocket.get_message()
                except ConnectionClosed:
                    return
                self._last_heard = trio.current_time()
                if await self._is_ack(frame):
                    continue
                self._blocked = True
                try:
                    await self._frames_in.send(frame)
                except trio.BrokenResourceError:
                    return
                finally:
                    self._blocked = False

    async def _is_ack(self, frame: str | bytes) -> bool:
        """An acknowledgement overtakes what waits to be handled: it makes room for the answers."""
        bound = self._session is not None and self._stream.stage is Stage.BOUND
        if not (bound and isinstance(frame, str) and _PLAIN_ACK.match(frame)):
            return False
        for action in self._receive(frame):
            await self._perform(action)
        return True

    async def _handle(self) -> None:
        frames: deque[str | bytes] = deque()
        async for frame in self._frames_out:
            frames.append(frame)
            try:
                while len(frames) < READ_AHEAD:
                    frames.append(self._frames_out.receive_nowait())
            except (trio.WouldBlock, trio.EndOfChannel):
                pass
            while frames:
                while self._is_crowded():
                    await self._written.wait()
                # to be undisturbed: what is handled half would be sent, and handled, again
                with trio.CancelScope(shield=True):
                    await self._handle_some(frames)
        if self._outbox.closing:
            await trio.sleep_forever()  # the writer has the last word

    def _is_crowded(self) -> bool:
        """Whoever does not read is not listened to."""
        return self._outbox.crowded and not self._outbox.closing

    async def _handle_some(self, frames: deque[str | bytes]) -> None:
        try:
            if self._session is None:
                await self._handle_all(frames)
            else:
                async with self._session.lock:
                    await self._handle_all(frames)
        except StorageError as error:
            frames.clear()
            self._log.error("giving up %s: %s", self._who(), error)
            self._finish(self._stream.fail("internal-server-error", str(error)))

    async def _handle_all(self, frames: deque[str | bytes]) -> None:
        while frames and not self._is_crowded():
            for action in self._receive(frames.popleft()):
                if not (isinstance(action, act.Stanza) and action.element.name == "message"):
                    await self._post()
                await self._perform(action)
        await self._post()

    def _receive(self, frame: str | bytes) -> Sequence[act.Action | _Finish]:
        actions = self._stream.receive(frame)
        if any(isinstance(action, act.Close) for action in actions):
            # its own error must come after the messages that were whole
            return [_Finish(actions)]
        return actions

    # Acting

    async def _perform(self, action: act.Action | _Finish) -> None:
        await _PERFORM[type(action)](self, action)

    def _finish(self, actions: list[act.Action]) -> None:
        """The stream is over, and its session with it; then the last words."""
        session, self._session = self._session, None
        if session is not None:
            self._domain.end(session)
        for action in actions:
            if isinstance(action, act.Send):
                self._outbox.push(Entry(serialise(action.element), counted=False))
        self._outbox.close()
        self._written.set()
        self._scope.deadline = min(self._scope.deadline, trio.current_time() + CLOSE_TIME)

    async def _do_finish(self, action: _Finish) -> None:
        self._finish(action.actions)

    async def _send(self, action: act.Send) -> None:
        self._outbox.push(Entry(serialise(action.element), counted=False))

    async def _send_all(self, actions: list[act.Action]) -> None:
        if any(isinstance(action, act.Close) for action in actions):
            self._finish(actions)
            return
        for action in actions:
            await self._perform(action)

    async def _find_keys(self, action: act.FindKeys) -> None:
        keys = await self._domain.accounts.keys(action.name, action.mechanism)
        await self._send_all(self._stream.keys_found(keys))

    async def _create_account(self, action: act.CreateAccount) -> None:
        problem = None
        try:
            await self._domain.accounts.create(action.name, action.password)
        except AccountTaken as error:
            problem = "conflict", str(error)
        except AddressInvalid as error:
            problem = "not-acceptable", str(error)
        except StorageError as error:
            problem = "resource-constraint", str(error)
        await self._send_all(self._stream.registered(action.iq, problem))

    async def _bind(self, action: act.Bind) -> None:
        session = await self._domain.bind(action.name, action.resource, self, self._outbox)
        if session is None:
            self._finish(self._stream.fail("not-authorized", "the account was removed"))
            return
        self._session = self._reader = session
        self._signed_in.set()
        await self._send_all(self._stream.bound(action.iq, session.jid))

    async def _resume(self, action: act.Resume) -> None:
        try:
            session = await self._domain.resume(action.name, action.token, action.h, self)
        except WireError as error:
            self._finish(self._stream.fail(error.condition, str(error)))
            return
        if session is None:
            h = self._domain.directory.handled(action.name, action.token)
            await self._send_all(self._stream.not_resumed(h))
            return
        own, self._outbox = self._outbox, session.outbox
        session.outbox.prepend(own.drain())  # what was queued before <resumed/>
        own.signal.set()
        self._session = self._reader = session
        self._signed_in.set()
        self._stream.resumed(session.jid)

    async def _enable(self, action: act.Enable) -> None:
        if self._session is not None:
            self._domain.enable(self._session, action.resumable)

    async def _acknowledged(self, action: act.Acknowledged) -> None:
        if self._session is not None:
            try:
                self._domain.acknowledge(self._session, action.h)
            except WireError as error:
                self._finish(self._stream.fail(error.condition, str(error)))

    async def _ack_requested(self, action: act.AckRequested) -> None:
        if self._session is not None:
            self._session.tell_handled()

    async def _stanza(self, action: act.Stanza) -> None:
        session = self._session
        if session is None:  # it was replaced while its last frames were being handled
            return
        if action.element.name == "message":
            letter = await self._domain.letter(session, action.element, action.to)
            if letter is not None:
                self._letters.append(letter)
                return
        else:
            await self._domain.handle(session, action.element, action.to)
        session.inbound.handled()

    async def _post(self) -> None:
        """Hand over the messages gathered so far; they count as handled once they are durable."""
        if self._letters:
            letters, self._letters = self._letters, []
            await self._domain.courier.mailroom.post(letters)
            letters[0].sender.inbound.handled(len(letters))

    async def _refuse(self, action: act.Refuse) -> None:
        if self._session is not None:
            if action.answer is not None:
                self._session.send(action.answer)
            self._session.inbound.handled()

    # Writing

    async def _write(self) -> None:
        try:
            while True:
                outbox = self._outbox
                entry = outbox.take()
                if entry is not None:
                    await self._websocket.send_message(entry.text)
                    self._wrote(outbox, entry)
                elif outbox.closing:
                    break
                else:
                    await outbox.signal.wait()
            with trio.move_on_after(CLOSE_TIME):
                await self._websocket.aclose()
        except ConnectionClosed:
            if not self._outbox.closing:
                return  # what was read before is still to be handled
        self._scope.cancel()

    def _wrote(self, outbox: Outbox, entry: Entry) -> None:
        self._written.set()
        seq = outbox.written(entry)
        if seq and self._reader is not None:
            self._domain.courier.took(self._reader, [seq])

    # Time

    async def _watch(self) -> None:
        with trio.move_on_after(self._patience.login):
            await self._signed_in.wait()
        if self._stream.stage is not Stage.BOUND:
            self._finish(self._stream.fail("connection-timeout", "signing in took too long"))
            return
        while True:
            await trio.sleep_until(self._last_heard + self._patience.ping_interval)
            if self._is_silent_for(self._patience.ping_interval):
                self._ask()
                await trio.sleep(self._patience.ping_timeout)
                if self._is_silent_for(self._patience.ping_timeout):
                    self.drop("it gave no sign of life")
                    return
            elif self._blocked:
                await trio.sleep(1.0)

    def _is_silent_for(self, seconds: float) -> bool:
        # while we do not take its frames, its silence says nothing
        return not self._blocked and trio.current_time() >= self._last_heard + seconds

    def _ask(self) -> None:
        if self._outbox.managed:
            self._outbox.ask()
        elif self._session is not None:
            ping = Element(
                "iq", ns.CLIENT, Element("ping", ns.PING),
                type="get", id=secrets.token_hex(6), from_=self._domain.name, to=self._session.address,
            )
            self._session.send(ping)


@dataclass(frozen=True, slots=True)
class _Finish:
    actions: list[act.Action]


_PERFORM: dict[type, Callable[[Connection, Any], Awaitable[None]]] = {
    _Finish: Connection._do_finish,
    act.Send: Connection._send,
    act.FindKeys: Connection._find_keys,
    act.CreateAccount: Connection._create_account,
    act.Bind: Connection._bind,
    act.Resume: Connection._resume,
    act.Enable: Connection._enable,
    act.Acknowledged: Connection._acknowledged,
    act.AckRequested: Connection._ack_requested,
    act.Stanza: Connection._stanza,
    act.Refuse: Connection._refuse,
}
