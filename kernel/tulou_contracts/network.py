"""Network: WebSocket and HTTP clients, and a host for serving pages on loopback.

Implemented by the plugin `net`; nobody else imports an HTTP or WebSocket library.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from tulou import Kind, hook
from tulou.errors import TulouError


class NetworkError(TulouError):
    """The network did not do what was asked; the text says what, with whom, and why."""


class Unreachable(NetworkError):
    """No connection: refused, no such host, timed out."""


class CertificateRefused(NetworkError):
    """The server's certificate is not one we trust; the text says why."""


class ConnectionLost(NetworkError):
    """A connection that was open is not any more; `code` is the WebSocket close code, if any."""

    def __init__(self, message: str, code: int | None = None) -> None:
        self.code = code
        super().__init__(message)


class PortTaken(NetworkError):
    """Another program listens on the port; the text names it."""


class CircuitOpen(Unreachable):
    """The host failed so often of late that it is left alone for a moment; nothing was sent."""


class SignInFailed(NetworkError):
    """No token could be had for a request that needs one."""


@dataclass(frozen=True, slots=True)
class HttpProgress:
    """How far a transfer is, in bytes; a total is None as long as nobody knows it."""

    sent: int
    to_send: int | None
    received: int
    to_receive: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One HTTP request. Times are in seconds, sizes in bytes.

    GET and HEAD follow redirects, other methods give them back. Repeated (a retry, after a sign-in)
    is only what may be: an idempotent method (RFC 9110, section 9.2.2) or one with a key.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout: float = 30.0
    """In total, repetitions and waiting for one's turn included; of a streamed response, until its
    head is there."""
    connect_timeout: float | None = None
    """For each connection: name, TCP and TLS; None: what the network's settings say."""
    read_timeout: float | None = None
    """The longest silence of the server; None: what the network's settings say."""
    content: Callable[[], AsyncIterable[bytes]] | None = None
    """Gives the body in pieces instead of `body`; called anew for each attempt."""
    content_length: int | None = None
    """The sum of the pieces; None: they are sent in chunks."""
    compress: bool = False
    """Send the body gzipped, where that makes it smaller; only for servers known to take it."""
    idempotency_key: str = ""
    """Sent as Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the server does what was
    asked once, however often it arrives. Keep the key with what is sent: it must outlive a restart."""
    cache: bool = True
    """Whether a kept response may answer, within what its headers allow (RFC 9111)."""
    max_response: int | None = None
    """The largest body taken, after decompression; None: what the network's settings say."""
    progress: Callable[[HttpProgress], None] | None = None
    """Called as bytes go and come."""
    streamed: bool = False
    """Set by `HttpStreams.open`: the response will have `chunks`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """One HTTP response. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunks: AsyncIterator[bytes] | None = None
    """The body of a streamed response, piece by piece as it arrives; `body` is empty then."""


class HttpClient(Protocol):
    """HTTP requests."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send and await the whole response; any status is a response, not an error.

        Raises `Unreachable` (`CircuitOpen`), `CertificateRefused`, `ConnectionLost`, `SignInFailed`,
        `NetworkError`.
        """


class HttpStreams(Protocol):
    """HTTP requests whose responses are too large to be held in memory."""

    def open(self, request: HttpRequest) -> AbstractAsyncContextManager[HttpResponse]:
        """Send; within the block the response's `chunks` can be iterated, once.

        No more is read from the server than is asked for. What is not read by the block's end is
        given up. Iterating raises `ConnectionLost` (broke off, or slower than net's `slowest`) and
        `NetworkError` (larger than `max_response`, which has no limit here unless given).
        Raises as `HttpClient.send`.
        """


@dataclass(frozen=True, slots=True)
class HttpFigures:
    """What was counted about one host since the start."""

    requests: int = 0
    statuses: Mapping[int, int] = field(default_factory=dict)
    """Class of status (2: 200 to 299) -> responses."""
    failures: Mapping[str, int] = field(default_factory=dict)
    """Name of the error -> requests that ended with it."""
    received: int = 0
    """Bytes of bodies, after decompression; streamed ones are not counted."""
    seconds: float = 0.0
    """All requests' times added up."""
    slowest: float = 0.0
    """The longest, in seconds."""


class HttpMetrics(Protocol):
    """What the HTTP client did; for a page, a log or a report."""

    def figures(self) -> Mapping[str, HttpFigures]:
        """By origin (``https://host:port``); "" stands for all beyond the first 256 origins."""

    def abandoned(self) -> int:
        """Threads given up on while they look up a name that no resolver answers; they end when it
        does."""


class HttpPlugin(Protocol):
    """One link of the chain that every request passes, around the rest of it.

    ``answer = await proceed(request)`` runs the rest: once, never (answer from elsewhere), or again
    (retry). It must let cancellation through. The client closes what a link leaves open.
    """

    name: str

    async def exchange(self, request: HttpRequest, proceed: Proceed) -> HttpResponse:
        """Answer the request, as a rule by what `proceed` answers."""


