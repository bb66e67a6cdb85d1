"""An answer's head, read strictly: interim answers are passed over, and its length is one or none.

http.client takes a Content-Length that is no number for none, of several the first, Early Hints for the
answer, and a negative chunk for a chunk.
"""

from __future__ import annotations

import re
from http.client import HTTPException, HTTPResponse, parse_headers
from typing import Any

_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK = re.compile(rb"[0-9A-Fa-f]{1,15}")
_LINE = 1 << 16
_INTERIM = 100  # answers before the answer
_NO_BODY = frozenset({204, 304})


class Malformed(HTTPException):
    """The answer cannot be taken for one; the text goes on after "the answer "."""


class StrictResponse(HTTPResponse):
    """Replaces http.client's in urllib3's connections."""

    _method: str
    chunked: bool
    length: int | None
    will_close: bool
    fp: Any

    def _read_status(self) -> tuple[str, int, str]:
        """The status line of the final answer (RFC 9110, section 15.2; RFC 8297)."""
        for _ in range(_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 <= status < 200:
                return version, status, reason
            if status == 101:
                raise Malformed("changes to another protocol, which nobody asked for")
            parse_headers(self.fp)
        raise Malformed(f"did not come after {_INTERIM} interim ones")

    def begin(self) -> None:
        """As http.client's. Raises `Malformed` as RFC 9112, section 6.3, demands."""
        if self.headers is not None:
            return
        super().begin()
        if self.status in _NO_BODY or self._method == "HEAD":
            return
        length = content_length(self.headers.get_all("content-length"))
        codings = [each.strip().lower() for each in self.headers.get_all("transfer-encoding", [])]
        if codings not in ([], ["identity"], ["chunked"]):
            raise Malformed(f"is sent in a way that nobody asked for: {', '.join(codings)[:80]!r}")
        if self.chunked:
            self.will_close = self.will_close or length is not None
        else:
            self.length = length

    def _read_next_chunk_size(self) -> int:
        """RFC 9112, section 7.1. A `ValueError` is a torn body, to http.client."""
        line = self.fp.readline(_LINE)
        size = line.partition(b";")[0].strip()
        if not line.endswith(b"\n") or not _CHUNK.fullmatch(size):
            self._close_conn()  # type: ignore[attr-defined]
            raise ValueError("no size of a chunk")
        return int(size, 16)


def content_length(fields: list[str] | None) -> int | None:
    """What the fields of this name say; None: there are none. Raises `Malformed`."""
    if not fields:
        return None
    said = {each.strip() for field in fields for each in field.split(",")}
    for each in said:
        if not _LENGTH.fullmatch(each):
            raise Malformed(f"has a Content-Length that is no length: {each[:40]!r}")
    lengths = {int(each) for each in said}
    if len(lengths) > 1:
        raise Malformed("has several lengths: " + ", ".join(map(str, sorted(lengths)))[:80])
    return lengths.pop()
