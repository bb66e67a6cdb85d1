"""Whom we trust: the TLS contexts of our clients."""

from __future__ import annotations

import ssl
import sys

import trio

from tulou_contracts.network import NetworkError


_NATIVE = sys.platform in ("win32", "darwin")


class Trust:
    """The system's certificate authorities and, if given, those of a PEM file.

    On Windows and macOS the system itself judges (truststore), with the authorities and the policies
    that a company rolled out; elsewhere OpenSSL does, with those in the system's folders.

    Loading them takes tens of milliseconds, so it happens at the first use, in a thread.
    """

    def __init__(self, ca_file: str = "") -> None:
        self._ca_file = ca_file
        self._context: ssl.SSLContext | None = None

    async def context(self) -> ssl.SSLContext:
        """The context of our own connections. Raises `NetworkError` as `new_context` does."""
        if self._context is None:
            self._context = await trio.to_thread.run_sync(self.new_context)
        return self._context

    def new_context(self) -> ssl.SSLContext:
        """A context for a library that may change it; blocking.

        Raises `NetworkError` when the PEM file cannot be used.
        """
        context = _system_context()
        if self._ca_file:
            try:
                context.load_verify_locations(self._ca_file)
            except OSError as error:  # SSLError is one
                raise NetworkError(
                    f"the certificate authorities in {self._ca_file!r} cannot be used: {error};"
                    " set net's `ca_file` to a readable PEM file"
                ) from error
        return context


def _system_context() -> ssl.SSLContext:
    if not _NATIVE:
        return ssl.create_default_context()
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
