"""The innermost of the chain: a thread for an exchange, and an end to it when nobody waits any more."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import trio

from tulou_contracts.network import HttpProgress, HttpRequest, HttpResponse

from tulou_net.config import Config
from tulou_net.http.call import Call
from tulou_net.http.decoding import PIECE
from tulou_net.http.exchange import Exchanger, Head
from tulou_net.http.incoming import Incoming
from tulou_net.http.origin import origin_of
from tulou_net.http.resolve import Resolver
from tulou_net.http.slots import Slots
from tulou_net.http.upload import Upload
from tulou_net.http.words import ProxyUnreachable
from tulou_net.pins import Pins
from tulou_net.stream import own_nursery

T = TypeVar("T")

OPENED: ContextVar[list[Incoming] | None] = ContextVar("tulou_net_opened", default=None)
"""The streamed responses of the request under way: who opened it closes them."""


class Proxies(Protocol):
    """Which way a request goes."""

    def known(self, url: str) -> str | None:
        """The proxy's address, "" for none, None if it has to be asked for."""

    async def find(self, url: str) -> str:
        """Ask. Raises `NetworkError`."""

    def failed(self, url: str, proxy: str) -> None:
        """The proxy does not answer: go another way, where there is one."""


class Wire:
    """One exchange for each call of `exchange`."""

    def __init__(self, config: Config, exchanger: Exchanger, proxies: Proxies) -> None:
        self._config = config
        self._exchanger = exchanger
        self._proxies = proxies
        self._slots = Slots(config.requests, config.requests_per_host)
        self._resolver = Resolver(config.stuck_lookups)
        self._pins = Pins(config.pins)
        self._limiter: trio.CapacityLimiter | None = None

    def abandoned(self) -> int:
        """Threads left behind in name resolution."""
        return self._resolver.left

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        """Answer by asking the server. Raises `NetworkError`."""
        proxy = self._proxies.known(request.url)
        if proxy is None:
            proxy = await self._proxies.find(request.url)
        try:
            return await self._ask(request, proxy)
        except ProxyUnreachable:
            self._proxies.failed(request.url, proxy)
            raise

    async def _ask(self, request: HttpRequest, proxy: str) -> HttpResponse:
        host = origin_of(request.url)
        if request.streamed or request.progress or request.content:
            return await self._piecewise(host, request, proxy)
        slots = self._slots
        if not slots.try_take(host):
            await slots.take(host)
        call = Call(self._resolver, self._pins)
        kept = True
        try:
            return await self._in_thread(self._exchanger.whole, call, request, proxy, None)
        except trio.Cancelled:
            kept = self._abandon(call, host)
            raise
        finally:
            if kept:
                slots.give_back(host)

    async def _in_thread(self, function: Callable[..., T], call: Call, *args: Any) -> T:
        if self._limiter is None:  # the slots are the limit
            self._limiter = trio.CapacityLimiter(math.inf)
        return await trio.to_thread.run_sync(
            function, call, *args, abandon_on_cancel=True, limiter=self._limiter
        )

    def _abandon(self, call: Call, host: str, last: Callable[[], None] | None = None) -> bool:
        """End the call's thread; whether its slot is still ours to give back."""
        token = trio.lowlevel.current_trio_token()

        def after() -> None:  # in the thread
            if last is not None:
                last()
            if call.left_behind:
                self._resolver.came_back()
                return
            try:
                token.run_sync_soon(self._slots.give_back, host)
            except trio.RunFinishedError:
                pass  # there is nobody left to have the slot

        if not call.cut(after):
            if last is not None:
                last()
            return True
        if call.left_behind:
            self._resolver.leave()
            return True
        return False

    # in pieces

    async def _piecewise(self, host: str, request: HttpRequest, proxy: str) -> HttpResponse:
        meter = _Meter(request)
        threads = Threads(self, host)
        head = await self._head(threads, request, proxy, meter)
        threads.close = head.body.close

        async def read() -> bytes:
            return await threads.run(self._exchanger.piece, request, head)

        incoming = Incoming(head, request, self._config.slowest, read, threads.end, meter.receive)
        opened = OPENED.get()
        if request.streamed and opened is not None:
            opened.append(incoming)
            return replace(head.response, chunks=incoming)
        body = bytearray()
        try:
            async for piece in incoming:
                body += piece
        finally:
            incoming.close()
        return replace(head.response, body=bytes(body))

    async def _head(self, threads: Threads, request: HttpRequest, proxy: str, meter: _Meter) -> Head:
        if meter.content is None:
            return await threads.run(self._exchanger.head, request, proxy, None)
        upload = Upload(meter.content, meter.send)
        try:
            async with own_nursery() as nursery:
                nursery.start_soon(upload.pump)
                return await threads.run(self._exchanger.head, meter.request, proxy, upload)
        except Exception:
            if upload.error is not None:
                raise upload.error from None
            raise


class Threads:
    """The threads of one exchange, one after the other; between its pieces it holds nobody's place."""

    def __init__(self, wire: Wire, host: str) -> None:
        self._wire = wire
        self._host = host
        self.close: Callable[[], None] | None = None
        """Ends the response; not to be called while a thread reads it."""

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """`function` in a thread; when it fails, this was the last one."""
        wire, kept = self._wire, True
        await wire._slots.take(self._host)
        call = Call(wire._resolver, wire._pins)
        try:
            return await wire._in_thread(function, call, *args)
        except trio.Cancelled:
            close, self.close = self.close, None
            kept = wire._abandon(call, self._host, close)
            raise
        except BaseException:
            self.end()
            raise
        finally:
            if kept:
                wire._slots.give_back(self._host)

    def end(self) -> None:
        """Close; harmless when that was done."""
        close, self.close = self.close, None
        if close is not None:
            close()


class _Meter:
    """Counts for a request's `progress`, and cuts a whole body into pieces so that there is some."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.content = request.content
        self._sent = self._received = 0
        self._to_send = request.content_length if request.content else len(request.body)
        self._to_receive: int | None = None
        if request.progress and request.body and request.content is None:
            self.content = lambda: _pieces(request.body)
            self.request = replace(request, content_length=len(request.body))

    def send(self, size: int) -> None:
        """So many bytes more went out."""
        self._sent += size
        self._tell()

    def receive(self, size: int, total: int | None) -> None:
        """So many bytes more came in, of `total`."""
        self._received += size
        self._to_receive = total
        self._tell()

    def _tell(self) -> None:
        if self.request.progress is not None:
            self.request.progress(
                HttpProgress(self._sent, self._to_send, self._received, self._to_receive)
            )


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), PIECE):
        yield body[start:start + PIECE]
