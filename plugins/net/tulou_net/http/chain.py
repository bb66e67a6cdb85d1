"""The chain: what stands in which order around the exchange. Composed when it changes, not for each call."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from tulou.errors import TulouError
from tulou_contracts.network import HttpPlugin, HttpRequest, HttpResponse, NetworkError, Proceed

Exchange = Callable[[HttpRequest], Awaitable[HttpResponse]]


def compose(links: Iterable[HttpPlugin], innermost: Exchange) -> Exchange:
    """One function that runs the first of `links` around the second, and so on."""
    proceed = innermost
    for link in reversed(tuple(links)):
        proceed = _around(link, proceed)
    return proceed


def _around(link: HttpPlugin, proceed: Exchange) -> Exchange:
    exchange = link.exchange

    def around(request: HttpRequest) -> Awaitable[HttpResponse]:
        return exchange(request, proceed)

    return around


class Guarded:
    """A link that another plugin contributed: what it does wrong is named, and stays its fault."""

    def __init__(self, link: HttpPlugin, log: logging.Logger) -> None:
        self.name = link.name
        self._exchange = link.exchange
        self._log = log

    async def exchange(self, request: HttpRequest, proceed: Proceed) -> HttpResponse:
        """As the link; raises nothing but what the contract allows."""
        try:
            response = await self._exchange(request, proceed)
        except TulouError:
            raise
        except Exception as error:
            self._log.exception("the HTTP plugin %r failed", self.name)
            raise NetworkError(f"the HTTP plugin {self.name!r} failed: {error!r}") from error
        if not isinstance(response, HttpResponse):
            raise NetworkError(f"the HTTP plugin {self.name!r} answered {response!r}, not a response")
        return response


def guarded(links: Sequence[HttpPlugin], log: logging.Logger) -> list[HttpPlugin]:
    """Contributed links, each behind its fence."""
    return [Guarded(link, log) for link in links]
