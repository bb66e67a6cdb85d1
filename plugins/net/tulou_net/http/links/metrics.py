"""Counts what the HTTP client did, by host."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping

from tulou_contracts.network import HttpFigures, HttpRequest, HttpResponse, Proceed

from tulou_net.http.origin import origin_of

_HOSTS = 256


class _Count:
    __slots__ = ("requests", "statuses", "failures", "received", "seconds", "slowest")

    def __init__(self) -> None:
        self.requests = 0
        self.statuses: Counter[int] = Counter()
        self.failures: Counter[str] = Counter()
        self.received = 0
        self.seconds = 0.0
        self.slowest = 0.0


class Metrics:
    """Outermost of the built-in links: a repeated request counts once."""

    name = "metrics"

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    async def exchange(self, request: HttpRequest, proceed: Proceed) -> HttpResponse:
        """Time and count."""
        count = self._count(origin_of(request.url))
        count.requests += 1
        begin = time.perf_counter()
        try:
            response = await proceed(request)
        except BaseException as error:
            count.failures[type(error).__name__] += 1
            raise
        finally:
            spent = time.perf_counter() - begin
            count.seconds += spent
            if spent > count.slowest:
                count.slowest = spent
        count.statuses[response.status // 100] += 1
        count.received += len(response.body)
        return response

    def _count(self, origin: str) -> _Count:
        count = self._counts.get(origin)
        if count is None:
            if len(self._counts) >= _HOSTS:
                origin = ""
            count = self._counts.setdefault(origin, _Count())
        return count

    def figures(self) -> Mapping[str, HttpFigures]:
        """As `HttpMetrics`."""
        return {
            origin: HttpFigures(
                each.requests, dict(each.statuses), dict(each.failures), each.received,
                each.seconds, each.slowest,
            )
            for origin, each in self._counts.items()
        }
