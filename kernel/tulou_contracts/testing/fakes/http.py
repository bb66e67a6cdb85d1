"""An HTTP client without a network, for the tests of rooms that ask servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import trio

from tulou_contracts.network import HttpRequest, HttpResponse, NetworkError, Unreachable

Answer = HttpResponse | NetworkError | Callable[[HttpRequest], HttpResponse]


class FakeHttp:
    """Implements `HttpClient` and `HttpStreams` by a table: ``"POST https://h/path"`` -> answer.

    An address without an answer is unreachable. A function answers by the request; it may raise.
    """

    def __init__(self, answers: Mapping[str, Answer] | None = None) -> None:
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
