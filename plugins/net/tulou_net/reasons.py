"""Why something failed, in words: from exceptions of sockets and TLS to sentences."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator

from tulou_contracts.network import CertificateRefused, NetworkError, Unreachable

_CERTIFICATE = {
    9: "it is not valid yet (is this computer's clock right?)",
    10: "it has expired",
    18: "it is self-signed",
    19: "an authority in its chain is self-signed and not trusted by this computer",
    20: "its issuer is not an authority that this computer trusts",
    21: "its issuer's own certificate is missing from the chain",
    23: "it has been revoked",
    62: "it was issued for another host name",
    64: "it was issued for another address",
}
"""OpenSSL's X509_V_ERR codes (openssl-verification-options(1))."""

_ERRNO = {
    errno.ECONNREFUSED: "connection refused; is the server running?",
    errno.ENETUNREACH: "the network is not reachable; is this computer online?",
    errno.EHOSTUNREACH: "the host is not reachable from here",
    errno.ECONNRESET: "the other side broke the connection off",
    errno.ETIMEDOUT: "no answer in time",
}


def chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, what caused it, what was grouped in it, and their `args` that are exceptions."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop(0)
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, *each.args, getattr(each, "reason", None), each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions


def tls_failure(error: BaseException, where: str) -> NetworkError:
    """What a failed TLS handshake with `where` (host:port) means."""
    for each in chain(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            why = _CERTIFICATE.get(each.verify_code, each.verify_message)
            detail = f" ({each.verify_message})" if each.verify_code in (62, 64) else ""
            return CertificateRefused(f"the certificate of {where} is not trusted: {why}{detail}")
    for each in chain(error):
        if isinstance(each, ssl.SSLError):
            why = (each.reason or str(each)).replace("_", " ").lower()
            return NetworkError(
                f"{where} does not speak TLS as we do: {why}; is it an address without encryption?"
            )
    return NetworkError(f"{where} broke the TLS handshake off; does it offer TLS on this port?")


def unreachable(error: BaseException, where: str) -> Unreachable:
    """What a failed TCP connection to `where` (host:port) means."""
    for each in chain(error):
        if isinstance(each, (socket.gaierror, UnicodeError)):
            return Unreachable(f"cannot reach {where}: there is no host of this name")
    for each in chain(error):
        if isinstance(each, OSError) and each.errno in _ERRNO:
            return Unreachable(f"cannot reach {where}: {_ERRNO[each.errno]}")
    return Unreachable(f"cannot reach {where}: {error}")
