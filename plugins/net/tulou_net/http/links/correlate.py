"""Sends the id of the act that a request works for, so that both sides' logs can be read together."""

from __future__ import annotations

from tulou.correlation import correlation
from tulou_contracts.network import HttpRequest, HttpResponse, Proceed

from tulou_net.http.links.headers import header, with_headers

HEADER = "X-Correlation-Id"


class Correlation:
    """Adds the header where an act is under way and the caller gave none."""

    name = "correlation"

    async def exchange(self, request: HttpRequest, proceed: Proceed) -> HttpResponse:
        """Proceed with the id."""
        act = correlation()
        if act and act.isascii() and act.isprintable() and header(request, HEADER.lower()) is None:
            request = with_headers(request, {HEADER: act})
        return await proceed(request)
