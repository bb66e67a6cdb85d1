"""A `requests` session that trusts whom we trust and remembers nothing."""

from __future__ import annotations

import ssl
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class _Adapter(HTTPAdapter):
    """Uses our TLS context, and nothing of the list of authorities that `requests` would add."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_maxsize=1)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {**tls, "ssl_context": self._context}


def new_session(context: ssl.SSLContext, proxy: str) -> requests.Session:
    """A session for one thread at a time; loopback never goes through `proxy`."""
    session = requests.Session()
    session.trust_env = False  # no passwords from ~/.netrc, no proxy that nobody configured
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = "Tulou"
    adapter = _Adapter(context)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    if proxy:
        direct = {f"{scheme}://{host}": "" for scheme in ("http", "https") for host in _LOOPBACK}
        session.proxies = {"http": proxy, "https": proxy, **direct}
    return session
