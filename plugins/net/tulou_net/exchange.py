"""One HTTP exchange: from Hypercorn's ASGI call to a `Request`, and from a `Response` back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import aclosing

import trio
from starlette.requests import ClientDisconnect
from starlette.requests import Request as AsgiRequest
from starlette.responses import Response as AsgiResponse

from tulou_contracts.network import Request, Response


class Work:
    """Counts what is being worked on: ``with work: ...``, and elsewhere ``await work.done()``."""

    def __init__(self) -> None:
        self._open = 0
        self._idle = trio.Event()

    def __enter__(self) -> None:
        self._open += 1

    def __exit__(self, *_: object) -> None:
        self._open -= 1
        if not self._open:
            self._idle.set()

    async def done(self) -> None:
        """Until nothing is being worked on."""
        while self._open:
            self._idle = trio.Event()
            await self._idle.wait()


class Refused(Exception):
    """The request is answered without asking its handler."""

    def __init__(self, response: Response) -> None:
        self.response = response
        super().__init__(response.status)


def refused(status: int, text: str) -> Refused:
    """A refusal in plain text."""
    return Refused(Response(status=status, body=text))


def head_of(request: AsgiRequest) -> Request:
    """The contract's view of a request, without its body."""
    return Request(
        method=request.method,
        path=request.scope["path"],
        query=dict(request.query_params),
        headers=headers_of(request.scope["headers"]),
        cookies=dict(request.cookies),
    )


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header name, lower-case -> value; what comes several times is joined (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        glue = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{glue}{value}" if name in headers else value
    return headers


async def read_body(request: AsgiRequest, *, limit: int, patience: float) -> bytes | None:
    """The body; None when the client left. Raises `Refused` (413, 408)."""
    too_large = refused(413, f"The request is larger than {limit} bytes.\n")
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limit:
        raise too_large
    body = bytearray()
    try:
        with trio.move_on_after(patience) as scope:
            async with aclosing(request.stream()) as pieces:
                async for piece in pieces:
                    body += piece
                    if len(body) > limit:
                        raise too_large
    except ClientDisconnect:
        return None
    if scope.cancelled_caught:
        raise refused(408, f"The request did not arrive whole within {patience:g} seconds.\n")
    return bytes(body)


def to_asgi(response: Response, site_headers: Mapping[str, str]) -> AsgiResponse:
    """What Starlette sends. Raises `ValueError` for headers that HTTP cannot carry."""
    body = response.body.encode() if isinstance(response.body, str) else response.body
    return AsgiResponse(body, response.status, merged(response, site_headers))


def merged(response: Response, site_headers: Mapping[str, str]) -> dict[str, str]:
    """The site's headers, overridden by the response's own. Raises `ValueError`."""
    headers: dict[str, str] = {name.lower(): value for name, value in site_headers.items()}
    if response.content_type:
        headers["content-type"] = response.content_type
    headers.update((name.lower(), value) for name, value in response.headers.items())
    for name, value in headers.items():
        if not (name.isascii() and value.isprintable() and value.isascii()):
            raise ValueError(f"the header {name!r} cannot be sent: {value!r} is not plain ASCII")
    return headers
