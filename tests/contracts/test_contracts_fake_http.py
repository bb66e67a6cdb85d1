"""The HTTP fake behaves as the contract says, so that tests which use it prove something."""

from __future__ import annotations

from typing import Any

import pytest

from tulou_contracts.network import (
    ConnectionLost, HttpClient, HttpRequest, HttpResponse, HttpStreams, Unreachable,
)
from tulou_contracts.testing.fakes.http import FakeHttp

URL = "https://h.example/a"


def fake() -> FakeHttp:
    return FakeHttp({
        f"GET {URL}": HttpResponse(status=200, body="你好".encode()),
        f"PUT {URL}": lambda request: HttpResponse(status=201, body=request.body),
        f"DELETE {URL}": ConnectionLost("it broke off"),
    })


async def test_answers_by_method_and_address() -> None:
    http = fake()
    client: HttpClient = http
    assert (await client.send(HttpRequest(url=URL, method="get"))).body.decode() == "你好"
    assert (await client.send(HttpRequest(url=URL, method="PUT", body=b"x"))).body == b"x"
    with pytest.raises(ConnectionLost, match="broke off"):
        await client.send(HttpRequest(url=URL, method="DELETE"))
    with pytest.raises(Unreachable, match="no answer to POST"):
        await client.send(HttpRequest(url=URL, method="POST"))
    assert [each.method for each in http.asked] == ["get", "PUT", "DELETE", "POST"]


@pytest.mark.parametrize("answers", [lambda request: HttpResponse(status=200), "GET https://h.example", 7])
def test_answers_that_are_no_table_are_refused_with_an_example(answers: Any) -> None:
    with pytest.raises(TypeError, match="takes a mapping.* e.g. {'GET https"):
        FakeHttp(answers)


async def test_streams_come_in_pieces() -> None:
    streams: HttpStreams = fake()
    async with streams.open(HttpRequest(url=URL)) as response:
        assert response.status == 200 and response.body == b"" and response.chunks is not None
        pieces = [piece async for piece in response.chunks]
    assert len(pieces) == 2 and b"".join(pieces).decode() == "你好"
