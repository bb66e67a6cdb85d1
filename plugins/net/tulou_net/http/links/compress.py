"""Gzips request bodies on request. Responses are decompressed where they are read."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import replace
from functools import partial

import trio

from tulou_contracts.network import HttpRequest, HttpResponse, Proceed

from tulou_net.http.links.headers import header, with_headers

_WORTH_IT = 512
_LONG = 1 << 18  # bytes whose compression would hold the loop up
_LEVEL = 6


class Compression:
    """Outside retry: a body is compressed once, however often it is sent."""

    name = "compression"

    async def exchange(self, request: HttpRequest, proceed: Proceed) -> HttpResponse:
        """Proceed with the body gzipped, if that was asked for and makes it smaller."""
        if request.compress and header(request, "content-encoding") is None:
            request = await _compressed(request)
        return await proceed(request)


async def _compressed(request: HttpRequest) -> HttpRequest:
    content = request.content
    if content is not None:
        changed = replace(request, content=gzipped(content), content_length=None)
        return with_headers(changed, {"Content-Encoding": "gzip"})
    size = len(request.body)
    if size < _WORTH_IT:
        return request
    body = (gzip.compress(request.body, _LEVEL, mtime=0) if size < _LONG
            else await trio.to_thread.run_sync(partial(gzip.compress, request.body, _LEVEL, mtime=0)))
    if len(body) >= size:
        return request
    return with_headers(replace(request, body=body), {"Content-Encoding": "gzip"})


def gzipped(content: Callable[[], AsyncIterable[bytes]]) -> Callable[[], AsyncIterator[bytes]]:
    """The same content, compressed piece by piece (RFC 1952)."""

    async def pieces() -> AsyncIterator[bytes]:
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        async for piece in content():
            packed = packer.compress(piece)
            if packed:
                yield packed
        yield packer.flush()

    return pieces
