"""Whom we trust: the one TLS context of all clients."""

from __future__ import annotations

import ssl

import trio

from tulou_contracts.network import NetworkError


class Trust:
    """The system's certificate authorities and, if given, those of a PEM file.

    Loading them takes tens of milliseconds, so it happens once, in a thread, at the first use.
    """

    def __init__(self, ca_file: str = "") -> None:
        self._ca_file = ca_file
        self._context: ssl.SSLContext | None = None

    async def context(self) -> ssl.SSLContext:
        """The TLS context. Raises `NetworkError` when the PEM file cannot be used."""
        if self._context is None:
            return await trio.to_thread.run_sync(self.load)
        return self._context

    def load(self) -> ssl.SSLContext:
        """The same, blocking."""
        if self._context is None:
            context = ssl.create_default_context()
            if self._ca_file:
                try:
                    context.load_verify_locations(self._ca_file)
                except OSError as error:  # SSLError is one
                    raise NetworkError(
                        f"the certificate authorities in {self._ca_file!r} cannot be used: {error};"
                        " set net's `ca_file` to a readable PEM file"
                    ) from error
            self._context = context
        return self._context
