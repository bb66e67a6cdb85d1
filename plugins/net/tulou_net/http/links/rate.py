"""Keeps an avalanche of requests from a host: so many a second, more at once only in a burst."""

from __future__ import annotations

import trio

from tulou_contracts.network import HttpRequest, HttpResponse, Proceed

from tulou_net.http.links.buckets import Bucket
from tulou_net.http.links.per_origin import PerOrigin
from tulou_net.http.origin import origin_of


class RateLimit:
    """A bucket for each origin; who finds it empty waits, in the order of coming."""

    name = "rate limit"

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._lanes = PerOrigin(lambda: _Lane(Bucket(rate, max(1, burst), trio.current_time())))

    async def exchange(self, request: HttpRequest, proceed: Proceed) -> HttpResponse:
        """Proceed when it is our turn."""
        if self._rate:
            lane = self._lanes.of(origin_of(request.url))
            if lane.waiting or lane.bucket.take(trio.current_time()):
                await lane.turn()
        return await proceed(request)


class _Lane:
    """The bucket of an origin and who waits for it."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.waiting = 0
        self._gate = trio.Lock()

    async def turn(self) -> None:
        """Until the bucket has a token for us."""
        self.waiting += 1
        try:
            async with self._gate:  # trio's locks are fair
                while wait := self.bucket.take(trio.current_time()):
                    await trio.sleep(wait)
        finally:
            self.waiting -= 1
