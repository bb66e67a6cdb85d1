"""The component's connection: connects, waits and reconnects; one task writes."""

from __future__ import annotations

import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from random import Random

import trio

from tulou.flow import Signal as Wake
from tulou.flow import backoff
from tulou_contracts.server import Answer
from tulou_contracts.transport import Signal
from tulou_server import stanzas
from tulou_server.component.config import Config
from tulou_server.component.protocol import ComponentStream, Ended, Event, Ready, Received
from tulou_server.signals import Desk
from tulou_xmpp.wire import JID, Element, WireError
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.errors import BadJID
from tulou_xmpp.wire.signals import notice

_READ = 65_536
_QUEUE = 16 << 20
"""Bytes that may wait to be written; a server that takes nothing for so long has lost us."""
_REMEMBERED = 200_000
"""Accounts that asked something lately, whom a notice to everybody reaches."""
STEADY = 30.0
"""Seconds connected, after which the next loss begins with short waits again."""


class Component:
    """Implements `SignalHost`; `run` is its life."""

    def __init__(self, config: Config, secret: str, log: logging.Logger, rng: Random) -> None:
        self.address = config.domain
        self.connected = trio.Event()
        self._config = config
        self._secret = secret
        self._log = log
        self._rng = rng
        self._desk = Desk(log)
        self.answer: Callable[[str, Answer], Callable[[], None]] = self._desk.answer
        self._asked: OrderedDict[str, None] = OrderedDict()
        self._line: _Line | None = None
        self._told = ""

    async def notify(self, account: str, name: str, content: Signal) -> None:
        """Send a notice to an account, or to all that asked something lately."""
        for number, each in enumerate([account] if account else list(self._asked)):
            if self._line is None:
                return  # it is kept nowhere
            self._line.send(notice(each, name, content, self.address))
            if number % 100 == 99:
                await self._line.room()
        await trio.lowlevel.checkpoint()

    async def run(self) -> None:
        """Until cancelled; says good-bye then."""
        delays = backoff(1.0, self._config.retry_cap, self._rng)
        while True:
            began = trio.current_time()
            reason = await self._attempt()
            if trio.current_time() - began >= STEADY:
                delays = backoff(1.0, self._config.retry_cap, self._rng)
            if reason != self._told:
                self._log.warning("component %s: %s; it goes on trying", self.address, reason)
                self._told = reason
            await trio.sleep(next(delays))

    async def _attempt(self) -> str:
        config = self._config
        try:
            with trio.fail_after(config.ping_timeout):
                stream = await trio.open_tcp_stream(config.host, config.port)
        except (OSError, trio.TooSlowError) as error:
            return f"no server takes components at {config.host}:{config.port} ({error or 'no answer'})"
        async with stream:
            line = _Line(stream, ComponentStream(config.domain, self._secret), config, self._take)
            try:
                return await line.run(self._ready)
            finally:
                self._line = None
                self.connected = trio.Event()

    def _ready(self, line: _Line) -> None:
        self._line = line
        self._told = ""
        self.connected.set()
        self._log.info("component %s is connected", self.address)

    async def _take(self, stanza: Element, line: _Line) -> None:
        if stanza.name != "iq" or stanza.get("type") not in ("get", "set") or not stanza.children:
            return
        payload = stanza.children[0]
        if payload.is_("signal", ns.SIGNAL):
            self._remember(stanza.get("from"))
            line.send(await self._desk.reply(stanza))
        elif payload.is_("ping", ns.PING):
            line.send(stanzas.result(stanza))
        elif payload.is_("query", ns.DISCO_INFO) and not payload.get("node"):
            line.send(stanzas.result(stanza, _information()))
        else:
            line.send(stanzas.error(stanza, "service-unavailable"))

    def _remember(self, sender: str) -> None:
        try:
            account = JID.parse(sender).bare
        except BadJID:
            return
        self._asked[account] = None
        self._asked.move_to_end(account)
        if len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)


