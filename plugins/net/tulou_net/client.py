"""HTTP requests by `requests`, in threads of their own number."""

from __future__ import annotations

import ssl
import threading
import time
from typing import TYPE_CHECKING

import trio

from tulou_contracts.network import (
    CertificateRefused, ConnectionLost, HttpRequest, HttpResponse, NetworkError, Unreachable,
)

from tulou_net import reasons
from tulou_net.config import Config
from tulou_net.trust import Trust

if TYPE_CHECKING:
    import requests

_PIECE = 1 << 16


class RequestsClient:
    """Implements the contract `HttpClient`.

    GET and HEAD follow redirects, other methods give them back. Nothing is remembered between
    requests but open connections: no cookies, no passwords from files, no proxies from the
    environment.
    """

    def __init__(self, config: Config | None = None, trust: Trust | None = None) -> None:
        self._config = config or Config()
        self._trust = trust or Trust(self._config.ca_file)
        self._limiter: trio.CapacityLimiter | None = None
        self._idle: list[requests.Session] = []
        self._context: ssl.SSLContext | None = None
        self._loading = threading.Lock()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """As the contract says. A request given up on ends its thread within its own timeout."""
        if self._limiter is None:
            self._limiter = trio.CapacityLimiter(self._config.requests)
        given_up = threading.Event()
        try:
            with trio.move_on_after(request.timeout):
                return await trio.to_thread.run_sync(
                    self._exchange, request, given_up,
                    abandon_on_cancel=True, limiter=self._limiter,
                )
        finally:
            given_up.set()
        raise Unreachable(
            f"{request.method} {_where(request.url)}: no whole answer within {request.timeout:g} seconds"
        )

    def close(self) -> None:
        """Close idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, request: HttpRequest, given_up: threading.Event) -> HttpResponse:
        import requests

        try:
            session = self._idle.pop() if self._idle else self._session()
        except IndexError:  # another thread took the last one
            session = self._session()
        try:
            response = self._fetch(session, request, given_up)
        except (requests.RequestException, OSError, ValueError) as error:
            session.close()
            raise explain(error, request) from error
        except BaseException:
            session.close()
            raise
        self._idle.append(session)
        return response

    def _session(self) -> requests.Session:
        from tulou_net.session import new_session

        with self._loading:
            if self._context is None:
                self._context = self._trust.new_context()
        return new_session(self._context, self._config.proxy)

    def _fetch(
        self, session: requests.Session, request: HttpRequest, given_up: threading.Event
    ) -> HttpResponse:
        end = time.monotonic() + request.timeout
        with session.request(
            request.method, request.url, headers=dict(request.headers), data=request.body or None,
            timeout=request.timeout, stream=True,
            allow_redirects=request.method.upper() in ("GET", "HEAD"),
        ) as answer:
            body = bytearray()
            for piece in answer.iter_content(_PIECE):
                body += piece
                if len(body) > self._config.max_response:
                    raise NetworkError(
                        f"{request.method} {_where(request.url)}: the answer is larger than"
                        f" {self._config.max_response} bytes; raise net's `max_response` if it should be"
                    )
                if given_up.is_set() or time.monotonic() > end:
                    raise Unreachable(f"{request.method} {_where(request.url)}: given up on")
            return HttpResponse(
                status=answer.status_code,
                headers={name.lower(): value for name, value in answer.headers.items()},
                body=bytes(body),
            )


def explain(error: Exception, request: HttpRequest) -> NetworkError:
    """What an exception of `requests` means, in the contract's terms."""
    import requests
    from urllib3.exceptions import NameResolutionError, NewConnectionError, ProtocolError

    where = _where(request.url)
    causes = list(reasons.chain(error))
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in causes):
        return CertificateRefused(str(reasons.tls_failure(error, where)))
    if isinstance(error, requests.exceptions.ProxyError):
        return Unreachable(f"cannot reach {where}: the proxy does not let us through: {causes[-1]}")
    if any(isinstance(each, NameResolutionError) for each in causes):
        return Unreachable(f"cannot reach {where}: there is no host of this name")
    if any(isinstance(each, NewConnectionError) for each in causes):
        return reasons.unreachable(error, where)
    if isinstance(error, requests.Timeout):
        return Unreachable(f"{request.method} {where}: no answer within {request.timeout:g} seconds")
    if any(isinstance(each, ssl.SSLError) for each in causes):
        return reasons.tls_failure(error, where)
    if any(isinstance(each, (ProtocolError, requests.ConnectionError)) for each in causes):
        return ConnectionLost(f"{request.method} {where}: the connection broke off before the answer's end")
    return NetworkError(f"{request.method} {request.url!r} cannot be sent: {error}")


def _where(url: str) -> str:
    """Scheme and host of `url`: what is fit for a log, without the path's and query's secrets."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else repr(url)
    except ValueError:
        return repr(url)
