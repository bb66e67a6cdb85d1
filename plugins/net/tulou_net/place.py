"""Where a site is: its address in words, and what it shows its clients when it speaks TLS."""

from __future__ import annotations

import logging
import os
import ssl
from dataclasses import dataclass

import trio

from tulou_contracts.network import NetworkError, TlsIdentity

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class ServerContexts:
    """The TLS context of a site; its PEM files are read again when they changed, so that a renewed
    certificate needs no restart."""

    def __init__(self, identity: TlsIdentity, log: logging.Logger) -> None:
        """Raises `NetworkError` when the files cannot be used; blocking."""
        self._identity = identity
        self._log = log
        self._read_at = self._changed_at()
        try:
            self._context = _load(identity)
        except OSError as error:  # SSLError is one
            raise NetworkError(f"{self._problem(error)}; give a readable PEM chain and its key") from error

    def current(self) -> ssl.SSLContext:
        """The context for a new connection; the former one as long as new files cannot be used."""
        changed_at = self._changed_at()
        if changed_at != self._read_at:
            self._read_at = changed_at
            try:
                self._context = _load(self._identity)
            except OSError as error:
                self._log.warning("%s; the former certificate stays in use", self._problem(error))
        return self._context

    def _changed_at(self) -> tuple[int, ...]:
        try:
            return tuple(os.stat(path).st_mtime_ns for path in (self._identity.chain, self._identity.key))
        except OSError:
            return ()

    def _problem(self, error: OSError) -> str:
        return (f"the certificate in {self._identity.chain!r} with the key in {self._identity.key!r}"
                f" cannot be used: {error}")


def _load(identity: TlsIdentity) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # an encrypted key must be an error, not a question on the terminal
    context.load_cert_chain(identity.chain, identity.key, password=lambda: b"")
    return context


@dataclass(frozen=True, slots=True)
class Place:
    """The address that a site listens on."""

    scheme: str
    name: str
    """The IP address as it stands in a URL; loopback where the site listens on every address."""
    port: int
    contexts: ServerContexts | None

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"{self.scheme}://{self.name}:{self.port}"

    @classmethod
    def of(cls, listener: trio.SocketListener, contexts: ServerContexts | None) -> Place:
        """What `listener` listens on."""
        address, port = listener.socket.getsockname()[:2]
        address = _EVERYWHERE.get(address, address)
        name = f"[{address}]" if ":" in address else address
        return cls("https" if contexts else "http", name, port, contexts)