def _information() -> Element:
    features = (Element("feature", ns.DISCO_INFO, var=each) for each in (ns.DISCO_INFO, ns.PING, ns.SIGNAL))
    identity = Element("identity", ns.DISCO_INFO, category="component", type="generic", name="Tulou")
    return Element("query", ns.DISCO_INFO, identity, *features)


class _Line:
    """One connection. Questions are worked on side by side, within the desk's limits."""

    def __init__(
        self, stream: trio.SocketStream, protocol: ComponentStream, config: Config,
        take: Callable[[Element, _Line], Awaitable[None]],
    ) -> None:
        self._stream = stream
        self._protocol = protocol
        self._config = config
        self._take = take
        self._output = Wake()
        self._written = Wake()
        self._ended = trio.Event()
        self._shaken = trio.Event()
        self._reason = ""
        self._heard = trio.current_time()

    def send(self, stanza: Element) -> None:
        """Queue a stanza; one that cannot be written is dropped."""
        try:
            self._protocol.send(stanza)
        except WireError:
            return
        if len(self._protocol.output) > _QUEUE:
            self._end("the server does not read what is sent to it")
        self._output.set()

    async def room(self) -> None:
        """Until most of what waits is written."""
        while len(self._protocol.output) > _READ and not self._ended.is_set():
            await self._written.wait()

    async def run(self, ready: Callable[[_Line], None]) -> str:
        """Until the end; why it came."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                nursery.start_soon(self._read, ready, nursery)
                nursery.start_soon(self._watch)
                self._output.set()
                await self._ended.wait()
                nursery.cancel_scope.cancel()
        finally:
            with trio.move_on_after(1.0, shield=True):
                self._protocol.close()
                try:
                    await self._stream.send_all(bytes(self._protocol.output))
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    pass  # that it is gone is known
        return self._reason

    def _end(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._ended.set()

    async def _write(self) -> None:
        while True:
            await self._output.wait()
            while self._protocol.output:
                data = bytes(self._protocol.output)
                self._protocol.output.clear()
                # not cancelled inside: half a stanza would poison the stream
                with trio.move_on_after(self._config.ping_timeout, shield=True) as scope:
                    try:
                        await self._stream.send_all(data)
                    except (trio.BrokenResourceError, trio.ClosedResourceError):
                        return  # the reader says why
                if scope.cancelled_caught:
                    return self._end("the server takes nothing any more")
                self._written.set()

    async def _read(self, ready: Callable[[_Line], None], nursery: trio.Nursery) -> None:
        while not self._ended.is_set():
            try:
                data = await self._stream.receive_some(_READ)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                return self._end(f"the connection broke ({error})")
            if not data:
                return self._end(self._reason or "the server hung up")
            self._heard = trio.current_time()
            for event in self._protocol.receive(data):
                self._on(event, ready, nursery)
            self._output.set()

    def _on(self, event: Event, ready: Callable[[_Line], None], nursery: trio.Nursery) -> None:
        if isinstance(event, Received):
            nursery.start_soon(self._take, event.stanza, self)
        elif isinstance(event, Ready):
            self._shaken.set()
            ready(self)
        elif isinstance(event, Ended):
            self._end(event.reason)

    async def _watch(self) -> None:
        with trio.move_on_after(self._config.ping_timeout):
            await self._shaken.wait()
        if not self._shaken.is_set():
            return self._end("the server does not let us in")
        parent = self._config.domain.partition(".")[2] or self._config.domain
        while True:
            await trio.sleep_until(self._heard + self._config.ping_interval)
            if trio.current_time() < self._heard + self._config.ping_interval:
                continue
            asked = trio.current_time()
            self.send(Element("iq", ns.CLIENT, Element("ping", ns.PING), type="get", to=parent,
                              from_=self._config.domain, id=secrets.token_hex(6)))
            await trio.sleep(self._config.ping_timeout)
            if self._heard < asked:
                return self._end("the server gives no sign of life")
