"""Repeats what failed in passing: seldom, later and later, and never more than a budget allows."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import trio

from tulou.flow import backoff
from tulou_contracts.network import HttpRequest, HttpResponse, NetworkError, Proceed

from tulou_net.http.links.buckets import Bucket
from tulou_net.http.links.per_origin import PerOrigin
from tulou_net.http.links.retry_rules import is_passing, may_repeat, retry_after
from tulou_net.http.origin import origin_of

_BUDGET = 10.0
_EARNED = 0.1  # a request earns a tenth of a repetition (gRPC A6, "retry throttling")
_BASE, _CAP = 0.2, 10.0  # seconds


class Retry:
    """At most `most` repetitions a request. A host that fails everybody gets at most a tenth more
    requests than it would without repetitions: that is its budget."""

    name = "retry"

    def __init__(
        self,
        most: int,
        longest_wait: float,
        rng: random.Random | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._most = most
        self._longest_wait = longest_wait
        self._rng = rng
        self._wall_clock = wall_clock
        self._budgets = PerOrigin(lambda: Bucket(0.0, _BUDGET, 0.0))

    async def exchange(self, request: HttpRequest, proceed: Proceed) -> HttpResponse:
        """The first answer that is not passing, or the last one."""
        budget = self._budgets.of(origin_of(request.url))
        budget.put(_EARNED)
        if not self._most or not may_repeat(request):
            return await proceed(request)
        delays = backoff(_BASE, _CAP, self._rng)
        for left in range(self._most, -1, -1):
            outcome: HttpResponse | NetworkError
            try:
                outcome = await proceed(request)
            except NetworkError as error:
                outcome = error
            if not left or not is_passing(outcome) or not await self._wait(outcome, next(delays), budget):
                break
        if isinstance(outcome, HttpResponse):
            return outcome
        raise outcome

    async def _wait(self, outcome: HttpResponse | NetworkError, delay: float, budget: Bucket) -> bool:
        """Wait before the next time; False when it would be too long, or once too often."""
        if isinstance(outcome, HttpResponse):
            asked = retry_after(outcome, self._wall_clock())
            if asked is not None:
                if asked > self._longest_wait:
                    return False
                delay = max(delay, asked)
        if trio.current_time() + delay >= trio.current_effective_deadline():
            return False
        if budget.take(0.0):
            return False
        await trio.sleep(delay)
        return True
