"""An HTTP client without a network, for the tests of rooms that ask servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import trio

from tulou_contracts.network import HttpRequest, HttpResponse, NetworkError, Unreachable

Answer = HttpResponse | NetworkError | Callable[[HttpRequest], HttpResponse]


class FakeHttp:
    """Implements `HttpClient` and `HttpStreams` by a table: ``"POST https://h/path?query"`` -> answer.

    An answer is a response, an error to be raised, or a function that answers by the request and may
    raise. An address without an answer is unreachable; the query is a part of it. Raises `TypeError`
    for `answers` that are no such table.
    """

    def __init__(self, answers: Mapping[str, Answer] | None = None) -> None:
        if answers is not None and not isinstance(answers, Mapping):
            raise TypeError(
                "FakeHttp takes a mapping of 'METHOD ADDRESS' to an answer, e.g."
                " {'GET https://h.example/a?b=c': HttpResponse(status=200)}; an answer may be a function."
                f" This is none: {answers!r}")
        self.answers: dict[str, Answer] = dict(answers or {})
        """May be changed while it is in use."""
        self.asked: list[HttpRequest] = []
        """Every request, in order."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """As the contract says."""
        await trio.lowlevel.checkpoint()
        self.asked.append(request)
        answer = self.answers.get(f"{request.method.upper()} {request.url}")
        if answer is None:
            raise Unreachable(f"cannot reach {request.url}: the fake has no answer to {request.method}")
        if isinstance(answer, NetworkError):
            raise answer
        return answer if isinstance(answer, HttpResponse) else answer(request)

    @asynccontextmanager
    async def open(self, request: HttpRequest) -> AsyncIterator[HttpResponse]:
        """As the contract says."""
        response = await self.send(request)
        yield replace(response, body=b"", chunks=_halves(response.body))


async def _halves(body: bytes) -> AsyncIterator[bytes]:
    """In two pieces, so that nobody relies on one."""
    middle = len(body) // 2
    for piece in (body[:middle], body[middle:]):
        if piece:
            yield piece
