"""What an exception of `requests` and urllib3 means, in the contract's terms and in words."""

from __future__ import annotations

import re
import ssl

from tulou_contracts.network import (
    CertificateRefused, ConnectionLost, HttpRequest, NetworkError, Unreachable,
)

from tulou_net import reasons
from tulou_net.http.origin import where
from tulou_net.http.resolve import TooManyStuck
from tulou_net.http.response import Malformed

_PROXY_SAYS = re.compile(r"Tunnel connection failed: (\d{3}) ?(.*)")
PROXY_STATUS = {
    "403": "it does not allow this address",
    "407": "it wants another user name or password; check net's `proxy`",
    "502": "it cannot reach the server",
    "503": "it is overloaded",
    "504": "the server did not answer it in time",
}


class ProxyUnreachable(Unreachable):
    """The proxy itself is not there, or is none."""


def explain(error: BaseException, request: HttpRequest, proxy: str = "") -> NetworkError:
    """The error to raise. `proxy` is the address of the proxy that was used."""
    import requests
    from urllib3.exceptions import (
        DecodeError, NameResolutionError, NewConnectionError, ProtocolError, ReadTimeoutError,
    )

    place = where(request.url)
    causes = list(reasons.chain(error))

    def has(*kinds: type[BaseException]) -> bool:
        return any(isinstance(each, kinds) for each in causes)

    if has(TooManyStuck):
        stuck = next(each for each in causes if isinstance(each, TooManyStuck))
        return Unreachable(f"cannot reach {place}: {stuck}")
    for each in causes:
        if isinstance(each, Malformed):
            return NetworkError(f"{request.method} {place}: the answer {each}")
    if isinstance(error, requests.exceptions.ProxyError) or (proxy and _is_the_proxys(causes)):
        return _proxy_failed(causes, place, proxy)
    if has(ssl.SSLCertVerificationError):
        return CertificateRefused(str(reasons.tls_failure(error, place)))
    if has(NameResolutionError):
        return Unreachable(f"cannot reach {place}: there is no host of this name")
    if has(NewConnectionError):
        return reasons.unreachable(error, place)
    if isinstance(error, requests.ConnectTimeout):
        return Unreachable(f"cannot reach {place}: it took no connection in time")
    if isinstance(error, requests.Timeout) or has(ReadTimeoutError):
        return Unreachable(f"{request.method} {place}: the server fell silent for too long")
    if has(ssl.SSLError):
        return reasons.tls_failure(error, place)
    if has(DecodeError):
        return NetworkError(f"{request.method} {place}: the answer is not compressed as it says")
    if has(ProtocolError) or isinstance(error, (requests.ConnectionError, ConnectionError)):
        way = f" through the proxy {where(proxy)}" if proxy else ""
        return ConnectionLost(
            f"{request.method} {place}: the connection{way} broke off before the answer's end"
        )
    return NetworkError(f"{request.method} {place} cannot be sent: {error}")


def _is_the_proxys(causes: list[BaseException]) -> bool:
    """A proxy that refuses to tunnel is an OSError with a text of its own."""
    return any(_PROXY_SAYS.search(str(each)) for each in causes)


def _proxy_failed(causes: list[BaseException], place: str, proxy: str) -> NetworkError:
    """Why the way through the proxy ended."""
    name = where(proxy) if proxy else "the proxy"
    for each in causes:
        if isinstance(each, ssl.SSLCertVerificationError):
            why = reasons.tls_failure(each, f"the proxy {name}")
            return CertificateRefused(f"cannot reach {place}: {why}")
        says = _PROXY_SAYS.search(str(each))
        if says:
            status, words = says[1], says[2].strip()
            meaning = PROXY_STATUS.get(status, f"it answered {words!r}")
            return Unreachable(
                f"cannot reach {place}: the proxy {name} does not let us through: {meaning} ({status})"
            )
    return ProxyUnreachable(
        f"cannot reach {place}: the proxy {name} does not answer as one ({causes[-1]});"
        " check net's `proxy`"
    )
