"""Keeps responses in memory and asks by their validators (RFC 9111). Nothing is on disk."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import trio

from tulou_contracts.network import HttpRequest, HttpResponse, Proceed

from tulou_net.http.links.cache_rules import Kept, keep, may_answer, renewed
from tulou_net.http.links.headers import with_headers

_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_LARGEST_PART = 8  # of the whole


class Cache:
    """Up to `size` bytes of one account's responses; what was used longest ago goes first."""

    name = "cache"

    def __init__(self, size: int, clock: Callable[[], float] = trio.current_time) -> None:
        self._most = size
        self._clock = clock
        self._size = 0
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def clear(self) -> None:
        """Forget everything: another account is here, or memory is short."""
        self._kept.clear()
        self._size = 0

    async def exchange(self, request: HttpRequest, proceed: Proceed) -> HttpResponse:
        """Answer from what is kept, or proceed and keep."""
        if not self._most:
            return await proceed(request)
        if not may_answer(request):
            return await self._pass(request, proceed)
        kept = self._find(request)
        if kept is None:
            response = await proceed(request)
            self._keep(request, keep(request, response, self._clock()))
            return response
        if kept.is_fresh(self._clock(), request):
            return kept.response
        return await self._revalidate(request, kept, proceed)

    async def _pass(self, request: HttpRequest, proceed: Proceed) -> HttpResponse:
        response = await proceed(request)
        if request.method.upper() in _UNSAFE and response.status < 400:
            self._drop(request.url)  # section 4.4
        return response

    async def _revalidate(self, request: HttpRequest, kept: Kept, proceed: Proceed) -> HttpResponse:
        conditions = kept.conditions()
        response = await proceed(with_headers(request, conditions) if conditions else request)
        if response.status == 304 and conditions:
            again = renewed(kept, response, request, self._clock())
            self._keep(request, again)
            return again.response if again is not None else kept.response
        if response.status < 500:
            self._keep(request, keep(request, response, self._clock()))
        return response

    def _find(self, request: HttpRequest) -> Kept | None:
        kept = self._kept.get(request.url)
        if kept is None or not kept.fits(request):
            return None
        self._kept.move_to_end(request.url)
        return kept

    def _keep(self, request: HttpRequest, kept: Kept | None) -> None:
        self._drop(request.url)
        if kept is None or kept.size * _LARGEST_PART > self._most:
            return
        self._kept[request.url] = kept
        self._size += kept.size
        while self._size > self._most:
            self._drop(next(iter(self._kept)))

    def _drop(self, url: str) -> None:
        kept = self._kept.pop(url, None)
        if kept is not None:
            self._size -= kept.size
