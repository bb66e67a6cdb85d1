"""One connection: a session's frames over one channel, written by one task only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import trio
from tulou.flow import Signal
from tulou_contracts.network import ConnectionLost

from tulou_xmpp.reach.channel import Channel
from tulou_xmpp.session import Session, State, events
from tulou_xmpp.wire import Element, WireError
from tulou_xmpp.wire.scram import Derivation

WRITE_TIMEOUT = 10.0
"""Seconds for a batch of frames to leave; then the connection is dead."""
ANSWER_TIMEOUT = 60.0
"""Seconds for the server to acknowledge; a server that does not has stopped working for us."""
ANSWER_WITHIN = 5.0
"""Seconds in which we tell how far we are, when storing takes long."""
GOODBYE = 2.0
"""Seconds for the other side to say good-bye as well."""
_TOO_BIG = 1009         # RFC 6455, section 7.4.1

OnEvents = Callable[[Sequence[events.Event]], None]
Derive = Callable[[Derivation], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class End:
    """Why a connection ended. `condition` is the stream error's, when there was one."""

    reason: str
    condition: str = ""
    poisonous: bool = False
    in_order: bool = False
    """We closed it ourselves."""


async def derive_in_thread(derivation: Derivation) -> bytes:
    """PBKDF2 takes tens of milliseconds: not in the event loop."""
    return await trio.to_thread.run_sync(derivation.run)


async def derive_inline(derivation: Derivation) -> bytes:
    """The same in the event loop, for simulations on a virtual clock."""
    return derivation.run()


class Link:
    """Runs a session over a channel until one of them ends; `run` says why.

    `wake` makes the writer look for output; whoever touches the session calls it.
    """

    def __init__(
        self, channel: Channel, session: Session, on_events: OnEvents, *,
        derive: Derive = derive_in_thread,
        room: Callable[[], Awaitable[None]] | None = None,
        login_timeout: float = 30.0,
        probe_timeout: float = 5.0,
        heartbeat: float = 0.0,
    ) -> None:
        self._channel = channel
        self._session = session
        self._on_events = on_events
        self._derive = derive
        self._room = room
        self._login_timeout = login_timeout
        self._probe_timeout = probe_timeout
        self._heartbeat = 0.0 if channel.beats else heartbeat
        self._output = Signal()
        self._doubt = Signal()
        self._due = Signal()
        self._asked = Signal()
        self._heard = 0
        self._settled = trio.Event()
        self._ended = trio.Event()
        self._closing = False
        self._end: End | None = None

    def wake(self) -> None:
        """There may be something to write."""
        self._output.set()

    def probe(self) -> None:
        """Find out whether the other side is still there."""
        self._doubt.set()

    def give_up(self, reason: str) -> None:
        """End now, for a reason that was found elsewhere."""
        self._finish(End(reason))

    def settle(self) -> None:
        """What the connection is for has begun: the login timeout no longer applies."""
        self._settled.set()

    @property
    def settled(self) -> bool:
        """Whether `settle` was called."""
        return self._settled.is_set()

    async def close(self) -> None:
        """End in order: acknowledge, say good-bye, wait a moment for the answer."""
        self._closing = True
        self._session.close()
        self.wake()
        with trio.move_on_after(GOODBYE):
            await self._ended.wait()
        self._finish(End("closed", in_order=True))

    async def run(self) -> End:
        """Until the end. The session is told of the loss by the caller."""
        async with trio.open_nursery() as nursery:
            for task in (self._write, self._read, self._watch_login, self._watch_doubt,
                         self._watch_due, self._watch_asked, self._watch_silence):
                nursery.start_soon(task)
            self._session.connected(secure=self._channel.secure)
            self.wake()
            await self._ended.wait()
            nursery.cancel_scope.cancel()
        await self._last_words()
        assert self._end is not None
        return self._end

    async def _last_words(self) -> None:
        # the writer is gone, so this task may write
        with trio.move_on_after(GOODBYE, shield=True):
            try:
                if frames := self._session.take_output():
                    await self._channel.send(frames)
            except ConnectionLost:
                pass    # that it ends is known already
            await self._channel.close()

    def _finish(self, end: End) -> None:
        if self._end is None:
            self._end = end
        self._ended.set()

    # ---- the only task that writes ----

    async def _write(self) -> None:
        session, channel = self._session, self._channel
        while True:
            await self._output.wait()
            while frames := session.take_output():
                lost: ConnectionLost | None = None
                # never cancelled inside a frame: half of one would poison the stream
                with trio.move_on_after(WRITE_TIMEOUT, shield=True) as scope:
                    try:
                        await channel.send(frames)
                    except ConnectionLost as error:
                        lost = error
                if lost is not None:
                    return await self._cannot_write(lost)
                if scope.cancelled_caught:
                    return self._finish(End(f"the connection took nothing for {WRITE_TIMEOUT:g} seconds"))
            if session.asking:
                self._asked.set()

    async def _cannot_write(self, error: ConnectionLost) -> None:
        # why the server hung up may still wait to be read
        with trio.move_on_after(GOODBYE):
            await self._ended.wait()
        self._lost(error)

    def _lost(self, error: ConnectionLost) -> None:
        self._finish(End(str(error), poisonous=error.code == _TOO_BIG, in_order=self._closing))

    # ---- the only task that reads ----

    async def _read(self) -> None:
        try:
            while True:
                for element in await self._channel.receive():
                    if not await self._take(element):
                        return
        except ConnectionLost as error:
            self._lost(error)
        except WireError as error:
            self._session.fail(error)
            self._finish(End(f"the server does not speak proper XMPP: {error}"))

    async def _take(self, element: Element) -> bool:
        """One element that came; whether there may be more."""
        session = self._session
        self._heard += 1
        for_others: list[events.Event] = []
        ended: events.Ended | None = None
        for event in session.receive(element):
            if isinstance(event, events.Derive):
                session.derived(await self._derive(event.derivation))
            else:
                for_others.append(event)
                if isinstance(event, events.Ended):
                    ended = event
        if for_others:
            self._on_events(for_others)
        self.wake()
        if session.answer_due:
            self._due.set()
        if ended is not None:
            self._finish(End(ended.reason, ended.condition, in_order=self._closing))
            return False
        if self._room is not None:
            await self._room()
        return True

    # ---- watching ----

    async def _watch_login(self) -> None:
        with trio.move_on_after(self._login_timeout):
            await self._settled.wait()
            return
        self._finish(End(f"signing in took more than {self._login_timeout:g} seconds"))

    async def _watch_doubt(self) -> None:
        while True:
            await self._doubt.wait()
            heard = self._heard
            self._session.ask()
            self.wake()
            await trio.sleep(self._probe_timeout)
            if self._heard == heard:
                self._finish(End("the server gives no sign of life"))

    async def _watch_silence(self) -> None:
        while self._heartbeat:
            heard = self._heard
            await trio.sleep(self._heartbeat)
            if self._heard == heard and self.ready:
                self.probe()

    async def _watch_due(self) -> None:
        while True:
            await self._due.wait()
            await trio.sleep(ANSWER_WITHIN)
            if self._session.answer_due:
                self._session.answer()
                self.wake()

    async def _watch_asked(self) -> None:
        while True:
            await self._asked.wait()
            answered = self._session.questions_answered
            await trio.sleep(ANSWER_TIMEOUT)
            if self._session.asking and self._session.questions_answered == answered:
                self._finish(End("the server does not acknowledge what we send"))

    @property
    def ready(self) -> bool:
        """Whether stanzas can be sent through this connection now."""
        return self._session.state is State.READY and self._end is None
