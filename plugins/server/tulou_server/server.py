"""The server as a whole: a domain behind a listening port. Several fit into one process."""

from __future__ import annotations

import errno
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from ssl import SSLContext
from typing import Any

import trio
from trio_websocket import ConnectionClosed, HandshakeError
from trio_websocket import wrap_server_stream
from wsproto.utilities import LocalProtocolError

from tulou_contracts.network import NetworkError, PortTaken
from tulou_contracts.storage import Storage
from tulou_contracts.transport import Signal
from tulou_server.accounts import Accounts
from tulou_server.config import Config
from tulou_server.connection import Connection, Patience
from tulou_server.domain import Domain
from tulou_server.handlers.vcard import named
from tulou_server.schema import MIGRATIONS, NAMESPACE
from tulou_server.stream import Rules
from tulou_server.tcp import StreamSocket, secured
from tulou_server.tcp import listen as tcp_door
from tulou_xmpp.wire import JID
from tulou_xmpp.wire.errors import BadJID
from tulou_xmpp.wire.signals import notice

PATH = "/xmpp-websocket"
SUBPROTOCOL = "xmpp"
_READ_SIZE = 65_536
_FRAME_LIMIT = 16
"""Frames up to this many stanza limits get a stream error; a larger one only a closing code 1009."""
_BROKEN_OFF = (
    ConnectionClosed, HandshakeError, trio.BrokenResourceError, trio.ClosedResourceError,
    LocalProtocolError,  # trio-websocket answers a ping after we said goodbye
)
_FAREWELL = 1.0
"""Seconds that clients have to hear that the server stops."""


class Server:
    """Implements `ChatServer`."""

    def __init__(self, domain: Domain, endpoint: str, tcp_port: int = 0) -> None:
        self.endpoint = endpoint
        self.tcp_port = tcp_port
        """Where it takes XMPP over TCP; 0: nowhere."""
        self.domain = domain.name
        self.signals = Signals(domain)
        self._domain = domain

    async def create_account(self, name: str, password: str, display_name: str = "") -> None:
        """Make an account. Raises `AccountTaken`; `AddressInvalid` for a name that cannot be one."""
        vcard = named(display_name) if display_name else ""
        await self._domain.accounts.create(name, password, vcard)

    async def befriend(self, one: str, other: str) -> None:
        """Put two accounts on each other's contact list. Raises `AddressInvalid`."""
        await self._domain.befriend(one, other)


class Signals:
    """Implements `SignalHost` on the server's own connections."""

    address = ""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self.answer = domain.desk.answer

    async def notify(self, account: str, name: str, content: Signal) -> None:
        """Send a notice to every device of an account; empty: of every account."""
        directory = self._domain.directory
        sessions = directory.sessions(_local(account, self._domain.name)) if account else [*directory]
        for session in sessions:
            session.send(notice(session.address, name, content, self._domain.name))
        await trio.lowlevel.checkpoint()


def _local(account: str, domain: str) -> str:
    try:
        jid = JID.parse(account)
    except BadJID:
        return ""
    return jid.local if jid.domain == domain else ""


@dataclass(frozen=True, slots=True)
class Door:
    """Where clients come in, and the address that leads there."""

    listeners: list[trio.abc.Listener[Any]]
    """They give byte streams, whatever carries them."""
    endpoint: str


Listen = Callable[[Config], Awaitable[Door]]


async def listen_tcp(config: Config) -> Door:
    """The configured port. Raises `PortTaken` or another `NetworkError`."""
    listeners = await _listen(config)
    return Door([*listeners], _endpoint(config, listeners))


@asynccontextmanager
async def serve(
    config: Config, storage: Storage, now: Callable[[], int], log: logging.Logger,
    listen: Listen = listen_tcp,
) -> AsyncIterator[Server]:
    """Listen for as long as the block lasts.

    Raises `PortTaken` or another `NetworkError`, and what opening the storage raises.
    """
    rules = Rules(JID.parse(config.domain).bare, config.registration, config.stanza_limit)
    database = await storage.database(NAMESPACE, MIGRATIONS)
    accounts = Accounts(database, rules.domain, config.scram_iterations, threads=config.threads)
    await accounts.open()
    door = await listen(config)
    tcp = await tcp_door(config) if config.tcp else None
    mailing = trio.CancelScope(shield=True)
    async with trio.open_nursery() as outer:
        try:
            async with trio.open_nursery() as clients:
                domain = Domain(
                    rules, database, accounts, hibernation=config.hibernation,
                    queue_limit=config.queue_limit, now=now, spawn=clients.start_soon, log=log,
                )
                outer.start_soon(_carry_mail, domain, mailing)
                host = Host(config, domain, log)
                clients.start_soon(trio.serve_listeners, host.serve, door.listeners)
                tcp_port = 0
                if tcp is not None:
                    tcp_port = tcp.listeners[0].socket.getsockname()[1]
                    clients.start_soon(
                        trio.serve_listeners, partial(host.serve_stream, tls=tcp.tls), tcp.listeners)
                yield Server(domain, door.endpoint, tcp_port)
                await host.say_goodbye()
                clients.cancel_scope.cancel()
        finally:
            # last, and shielded till then: clients' messages on their way are still being stored
            mailing.cancel()


