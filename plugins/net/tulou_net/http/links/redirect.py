"""Follows redirects (RFC 9110, section 15.4), for GET and HEAD only, and takes no secret elsewhere."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from tulou_contracts.network import HttpRequest, HttpResponse, NetworkError, Proceed

from tulou_net.http.links.headers import without_headers
from tulou_net.http.origin import origin_of, where

_STATUSES = frozenset({301, 302, 303, 307, 308})
_SECRETS = frozenset({"authorization", "cookie", "proxy-authorization"})
_MOST = 10


def next_hop(request: HttpRequest, response: HttpResponse) -> HttpRequest | None:
    """The request to go on with, or None. Raises `NetworkError` for a way out of TLS."""
    target = response.headers.get("location")
    if response.status not in _STATUSES or not target or request.method.upper() not in ("GET", "HEAD"):
        return None
    try:
        url = urljoin(request.url, target)
        scheme = urlsplit(url).scheme
    except ValueError:
        return None
    if scheme not in ("http", "https"):
        return None
    if scheme == "http" and request.url.lower().startswith("https:"):
        raise NetworkError(f"{where(request.url)} sends us on to {where(url)}, which is not encrypted")
    hop = replace(request, url=url)
    return hop if origin_of(url) == origin_of(request.url) else without_headers(hop, _SECRETS)


class Redirects:
    """Outside sign-in, so that each hop gets the token of its own origin."""

    name = "redirects"

    async def exchange(self, request: HttpRequest, proceed: Proceed) -> HttpResponse:
        """The last response of the way."""
        response = await proceed(request)
        if response.status not in _STATUSES:
            return response
        for _ in range(_MOST):
            hop = next_hop(request, response)
            if hop is None:
                return response
            request = hop
            response = await proceed(request)
        raise NetworkError(f"{where(request.url)} sends us on more than {_MOST} times")
