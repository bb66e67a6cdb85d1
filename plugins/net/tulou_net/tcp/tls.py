"""TLS on an open TCP stream: whom we trust, what was agreed, and what went wrong in words."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Sequence

import trio

from tulou_contracts.network import CertificateRefused, NetworkError
from tulou_contracts.tcp import Tls

from tulou_net import reasons
from tulou_net.stream import WatchedStream
from tulou_net.trust import Trust


class TlsContexts:
    """The context for each list of ALPN protocols; made once, off the loop."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._made: dict[tuple[str, ...], ssl.SSLContext] = {}

    async def context(self, alpn: Sequence[str]) -> ssl.SSLContext:
        """Raises `NetworkError` when the trusted authorities cannot be read."""
        wanted = tuple(alpn)
        context = self._made.get(wanted)
        if context is None:
            context = await trio.to_thread.run_sync(self._trust.new_context)
            if wanted:
                context.set_alpn_protocols(wanted)
            self._made[wanted] = context
        return context


async def secure(
    stream: WatchedStream, contexts: TlsContexts, tls: Tls, host: str, where: str
) -> str | None:
    """Put `stream` under TLS; the protocol agreed on by ALPN.

    `host` is whom the certificate must name unless `tls` says otherwise, `where` is host:port for
    people. Raises `CertificateRefused`, `NetworkError`.
    """
    context = await contexts.context(tls.alpn)
    secured = trio.SSLStream(
        stream.tcp, context, server_hostname=_ascii(tls.name or host), https_compatible=True
    )
    try:
        await secured.do_handshake()
    except (trio.BrokenResourceError, trio.ClosedResourceError, OSError, ssl.CertificateError) as error:
        raise _reason(error, tls.name or host, where) from error
    _check_fingerprint(secured, tls.fingerprints, where)
    stream.secure(secured)
    agreed: str | None = secured.selected_alpn_protocol()
    return agreed


def _reason(error: Exception, name: str, where: str) -> NetworkError:
    for each in reasons.chain(error):
        if isinstance(each, ssl.SSLError) and "UNRECOGNIZED_NAME" in (each.reason or ""):
            return CertificateRefused(f"{where} has no certificate for {name}; is it the right server?")
    return reasons.tls_failure(error, where)


def _ascii(name: str) -> str:
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode()
    except UnicodeError as error:
        raise NetworkError(f"{name!r} cannot be a host name: {error}") from error


def _check_fingerprint(
    stream: trio.SSLStream[trio.SocketStream], allowed: Sequence[str], where: str
) -> None:
    if not allowed:
        return
    certificate: bytes = stream.getpeercert(binary_form=True)
    print_ = hashlib.sha256(certificate).hexdigest()
    if not any(hmac.compare_digest(print_, each.replace(":", "").strip().lower()) for each in allowed):
        raise CertificateRefused(
            f"the certificate of {where} is trusted, but is not the one that was agreed on"
            f" (its SHA-256 fingerprint is {print_})"
        )