async def _carry_mail(domain: Domain, scope: trio.CancelScope) -> None:
    mailroom = domain.courier.mailroom
    with scope:
        await mailroom.run()
    with trio.CancelScope(shield=True):
        await mailroom.flush()


async def _listen(config: Config) -> list[trio.SocketListener]:
    try:
        return await trio.open_tcp_listeners(config.port, host=config.host)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise NetworkError(
                f"cannot listen on port {config.port} of {config.host!r} ({error}): set another `host` or"
                " `port` under [plugins.server.config]"
            ) from error
        raise PortTaken(
            f"another program listens on port {config.port} of {config.host} already: stop it, or set"
            " another `port` under [plugins.server.config] (0 takes any free one)"
        ) from error


def _endpoint(config: Config, listeners: list[trio.SocketListener]) -> str:
    port = listeners[0].socket.getsockname()[1]
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"ws://{host}:{port}{PATH}"


_Open = Callable[[trio.Nursery, trio.abc.Stream], Awaitable[Connection | None]]


class Host:
    """Turns connected streams into connections."""

    def __init__(self, config: Config, domain: Domain, log: logging.Logger) -> None:
        self._config = config
        self._domain = domain
        self._log = log
        self._patience = Patience(config.login_timeout, config.ping_interval, config.ping_timeout)
        self._connections: dict[Connection, None] = {}  # a set with an order: runs can be repeated

    async def serve(self, stream: trio.abc.Stream) -> None:
        """One client by WebSocket, from its request to its end."""
        await self._serve(stream, self._open)

    async def serve_stream(self, stream: trio.abc.Stream, tls: SSLContext | None) -> None:
        """One client by TCP."""
        async def open_stream(nursery: trio.Nursery, bare: trio.abc.Stream) -> Connection | None:
            safe = bare if tls is None else await secured(bare, tls, self._domain.name)
            if safe is None:
                return None
            socket = StreamSocket(safe, self._config.stanza_limit * _FRAME_LIMIT)
            return Connection(self._domain, socket, self._patience, self._log)

        await self._serve(stream, open_stream)

    async def _serve(self, stream: trio.abc.Stream, open_in: _Open) -> None:
        """What goes wrong with a client stays with it."""
        try:
            async with stream, trio.open_nursery() as nursery:
                with trio.move_on_after(self._config.login_timeout) as opening:
                    connection = await open_in(nursery, stream)
                if not opening.cancelled_caught and connection is not None:
                    await self._run(connection)
                nursery.cancel_scope.cancel()
        except* _BROKEN_OFF:
            self._log.debug("a client broke off")
        except* Exception:
            self._log.exception("serving a client failed")

    async def _open(self, nursery: trio.Nursery, stream: trio.abc.Stream) -> Connection | None:
        limit = self._config.stanza_limit * _FRAME_LIMIT
        request = await wrap_server_stream(
            nursery, stream, message_queue_size=1, max_message_size=limit, receive_buffer_size=_READ_SIZE
        )
        if request.path.partition("?")[0] != PATH:
            await request.reject(404, body=f"XMPP is spoken at {PATH}\n".encode())
            return None
        if SUBPROTOCOL not in request.proposed_subprotocols:
            await request.reject(400, body=b"The WebSocket subprotocol has to be xmpp (RFC 7395)\n")
            return None
        websocket = await request.accept(subprotocol=SUBPROTOCOL)
        return Connection(self._domain, websocket, self._patience, self._log)

    async def _run(self, connection: Connection) -> None:
        self._connections[connection] = None
        try:
            await connection.run()
        finally:
            self._connections.pop(connection, None)

    async def say_goodbye(self) -> None:
        """Tell everybody that the server stops, and wait a moment for it to be heard."""
        connections = list(self._connections)
        with trio.move_on_after(_FAREWELL):
            for connection in connections:
                connection.end_stream("system-shutdown", "the server stops")
            for connection in connections:
                await connection.finished.wait()
