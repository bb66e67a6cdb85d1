"""The built-in links in their order, and what they stand around."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable, Sequence

from tulou_contracts.network import HttpContribution, HttpPlugin, HttpRequest, HttpResponse, HttpSignIn
from tulou_contracts.network_state import NetworkClock

from tulou_net.config import Config
from tulou_net.http.chain import compose, guarded
from tulou_net.http.exchange import Exchanger
from tulou_net.http.links.breaker import Breaker
from tulou_net.http.links.cache import Cache
from tulou_net.http.links.clock import TimeOfServers
from tulou_net.http.links.compress import Compression
from tulou_net.http.links.correlate import Correlation
from tulou_net.http.links.idempotency import IdempotencyKey
from tulou_net.http.links.metrics import Metrics
from tulou_net.http.links.rate import RateLimit
from tulou_net.http.links.redirect import Redirects
from tulou_net.http.links.retry import Retry
from tulou_net.http.links.sign_in import SignIn
from tulou_net.http.wire import Wire
from tulou_net.proxies import Proxies
from tulou_net.trust import Trust


class Stack:
    """One client's links; they remember, so there is one of each for as long as the client lives."""

    def __init__(
        self, config: Config, trust: Trust, proxies: Proxies, log: logging.Logger,
        rng: random.Random | None, clock: NetworkClock | None,
    ) -> None:
        self._log = log
        self.exchanger = Exchanger(config, trust.new_context)
        proxies.read_by(self.exchanger.read, log)
        self.wire = Wire(config, self.exchanger, proxies)
        self.metrics = Metrics()
        self.cache = Cache(config.cache_size)
        self.breaker = Breaker(config.breaker_failures, config.breaker_rest)
        self._outer: list[HttpPlugin] = [
            self.metrics, Correlation(), IdempotencyKey(), self.cache, Redirects(), Compression(),
        ]
        self._inner: list[HttpPlugin] = [
            Retry(config.retries, config.longest_retry_wait, rng), self.breaker,
            RateLimit(config.rate, config.burst),
        ]
        if clock is not None:
            self._inner.append(TimeOfServers(clock))

    def compose(
        self, contributions: Sequence[HttpContribution]
    ) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
        """The chain with what other plugins add."""
        ways = [each for each in contributions if isinstance(each, HttpSignIn)]
        links = [each for each in contributions if not isinstance(each, HttpSignIn)]
        return compose(
            [*guarded(links, self._log), *self._outer, SignIn(ways), *self._inner], self.wire.exchange
        )
