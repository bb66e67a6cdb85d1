"""Sends a request's key, by which the server knows a repetition.

Source: draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

from tulou_contracts.network import HttpRequest, HttpResponse, NetworkError, Proceed

from tulou_net.http.links.headers import with_headers

HEADER = "Idempotency-Key"


class IdempotencyKey:
    """The header's value is a string of RFC 8941: in quotes, printable ASCII."""

    name = "idempotency key"

    async def exchange(self, request: HttpRequest, proceed: Proceed) -> HttpResponse:
        """Proceed with the key. Raises `NetworkError` for a key that no header can carry."""
        key = request.idempotency_key
        if key:
            if not (key.isascii() and key.isprintable()):
                raise NetworkError(f"the idempotency key {key!r} is not printable ASCII")
            quoted = key.replace("\\", "\\\\").replace('"', '\\"')
            request = with_headers(request, {HEADER: f'"{quoted}"'})
        return await proceed(request)
