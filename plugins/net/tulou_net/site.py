"""One listening address: accepts connections, hands HTTP to Hypercorn and WebSockets to trio-websocket.

Each connection runs behind its own fence: what Hypercorn, a handler or a peer's bytes raise ends
that connection and nothing else, and a peer that stops reading cannot hold the site open.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import h11
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config as HypercornConfig
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState, LifespanState
from starlette.requests import Request as AsgiRequest

from tulou_contracts.network import (
    ConnectionLost, Guard, Request, Response, RouteHandler, SocketHandler,
)

from tulou_net import upgrade
from tulou_net.assets import Assets
from tulou_net.config import Config
from tulou_net.exchange import Refused, Work, head_of, merged, read_body, to_asgi
from tulou_net.gate import Gate
from tulou_net.place import Place, ServerContexts
from tulou_net.stream import WatchedStream, own_nursery
from tulou_net.table import Answer, Door, Entry, Table, agree
from tulou_net.websocket import Socket

_NOT_FOUND = Response(status=404, body="There is nothing here.\n")
_CLOSING = Response(status=503, body="The application is closing.\n")
_FAILED = Response(status=500, body="The application could not answer; its log says why.\n")


class RunningSite:
    """Implements the contract `Site`."""

    def __init__(
        self,
        place: Place,
        nursery: trio.Nursery,
        config: Config,
        log: logging.Logger,
        guard: Guard | None,
        headers: Mapping[str, str],
        hosts: Sequence[str],
    ) -> None:
        self.port = port = place.port
        self.url = place.url
        self._contexts = place.contexts
        self._nursery = nursery
        self._config = config
        self._log = log
        self._guard = guard
        self._headers = headers
        self._gate = Gate(port, (place.name, *hosts), place.scheme)
        self._table = Table()
        self._streams: set[WatchedStream] = set()
        self._sockets: dict[Socket, str] = {}
        self._assets: dict[str, str] = {}
        self._work = Work()
        self._closing = False
        self._hypercorn = _hypercorn_config(config, log)
        self._context = WorkerContext(None)

    # what the contract offers

    def route(
        self, method: str, path: str, handler: RouteHandler, *, origins: Sequence[str] = ()
    ) -> None:
        """As the contract says."""
        self._table.add_route(method, path, Answer(handler, tuple(origins)))

    def socket(
        self,
        path: str,
        handler: SocketHandler,
        *,
        subprotocols: Sequence[str] = (),
        origins: Sequence[str] = (),
    ) -> None:
        """As the contract says."""
        self._table.add_door(path, Door(handler, tuple(subprotocols), tuple(origins)))

    def assets(self, prefix: str, package: str, folder: str) -> None:
        """As the contract says; `prefix` may be given with or without a trailing ``/*``."""
        path = prefix.removesuffix("/*").rstrip("/") + "/*"
        self._table.add_route("GET", path, Answer(Assets(path[:-2], package, folder), ()))
        self._assets[prefix] = path

    def remove(self, path: str) -> None:
        """As the contract says; an assets prefix is removed as it was given."""
        self._table.remove(self._assets.pop(path, path))
        for socket, under in self._sockets.items():
            if under == path:
                self._nursery.start_soon(socket.close, 1001, "this is not served any more")

    # the life of a connection

    async def accept(self, tcp: trio.SocketStream) -> None:
        """Serve one connection to its end; never raises."""
        stream = WatchedStream(tcp, stall=self._config.send_stall)
        if len(self._streams) >= self._config.host_max_connections:
            self._log.warning("port %d holds %d connections; one more was turned away",
                              self.port, len(self._streams))
            stream.abort()
            return
        self._streams.add(stream)
        try:
            await self._serve(stream)
        except* Exception:
            self._log.debug("a connection to port %d ended with an error", self.port, exc_info=True)
        finally:
            self._streams.discard(stream)
            stream.abort()

    async def _secure(self, stream: WatchedStream, contexts: ServerContexts) -> bool:
        tls = trio.SSLStream(stream.tcp, contexts.current(), server_side=True, https_compatible=True)
        with trio.move_on_after(self._config.host_handshake) as scope:
            await tls.do_handshake()
        stream.secure(tls)
        return not scope.cancelled_caught

    async def _serve(self, stream: WatchedStream) -> None:
        if self._contexts is not None and not await self._secure(stream, self._contexts):
            return
        head = await upgrade.read_head(stream, self._config.host_keep_alive)
        if not head:
            return
        stream.replay(head)
        if upgrade.asks_for_websocket(head):
            await self._serve_socket(stream, head)
        else:
            await self._serve_http(stream)

    def _admit(self, request: Request, *, socket: bool) -> Entry:
        """The entry that may answer. Raises `Refused`."""
        entry = self._table.find(request.path)
        allowed: Sequence[str] = ()
        if entry is not None:
            way = entry.door if socket else entry.route(request.method)
            allowed = way.origins if way is not None else ()
        refusal = self._gate.refuse(request, socket=socket, origins=allowed)
        if refusal is None and self._guard is not None:
            refusal = self._guard(request)
        if refusal is None and self._closing:
            refusal = _CLOSING
        if refusal is None and entry is None:
            refusal = _NOT_FOUND
        if refusal is not None:
            raise Refused(refusal)
        assert entry is not None
        return entry

    # HTTP

    async def _serve_http(self, stream: WatchedStream) -> None:
        work = Work()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            with self._work:
                await self._http(work, scope, receive, send)

        async def end() -> None:  # handlers finish; sending to a peer that left may wait for ever
            await stream.ended.wait()
            await trio.sleep(self._config.host_grace)
            await work.done()
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.watch)
            nursery.start_soon(end)
            await TCPServer(
                cast(Any, ASGIWrapper(app)), self._hypercorn, self._context,
                ConnectionState(LifespanState()), cast(Any, stream),
            ).run()
            nursery.cancel_scope.cancel()

    async def _http(self, work: Work, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":  # an upgrade on a connection that was used before
            await send({"type": "websocket.close", "code": 1008})
            return
        with work:
            response = await self._answer(AsgiRequest(scope, receive))
        if response is not None:
            await self._asgi(response)(scope, receive, send)

    def _asgi(self, response: Response) -> Any:
        try:
            return to_asgi(response, self._headers)
        except (ValueError, AttributeError, TypeError):
            self._log.exception("an answer could not be sent")
            return to_asgi(_FAILED, {})

    async def _answer(self, asgi: AsgiRequest) -> Response | None:
        where = "a request"
        try:
            head = head_of(asgi)
            entry = self._admit(head, socket=False)
            where = f"{head.method} {entry.path}"
            answer = entry.route(head.method)
            if answer is None:
                return _wrong_method(entry)
            body = await read_body(
                asgi, limit=self._config.host_max_body, patience=self._config.host_body_patience
            )
            if body is None:
                return None
            request = head if not body else _with_body(head, body)
            return await answer.handler(request)
        except Refused as refusal:
            return refusal.response
        except Exception:
            self._log.exception("the handler of %s failed", where)
            return _FAILED

    # WebSockets

    async def _serve_socket(self, stream: WatchedStream, head: bytes) -> None:
        try:
            request, offered = upgrade.parse_head(head)
            entry = self._admit(request, socket=True)
            if entry.door is None:
                raise Refused(_NOT_FOUND)
        except h11.RemoteProtocolError:
            await self._refuse(stream, Response(status=400, body="This is not HTTP.\n"))
            return
        except Refused as refusal:
            await self._refuse(stream, refusal.response)
            return
        except Exception:
            self._log.exception("the guard of port %d failed", self.port)
            await self._refuse(stream, _FAILED)
            return
        await self._talk(stream, entry.path, entry.door, request, agree(offered, entry.door.subprotocols))

    async def _refuse(self, stream: WatchedStream, response: Response) -> None:
        try:
            headers = merged(response, self._headers)
        except ValueError:
            self._log.exception("an answer could not be sent")
            response, headers = _FAILED, merged(_FAILED, {})
        await upgrade.refuse(stream, response, headers)

    async def _talk(
        self, stream: WatchedStream, path: str, door: Door, request: Request, subprotocol: str | None
    ) -> None:
        async with own_nursery() as nursery:
            with trio.move_on_after(self._config.host_keep_alive) as scope:
                connection = await upgrade.accept(
                    nursery, stream, subprotocol, self._config.host_max_message
                )
            if scope.cancelled_caught:
                return
            socket = Socket(
                connection, stream, peer="the page", close_patience=self._config.close_patience
            )
            self._sockets[socket] = path
            nursery.start_soon(socket.watch)
            nursery.start_soon(socket.heartbeat, self._config.host_heartbeat)
            code = 1000
            try:
                await door.handler(socket, request)
            except ConnectionLost:
                pass  # the usual end: the page went away
            except Exception:
                code = 1011
                self._log.exception("the handler of the socket %s failed", path)
            finally:
                del self._sockets[socket]
                await socket.close(code)

    # the end

    async def finish(self) -> None:
        """Close sockets, let requests end for a moment, then close everything; bounded in time."""
        self._closing = True
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                for socket in self._sockets:
                    nursery.start_soon(socket.close, 1001, "the application is closing")
            await self._context.terminated.set()
            with trio.move_on_after(self._config.host_grace):
                await self._work.done()
        for stream in tuple(self._streams):
            stream.abort()


def _with_body(head: Request, body: bytes) -> Request:
    return Request(
        method=head.method, path=head.path, query=head.query, headers=head.headers,
        cookies=head.cookies, body=body,
    )


def _wrong_method(entry: Entry) -> Response:
    allowed = sorted(entry.routes) + (["HEAD"] if "GET" in entry.routes else [])
    if not allowed:
        return Response(status=426, body="A WebSocket is served here.\n", headers={"upgrade": "websocket"})
    return Response(
        status=405, body="This method is not answered here.\n", headers={"allow": ", ".join(allowed)}
    )


def _hypercorn_config(config: Config, log: logging.Logger) -> HypercornConfig:
    hypercorn = HypercornConfig()
    hypercorn.errorlog = logging.getLogger(f"{log.name}.http")
    hypercorn.include_server_header = False
    hypercorn.keep_alive_timeout = config.host_keep_alive
    hypercorn.keep_alive_max_requests = 1 << 31
    return hypercorn


@asynccontextmanager
async def open_site(
    listener: trio.SocketListener,
    contexts: ServerContexts | None,
    config: Config,
    log: logging.Logger,
    guard: Guard | None,
    headers: Mapping[str, str],
    hosts: Sequence[str],
) -> AsyncIterator[RunningSite]:
    """A site on `listener` for as long as the block lasts."""
    place = Place.of(listener, contexts)
    async with own_nursery() as nursery:
        site = RunningSite(place, nursery, config, log, guard, headers, hosts)
        await nursery.start(_accept_all, listener, site)
        try:
            yield site
        finally:
            await site.finish()


async def _accept_all(
    listener: trio.SocketListener,
    site: RunningSite,
    *,
    task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED,
) -> None:
    await trio.serve_listeners(site.accept, [listener], task_status=task_status)
