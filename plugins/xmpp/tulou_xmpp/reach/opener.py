"""Opens the channel to a server: by the way that was given, or by whichever that is found works."""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import trio

from tulou_contracts.network import HttpClient, NetworkError, Unreachable, WebSocketConnector
from tulou_contracts.tcp import Resolver, TcpConnection, TcpConnector, Tls

from tulou_xmpp.config import Config
from tulou_xmpp.reach.channel import Channel, TcpChannel, WebSocketChannel
from tulou_xmpp.reach.discovery import Discovery
from tulou_xmpp.reach.endpoint import Endpoint, Way, parse_endpoint
from tulou_xmpp.reach.starttls import Stage, StartTls

SUBPROTOCOL = "xmpp"    # RFC 7395, section 3.1
ALPN = "xmpp-client"    # XEP-0368
MOST = 12
"""Ways that one attempt tries; a hostile answer could list any number."""


def nothing() -> None:
    """A service that is not there."""


class Opener:
    """Reaches servers. Services are asked for each time, for they may come and go."""

    def __init__(
        self, websockets: WebSocketConnector, config: Config, *,
        tcp: Callable[[], TcpConnector | None] = nothing,
        resolver: Callable[[], Resolver | None] = nothing,
        http: Callable[[], HttpClient | None] = nothing,
        rng: random.Random | None = None,
        log: logging.Logger | None = None,
    ) -> None:
        self._log = log or logging.getLogger("tulou.xmpp")
        self._websockets = websockets
        self._config = config
        self._tcp = tcp
        self._discovery = Discovery(resolver, http, rng or random.Random())
        self._worked: dict[str, Endpoint] = {}
        self._doubtful: set[Endpoint] = set()

    def worked(self, domain: str, way: Endpoint) -> None:
        """A session came about on this way: begin with it next time."""
        self._worked[domain] = way
        self._doubtful.discard(way)

    def failed(self, domain: str, way: Endpoint) -> None:
        """A channel opened and no session came of it: try the other ways first next time."""
        self._doubtful.add(way)
        if self._worked.get(domain) == way:
            del self._worked[domain]

    @asynccontextmanager
    async def open(self, domain: str, endpoint: str, heartbeat: float = 0.0) -> AsyncIterator[Channel]:
        """A channel to the server of `domain`: at `endpoint`, or where it is found if that is empty.

        Raises `NetworkError`.
        """
        async with AsyncExitStack() as stack:
            if endpoint:
                channel = await self._enter(stack, domain, _parsed(endpoint), heartbeat, chosen=True)
            else:
                channel = await self._first(stack, domain, heartbeat)
            yield channel

    async def _enter(
        self, stack: AsyncExitStack, domain: str, endpoint: Endpoint, heartbeat: float, *,
        chosen: bool = False,
    ) -> Channel:
        if endpoint.way is Way.WEBSOCKET:
            channel: Channel = await stack.enter_async_context(self._websocket(endpoint, heartbeat))
        else:
            # what the name system says is never reason enough to speak in clear
            clear = chosen and endpoint.local and self._config.allow_cleartext
            channel = await stack.enter_async_context(self._stream(domain, endpoint, clear))
        return channel

    # ---- finding ----

    async def _first(self, stack: AsyncExitStack, domain: str, heartbeat: float) -> Channel:
        said: list[str] = []
        tried = 0
        async with aclosing(self._in_order(domain, said)) as ways:
            async for endpoint in ways:
                if tried == MOST:
                    break
                tried += 1
                try:
                    channel = await self._enter(stack, domain, endpoint, heartbeat)
                except NetworkError as error:
                    said.append(f"{endpoint}: {error}")
                    continue
                self._log.info(
                    "reached the server of %s by %s%s", domain, endpoint,
                    "; what failed before: " + "; ".join(said) if said else "")
                return channel
        if not said:
            said.append("nothing says where it is")
        raise Unreachable(f"the server of {domain} is not found: " + "; ".join(said))

    async def _in_order(self, domain: str, said: list[str]) -> AsyncGenerator[Endpoint, None]:
        """What worked last, then what is found, and at last what connected and came to nothing."""
        given: set[Endpoint] = set()
        doubtful: list[Endpoint] = []
        last = self._worked.get(domain)
        if last is not None:
            given.add(last)
            yield last
        async with aclosing(self._discovery.candidates(domain, said)) as found:
            async for endpoint in found:
                if endpoint in given or endpoint.is_stream and self._tcp() is None:
                    continue
                given.add(endpoint)
                if endpoint in self._doubtful:
                    doubtful.append(endpoint)
                else:
                    yield endpoint
        for endpoint in doubtful:
            yield endpoint

    # ---- the ways ----

    @asynccontextmanager
    async def _websocket(self, endpoint: Endpoint, heartbeat: float) -> AsyncIterator[Channel]:
        async with self._websockets.connect(
            endpoint.url, subprotocols=(SUBPROTOCOL,), timeout=self._config.connect_timeout,
            heartbeat=heartbeat,
        ) as socket:
            if socket.subprotocol != SUBPROTOCOL:
                raise NetworkError(f"{endpoint} is a WebSocket, but not one for XMPP")
            yield WebSocketChannel(socket, endpoint)

    @asynccontextmanager
    async def _stream(self, domain: str, endpoint: Endpoint, clear: bool) -> AsyncIterator[Channel]:
        connector, timeout = self._tcp(), self._config.connect_timeout
        if connector is None:
            raise NetworkError(f"{endpoint} takes TCP, and nothing here provides it")
        # whom the certificate must name is the domain, whatever the name system says (RFC 6120, 13.7)
        tls = Tls(name=domain, alpn=(ALPN,)) if endpoint.way is Way.DIRECT_TLS else None
        async with connector.connect(endpoint.host, endpoint.port, tls=tls, timeout=timeout) as connection:
            if tls is None and not clear:
                with trio.move_on_after(timeout) as scope:
                    await _start_tls(connection, domain)
                if scope.cancelled_caught:
                    raise Unreachable(
                        f"no answer from {connection.peer} within {timeout:g} seconds, while agreeing on TLS"
                    )
            yield TcpChannel(connection, endpoint, domain)


async def _start_tls(connection: TcpConnection, domain: str) -> None:
    agreement = StartTls(domain, connection.peer)
    await connection.send(agreement.begin())
    while agreement.stage is not Stage.AGREED:
        answer = agreement.receive(await connection.receive())
        if answer:
            await connection.send(answer)
    await connection.start_tls(Tls(name=domain))


def _parsed(endpoint: str) -> Endpoint:
    try:
        return parse_endpoint(endpoint)
    except ValueError as error:
        raise NetworkError(str(error)) from error
