"""What happens in the thread: one request sent, one response read, by `requests`."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from tulou_contracts.network import HttpRequest, HttpResponse, NetworkError

from tulou_net.config import Config
from tulou_net.http.call import Call, GivenUp
from tulou_net.http.decoding import Body, too_large
from tulou_net.http.origin import where
from tulou_net.http.resolve import Resolver
from tulou_net.http.words import explain
from tulou_net.pins import Pins
from tulou_net.seconds import patience

if TYPE_CHECKING:
    from tulou_net.http.adapter import Adapter

_SMALL = 1 << 16
_BASE = {
    "User-Agent": "Tulou", "Accept": "*/*", "Accept-Encoding": "gzip, deflate", "Connection": "keep-alive",
}
_BASE_NAMES = {name.lower(): name for name in _BASE}
_OURS = frozenset({"content-length", "transfer-encoding"})  # by the body, whatever a caller says
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})


class Head(NamedTuple):
    """A response whose body is still to be read, piece by piece."""

    response: HttpResponse
    body: Body
    limit: int | None
    """The most bytes to take of it."""
    line: Any
    """The socket that it comes from."""


class Exchanger:
    """Sends requests; every method blocks and may run in many threads at once."""

    def __init__(self, config: Config, new_context: Callable[[], ssl.SSLContext]) -> None:
        self._config = config
        self._new_context = new_context
        self._adapter: Adapter | None = None
        self._loading = threading.Lock()

    def close(self) -> None:
        """Close idle connections."""
        if self._adapter is not None:
            self._adapter.close()

    def whole(
        self, call: Call, request: HttpRequest, proxy: str, body: Iterable[bytes] | None
    ) -> HttpResponse:
        """Send, and read the response to its end. Raises `NetworkError`."""
        with _Working(call, request, proxy):
            raw = self._send(request, proxy, body)
            limit = self._config.max_response if request.max_response is None else request.max_response
            return HttpResponse(
                status=raw.status, headers=_headers(raw), body=self._read(raw, request, limit)
            )

    def head(self, call: Call, request: HttpRequest, proxy: str, body: Iterable[bytes] | None) -> Head:
        """Send, and read the response's head. Raises `NetworkError`."""
        with _Working(call, request, proxy):
            raw = self._send(request, proxy, body)
            limit = request.max_response
            if limit is None and not request.streamed:
                limit = self._config.max_response
            try:
                packed = Body(raw, request, limit)
            except NetworkError:
                raw.close()
                raise
            return Head(HttpResponse(status=raw.status, headers=_headers(raw)), packed, limit, call.line())

    def read(self, url: str) -> bytes:
        """What lies at an address, asked for directly. Raises `NetworkError`."""
        request = HttpRequest(url=url, connect_timeout=5, read_timeout=5)
        answer = self.whole(Call(Resolver(), Pins({})), request, "", None)
        if answer.status != 200:
            raise NetworkError(f"{where(url)} answers with status {answer.status}")
        return answer.body

    def piece(self, call: Call, request: HttpRequest, head: Head) -> bytes:
        """The next of the body, as much as is there; b"" at its end. Raises `NetworkError`."""
        with _Working(call, request, ""):
            call.hold(head.line)
            return head.body.read()

    def _send(self, request: HttpRequest, proxy: str, body: Iterable[bytes] | None) -> Any:
        from urllib3.util import Timeout

        from tulou_net.http.adapter import prepared, ready_url

        config = self._config
        connect, read = request.connect_timeout, request.read_timeout
        return self._loaded().send(
            prepared(ready_url(request.url), request.method.upper(), sendable(request, body),
                     body or request.body or None),
            timeout=Timeout(  # type: ignore[arg-type]
                connect=patience(
                    config.connect_timeout if connect is None else connect, "connect_timeout"),
                read=patience(config.read_timeout if read is None else read, "read_timeout"),
            ),
            proxies={"http": proxy, "https": proxy} if proxy else None,
        )

    def _loaded(self) -> Adapter:
        if self._adapter is None:
            from tulou_net.http.adapter import Adapter

            with self._loading:
                if self._adapter is None:
                    self._adapter = Adapter(self._new_context(), self._config.requests_per_host)
        return self._adapter

    @staticmethod
    def _read(raw: Any, request: HttpRequest, limit: int) -> bytes:
        left = raw.length_remaining
        try:
            if left is not None and left <= min(_SMALL, limit) and "content-encoding" not in raw.headers:
                whole: bytes = raw.read()
                return whole
            packed, body = Body(raw, request, limit), bytearray()
            while left is None or left <= limit:
                piece = packed.read()
                if not piece:
                    return bytes(body)
                body += piece
                if len(body) > limit:
                    break
        except BaseException:
            raw.close()
            raise
        raw.close()
        raise too_large(request, limit)


def sendable(request: HttpRequest, body: Iterable[bytes] | None) -> dict[str, str]:
    """The headers that are sent. `body` stands for a streamed one."""
    headers = dict(_BASE)
    for name, value in request.headers.items():
        lower = name.lower()
        if lower not in _OURS:
            headers[_BASE_NAMES.get(lower, name)] = value
    if body is not None:
        if request.content_length is not None:
            headers["Content-Length"] = str(request.content_length)
    elif request.body or request.method.upper() in _BODY_METHODS:
        headers["Content-Length"] = str(len(request.body))
    if "@" in request.url:
        _sign_in_by_url(request.url, headers)
    return headers


def _sign_in_by_url(url: str, headers: dict[str, str]) -> None:
    from requests.auth import _basic_auth_str
    from requests.utils import get_auth_from_url

    user, password = get_auth_from_url(url)
    if user and not any(name.lower() == "authorization" for name in headers):
        headers["Authorization"] = _basic_auth_str(user, password)


def _headers(raw: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in raw.headers.items()}


class _Working:
    """The thread works for a call; what a library raises becomes a `NetworkError`."""

    __slots__ = ("_call", "_request", "_proxy")

    def __init__(self, call: Call, request: HttpRequest, proxy: str) -> None:
        self._call = call
        self._request = request
        self._proxy = proxy

    def __enter__(self) -> None:
        self._call.begin()

    def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
        self._call.end()
        if error is None or isinstance(error, (NetworkError, GivenUp)) or not isinstance(error, Exception):
            return
        import requests
        from urllib3.exceptions import HTTPError

        if isinstance(error, (requests.RequestException, HTTPError, OSError, ValueError)):
            raise explain(error, self._request, self._proxy) from error
