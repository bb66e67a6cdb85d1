"""The services: `HttpClient`, `HttpStreams` and `HttpMetrics`, over one chain."""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import trio

from tulou_contracts.network import (
    HttpContribution, HttpFigures, HttpPlugin, HttpRequest, HttpResponse, HttpSignIn, NetworkError,
    Unreachable,
)

from tulou_net.config import Config
from tulou_net.http.chain import compose, guarded
from tulou_net.http.exchange import Exchanger
from tulou_net.http.incoming import Incoming
from tulou_net.http.links.breaker import Breaker
from tulou_net.http.links.cache import Cache
from tulou_net.http.links.compress import Compression
from tulou_net.http.links.correlate import Correlation
from tulou_net.http.links.idempotency import IdempotencyKey
from tulou_net.http.links.metrics import Metrics
from tulou_net.http.links.rate import RateLimit
from tulou_net.http.links.redirect import Redirects
from tulou_net.http.links.retry import Retry
from tulou_net.http.links.sign_in import SignIn
from tulou_net.http.origin import where
from tulou_net.http.wire import OPENED, Wire
from tulou_net.proxies import Proxies
from tulou_net.trust import Trust


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
    ) -> None:
        self._config = config = config or Config()
        trust = trust or Trust(config.ca_file)
        self._log = log or logging.getLogger(__name__)
        self._exchanger = Exchanger(config, trust.new_context)
        proxies = proxies or Proxies(config.proxy, config.pac)
        proxies.read_by(self._exchanger.read, self._log)
        self._wire = Wire(config, self._exchanger, proxies)
        self._metrics = Metrics()
        self._cache = Cache(config.cache_size)
        self._breaker = Breaker(config.breaker_failures, config.breaker_rest)
        self._outer: list[HttpPlugin] = [
            self._metrics, Correlation(), IdempotencyKey(), self._cache, Redirects(), Compression(),
        ]
        self._inner: list[HttpPlugin] = [
            Retry(config.retries, config.longest_retry_wait, rng), self._breaker,
            RateLimit(config.rate, config.burst),
        ]
        self.contribute(())

    def contribute(self, contributions: Sequence[HttpContribution]) -> None:
        """Put what other plugins add into the chain, instead of what was there."""
        ways = [each for each in contributions if isinstance(each, HttpSignIn)]
        links = [each for each in contributions if not isinstance(each, HttpSignIn)]
        self._chain = compose(
            [*guarded(links, self._log), *self._outer, SignIn(ways), *self._inner], self._wire.exchange
        )

    async def send(self, request: HttpRequest) -> HttpResponse:
        """As the contract says."""
        with trio.move_on_after(request.timeout):
            response = await self._chain(request)
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
        mark = OPENED.set(opened)
        try:
            with trio.move_on_after(request.timeout):
                response = await self._chain(request)
                return response if response.chunks is not None else replace(
                    response, body=b"", chunks=_one(response.body)
                )
        finally:
            OPENED.reset(mark)
        raise _too_slow(request)

    def figures(self) -> Mapping[str, HttpFigures]:
        """As the contract says."""
        return self._metrics.figures()

    def abandoned(self) -> int:
        """As the contract says."""
        return self._wire.abandoned()

    def forget(self) -> None:
        """Forget what belongs to an account or takes memory."""
        self._cache.clear()

    def ask_again(self) -> None:
        """Ask hosts again that failed: the network is another one."""
        self._breaker.reset()

    def close(self) -> None:
        """Close idle connections."""
        self._exchanger.close()


def _too_slow(request: HttpRequest) -> NetworkError:
    return Unreachable(
        f"{request.method} {where(request.url)}: no whole answer within {request.timeout:g} seconds"
    )


async def _one(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body
