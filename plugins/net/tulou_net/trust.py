"""Whom we trust: the TLS contexts of our clients."""

from __future__ import annotations

import ssl

import trio

from tulou_contracts.network import NetworkError


class Trust:
    """The system's certificate authorities and, if given, those of a PEM file.

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
        context = ssl.create_default_context()
        if self._ca_file:
            try:
                context.load_verify_locations(self._ca_file)
            except OSError as error:  # SSLError is one
                raise NetworkError(
                    f"the certificate authorities in {self._ca_file!r} cannot be used: {error};"
                    " set net's `ca_file` to a readable PEM file"
                ) from error
        return context
