"""Cassettes: what is recorded is played back, and no secret is in the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tulou_net.http.chain import compose

from tulou_contracts.network import HttpRequest, HttpResponse
from tulou_contracts.testing.network.cassette import Cassette, NotRecorded

SECRET = "s3cret"


class Real:
    """A client that answers with numbers, and secrets among them."""

    def __init__(self) -> None:
        self.number = 0

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.number += 1
        if "binary" in request.url:
            return HttpResponse(status=200, body=b"\xff\x00")
        if "text" in request.url:
            return HttpResponse(status=404, body="没有".encode())
        body = {"n": self.number, "房间": ["东"], "access_token": SECRET, "deep": [{"password": SECRET}]}
        return HttpResponse(
            status=200, headers={"set-cookie": f"a={SECRET}", "etag": '"1"'},
            body=json.dumps(body, ensure_ascii=False).encode(),
        )


async def test_what_was_recorded_is_played_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "磁带.json"
    recorder = Cassette(path, record=Real())
    asked = [HttpRequest(url=f"https://h.example/{each}") for each in ("a", "a", "binary", "text")]
    real = [await recorder.send(each) for each in asked]
    player = Cassette(path)
    played = [await player.send(each) for each in asked]
    assert [each.status for each in played] == [each.status for each in real]
    assert [each.body for each in played[2:]] == [each.body for each in real[2:]]
    assert [json.loads(each.body)["n"] for each in played[:2]] == [1, 2]
    assert json.loads((await player.send(asked[0])).body)["n"] == 2
    assert played[0].headers["etag"] == '"1"'


async def test_no_secret_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    await Cassette(path, record=Real()).send(HttpRequest(
        url=f"https://me:{SECRET}@h.example/?access_token={SECRET}&page=2&sig={SECRET}", method="POST",
        headers={"Authorization": f"Bearer {SECRET}", "X-Api-Key": SECRET, "X-Auth-Token": SECRET},
        body=f"user=me&password={SECRET}".encode(),
    ))
    text = path.read_text("utf-8")
    assert SECRET not in text
    assert "page=2" in text and "user=me" in text and "东" in text
    again = HttpRequest(url="https://h.example/?access_token=other&page=2&sig=x", method="post")
    assert (await Cassette(path).send(again)).status == 200


async def test_what_is_not_recorded_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    await Cassette(path, record=Real()).send(HttpRequest(url="https://h.example/a"))
    with pytest.raises(NotRecorded, match="no answer to GET https://h.example/b.*/a"):
        await Cassette(path).send(HttpRequest(url="https://h.example/b"))


async def test_as_a_link_of_the_chain_it_asks_nobody(tmp_path: Path) -> None:
    path, real = tmp_path / "c.json", Real()
    request = HttpRequest(url="https://h.example/text")
    await compose([Cassette(path, record=real)], real.send)(request)
    assert (await compose([Cassette(path)], real.send)(request)).status == 404
    assert real.number == 1