Proceed = Callable[[HttpRequest], Awaitable[HttpResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSignIn:
    """Puts a bearer token (RFC 6750) on every request to `origin`; after a 401 asks for another one,
    once for all who wait, and replays the request once."""

    origin: str
    """``https://host:port``, without a path."""
    token: Callable[[str | None], Awaitable[str]]
    """Called with None for the token to use, with a refused token for a fresh one."""


HttpContribution = HttpPlugin | HttpSignIn


@hook(Kind.COLLECT)
def contribute_http() -> Sequence[HttpContribution]:
    """What this plugin adds to the chain of every HTTP request; asked again when a plugin comes or goes.

    Contributed links stand outside the built-in ones, in the hook's order: the first is outermost.
    """
    return ()


class WebSocket(Protocol):
    """One open WebSocket, client or server side. Safe for one reader and many writers."""

    subprotocol: str | None

    async def send(self, message: str | bytes) -> None:
        """Send one message; returns when it was handed to the system. Raises `ConnectionLost`."""

    async def receive(self) -> str | bytes:
        """The next message. Raises `ConnectionLost` (code 1000 or 1001 when closed in order)."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in order; harmless on a closed one."""


class WebSocketConnector(Protocol):
    """Opens client WebSockets."""

    def connect(
        self,
        url: str,
        *,
        subprotocols: Sequence[str] = (),
        timeout: float = 15.0,
        heartbeat: float = 25.0,
        max_message: int = 1 << 20,
    ) -> AbstractAsyncContextManager[WebSocket]:
        """Connect to a ``ws://`` or ``wss://`` address within `timeout` seconds.

        A ping goes out every `heartbeat` seconds (0: never); one that is not answered in time makes
        `receive` raise `ConnectionLost`.

        Raises `Unreachable`, `CertificateRefused`, `NetworkError`.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that our own host received. Header names are lower-case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What our host answers."""

    status: int = 200
    body: bytes | str = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


RouteHandler = Callable[[Request], Awaitable[Response]]
SocketHandler = Callable[[WebSocket, Request], Awaitable[None]]
Guard = Callable[[Request], Response | None]
"""Looks at a request before any handler and before its body is read (`body` is empty); a response
refuses it (also a socket's upgrade)."""


class Site(Protocol):
    """One listening address of the host. Paths may be added while it runs."""

    url: str
    """``http://127.0.0.1:PORT`` (or ``https://ADDRESS:PORT``), without a slash at the end."""
    port: int

    def route(
        self, method: str, path: str, handler: RouteHandler, *, origins: Sequence[str] = ()
    ) -> None:
        """Answer `method` on `path`; a path ending in ``/*`` takes everything below it.

        The exact path wins, then the longest prefix. A GET route answers HEAD too. `origins` are
        Origin values allowed besides the site's own ("null" is a sandboxed frame); such a route must
        know its caller by other means, e.g. an unguessable path.

        Raises `ValueError` for a path without a leading slash or one that is taken.
        """

    def socket(
        self,
        path: str,
        handler: SocketHandler,
        *,
        subprotocols: Sequence[str] = (),
        origins: Sequence[str] = (),
    ) -> None:
        """Accept WebSockets on `path`; the socket closes when `handler` returns.

        Of `subprotocols` the first that the client offers too is agreed. A handler learns that its
        peer has gone when it receives or sends. `origins` and errors as in `route`.
        """

    def assets(self, prefix: str, package: str, folder: str) -> None:
        """Serve the files in `folder` of an installed Python package below `prefix`.

        With ETag and correct content types; never a file outside the folder.
        """

    def remove(self, path: str) -> None:
        """Take a route, socket or assets prefix away; open sockets of it are closed.

        Harmless when there is none.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsIdentity:
    """What a server shows its clients (RFC 8446, section 4.4.2): PEM files, read again when they change."""

    chain: str
    """Path of the certificate, followed by its intermediate ones."""
    key: str
    """Path of its private key, not encrypted."""


class HttpHost(Protocol):
    """Serves HTTP and WebSockets, as a rule on loopback.

    Every site refuses requests whose Host is not its own (421, against DNS rebinding) and
    WebSockets and state-changing requests whose Origin is foreign (403). An Origin is the site's own
    when it names the same host and port as the request's Host. A state-changing request must carry
    one (or a browser's ``Sec-Fetch-Site: same-origin``); a WebSocket without one is taken to come
    from a program that is no browser, unless Sec-Fetch-Site says otherwise.
    """

    def serve(
        self,
        *,
        port: int = 0,
        guard: Guard | None = None,
        headers: Mapping[str, str] | None = None,
        hosts: Sequence[str] = (),
        address: str = "127.0.0.1",
        tls: TlsIdentity | None = None,
    ) -> AbstractAsyncContextManager[Site]:
        """Listen on `address`:`port` (port 0: any free one) for as long as the block lasts.

        `headers` go out with every response; a response's own header of the same name wins. `hosts`
        are names that the site answers to besides 127.0.0.1 and localhost; ``*.localhost`` stands for
        every name below it. On leaving, sockets are closed first, then the listener.

        `address` is an IP address of this machine (``0.0.0.0`` or ``::``: all of them); the site
        answers to it, but what else people call the machine must be in `hosts`. With `tls` the site
        speaks HTTPS and WSS only, TLS 1.2 or later.

        Raises `PortTaken`, `NetworkError` (not an address of this machine, PEM files that are none).
        """
