"""The services: `HttpClient`, `HttpStreams` and `HttpMetrics`, over one chain.

The chain is built for the first request, and what it needs imported then, off the loop.
"""

from __future__ import annotations

import importlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import trio

from tulou_contracts.network import (
    HttpContribution, HttpFigures, HttpRequest, HttpResponse, NetworkError, Unreachable,
)
from tulou_contracts.network_state import NetworkClock

from tulou_net.config import Config
from tulou_net.http.origin import where
from tulou_net.proxies import Proxies
from tulou_net.seconds import checked
from tulou_net.trust import Trust

if TYPE_CHECKING:
    from tulou_net.http.incoming import Incoming
    from tulou_net.http.stack import Stack

_NEEDED = "tulou_net.http.stack"


class RequestsClient:
    """Implements `HttpClient`, `HttpStreams` and `HttpMetrics` by `requests`, in threads.

    Nothing is remembered between requests but open connections, what servers allow to be kept, and
    how they fared: no cookies, no passwords from files.
    """

    def __init__(
        self,
        config: Config | None = None,
        trust: Trust | None = None,
        *,
        proxies: Proxies | None = None,
        log: logging.Logger | None = None,
        rng: random.Random | None = None,
        clock: NetworkClock | None = None,
    ) -> None:
        self._config = config = config or Config()
        self._trust = trust or Trust(config.ca_file)
        self._proxies = proxies or Proxies(config.proxy, config.pac)
        self._log = log or logging.getLogger(__name__)
        self._rng = rng
        self._clock = clock
        self._contributions: Sequence[HttpContribution] = ()
        self._stack: Stack | None = None
        self._chain: Callable[[HttpRequest], Awaitable[HttpResponse]] | None = None

    def contribute(self, contributions: Sequence[HttpContribution]) -> None:
        """Put what other plugins add into the chain, instead of what was there."""
        self._contributions = contributions
        if self._stack is not None:
            self._chain = self._stack.compose(contributions)

    async def _ready(self) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
        await trio.to_thread.run_sync(importlib.import_module, _NEEDED)
        if self._chain is None:  # else another request was first
            from tulou_net.http.stack import Stack

            self._stack = Stack(
                self._config, self._trust, self._proxies, self._log, self._rng, self._clock)
            self._chain = self._stack.compose(self._contributions)
        return self._chain

    async def send(self, request: HttpRequest) -> HttpResponse:
        """As the contract says."""
        with trio.move_on_after(checked(request.timeout, "a request's timeout")):
            chain = self._chain or await self._ready()
            response = await chain(request)
            if response.chunks is None:
                return response
            body = b"".join([piece async for piece in response.chunks])
            return replace(response, body=body, chunks=None)
        raise _too_slow(request)

    @asynccontextmanager
    async def open(self, request: HttpRequest) -> AsyncIterator[HttpResponse]:
        """As the contract says."""
        opened: list[Incoming] = []
        try:
            response = await self._opened(replace(request, streamed=True), opened)
            for each in opened[:-1]:  # of attempts that were repeated
                each.close()
            yield response
        finally:
            for each in opened:
                each.close()

    async def _opened(self, request: HttpRequest, opened: list[Incoming]) -> HttpResponse:
        timeout = checked(request.timeout, "a request's timeout")
        chain = self._chain or await self._ready()
        from tulou_net.http.wire import OPENED

        mark = OPENED.set(opened)
        try:
            with trio.move_on_after(timeout):
                response = await chain(request)
                return response if response.chunks is not None else replace(
                    response, body=b"", chunks=_one(response.body)
                )
        finally:
            OPENED.reset(mark)
        raise _too_slow(request)

    def figures(self) -> Mapping[str, HttpFigures]:
        """As the contract says."""
        return {} if self._stack is None else self._stack.metrics.figures()

    def abandoned(self) -> int:
        """As the contract says."""
        return 0 if self._stack is None else self._stack.wire.abandoned()

    def forget(self) -> None:
        """Forget what belongs to an account or takes memory."""
        if self._stack is not None:
            self._stack.cache.clear()

    def ask_again(self) -> None:
        """Ask hosts again that failed: the network is another one."""
        if self._stack is not None:
            self._stack.breaker.reset()

    def close(self) -> None:
        """Close idle connections."""
        if self._stack is not None:
            self._stack.exchanger.close()


def _too_slow(request: HttpRequest) -> NetworkError:
    return Unreachable(
        f"{request.method} {where(request.url)}: no whole answer within {request.timeout:g} seconds"
    )


async def _one(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body
