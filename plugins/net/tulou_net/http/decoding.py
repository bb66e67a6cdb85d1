"""A response's body with its content codings taken off (RFC 9110, section 8.4), a bounded piece at a time.

urllib3's own decoders take a stream that was cut for a whole one, and unpack what is left at the end in
one go.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

from tulou_contracts.network import ConnectionLost, HttpRequest, NetworkError

from tulou_net.http.origin import where

PIECE = 1 << 16
_GZIP = b"\x1f\x8b"
_KNOWN = frozenset({"gzip", "x-gzip", "deflate"})
_MOST = 2  # codings on top of each other; honest servers use one
_PADDING = PIECE  # bytes after the end that do no harm: some servers fill up with zeros


class Body:
    """Reads what `raw`, a response of urllib3, brings. `limit` bounds what goes into each coding, too.

    Raises `NetworkError`: packed as nobody asked for.
    """

    def __init__(self, raw: Any, request: HttpRequest, limit: int | None) -> None:
        self.close: Callable[[], None] = raw.close
        """Give up what was not read."""
        pieces = _sent(raw)
        may_be_empty = raw.length_remaining == 0 or raw.chunked  # the server says where it ends
        for coding in reversed(_codings(raw.headers.get("content-encoding", ""), request)):
            pieces = _unpacked(_counted(pieces, request, limit), coding, request, may_be_empty)
        self._pieces = pieces

    def read(self) -> bytes:
        """The next piece, b"" at the end. Raises `NetworkError`, and what urllib3 raises."""
        return next(self._pieces, b"")


def too_large(request: HttpRequest, limit: int) -> NetworkError:
    """A response over the limit."""
    return NetworkError(
        f"{_what(request)} is larger than {limit} bytes; raise net's `max_response` if it should be"
    )


def _what(request: HttpRequest) -> str:
    return f"{request.method} {where(request.url)}: the answer"


def _codings(header: str, request: HttpRequest) -> list[str]:
    """In the order in which they were put on. A single one that we do not know is left to the caller."""
    named = [each.strip().lower() for each in header.split(",")]
    codings = [each for each in named if each not in ("", "identity")]
    if len(codings) > _MOST:
        raise NetworkError(f"{_what(request)} is packed {len(codings)} times; at most {_MOST} are unpacked")
    if _KNOWN.issuperset(codings):
        return codings
    if len(codings) == 1:
        return []
    raise NetworkError(f"{_what(request)} is packed as nobody asked for: {header[:80]!r}")


def _sent(raw: Any) -> Iterator[bytes]:
    while piece := raw.read1(PIECE, decode_content=False):
        yield piece


def _counted(pieces: Iterator[bytes], request: HttpRequest, limit: int | None) -> Iterator[bytes]:
    """What unpacks to nothing must not keep a thread busy for ever."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if limit is not None and size > limit:
            raise too_large(request, limit)
        yield piece


def _unpacked(
    pieces: Iterator[bytes], coding: str, request: HttpRequest, may_be_empty: bool
) -> Iterator[bytes]:
    """`pieces` without gzip (RFC 1952: any number of members) or deflate (RFC 1950; or RFC 1951, which
    servers mistake for it)."""
    gzip, first, packed = coding != "deflate", True, b""
    while True:
        while len(packed) < 2 and (piece := next(pieces, b"")):
            packed += piece
        if not packed and (may_be_empty or not first):
            return
        if not first and not (gzip and packed[:2] == _GZIP):
            return _skip(packed, pieces, request)
        first = False
        stream = zlib.decompressobj(_window(gzip, packed))
        while not stream.eof:
            packed = packed or next(pieces, b"")
            try:
                unpacked = stream.decompress(packed, PIECE)
            except zlib.error as error:
                raise _not_compressed(request) from error
            if unpacked:
                yield unpacked
            elif not packed and not stream.eof:
                raise ConnectionLost(f"{_what(request)} breaks off before the end of what was compressed")
            packed = stream.unconsumed_tail
        packed = stream.unused_data


def _window(gzip: bool, packed: bytes) -> int:
    """zlib's `wbits` for what begins so."""
    if gzip:
        return 16 + zlib.MAX_WBITS
    is_zlib = packed[0] & 0x0F == 8 and int.from_bytes(packed[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS


def _skip(packed: bytes, pieces: Iterator[bytes], request: HttpRequest) -> None:
    """Read what comes after the end: only then can the connection be used again."""
    size = len(packed)
    while size <= _PADDING:
        piece = next(pieces, b"")
        if not piece:
            return
        size += len(piece)
    raise _not_compressed(request)


def _not_compressed(request: HttpRequest) -> NetworkError:
    return NetworkError(f"{_what(request)} is not compressed as it says")
