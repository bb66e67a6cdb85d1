"""`requests`' adapter: our trust, our connections, and the bare response of urllib3."""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from tulou_net.http.connections import POOLS

_HOSTS = 64  # pools kept, one a host


class Adapter(HTTPAdapter):
    """Uses our TLS context, and nothing of the list of authorities that `requests` would add.

    Safe for many threads: urllib3's pools are, and nothing else here changes.
    """

    def __init__(self, context: ssl.SSLContext, per_host: int) -> None:
        self._context = context
        self._tls = {"ssl_context": context, "cert_reqs": "CERT_REQUIRED"}
        super().__init__(pool_connections=_HOSTS, pool_maxsize=per_host)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing: the context says it all."""

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        scheme, host, port = _place(request.url or "")
        return {"scheme": scheme, "host": host, "port": port}, self._tls

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        if proxy.lower().startswith("socks"):
            from tulou_net.http.socks_connections import SOCKS_POOLS

            manager = super().proxy_manager_for(proxy, **named)
            manager.pool_classes_by_scheme = SOCKS_POOLS
            return manager
        manager = super().proxy_manager_for(proxy, proxy_ssl_context=self._context, **named)
        manager.pool_classes_by_scheme = POOLS
        return manager

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> Any:
        """What urllib3 gives: nobody here needs cookies, history or an encoding."""
        return resp


@lru_cache(maxsize=1024)
def _place(url: str) -> tuple[str, str, int | None]:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return parts.scheme.lower(), parts.hostname or "", parts.port


@lru_cache(maxsize=1024)
def ready_url(url: str) -> str:
    """`url` as it is sent: percent-encoded, the host by IDNA. Raises `requests.RequestException`."""
    prepared = requests.PreparedRequest()
    prepared.prepare_url(url, None)
    if prepared.url is None or _place(prepared.url)[0] not in ("http", "https"):
        raise requests.exceptions.InvalidSchema(f"{url!r} is no http:// or https:// address")
    return prepared.url


def prepared(
    url: str, method: str, headers: dict[str, str], body: Any
) -> requests.PreparedRequest:
    """A request that was prepared by hand: most of what `requests` would look at is settled here."""
    request = requests.PreparedRequest()
    request.method = method
    request.url = url
    request.headers = headers  # type: ignore[assignment]
    request.body = body
    return request
