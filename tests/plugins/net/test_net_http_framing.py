"""What an answer's head says about its body, taken at its word: codings, lengths, interim answers."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import given, settings, strategies as st
from tulou_net.config import Config
from tulou_net.http.client import RequestsClient
from tulou_net.http.decoding import Body

from tulou_contracts.network import ConnectionLost, HttpRequest, HttpResponse, NetworkError
from tulou_contracts.testing.network.peers import PATIENCE, read_head, scripted_server

TEXT = "".join(f"第{number}行：土楼里的人 {number * 7919}\n" for number in range(4000)).encode()


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[Callable[..., HttpRequest]]:
    """A server that says the same to every request, then closes; gives a request to it."""

    async def talk(stream: trio.SocketStream) -> None:
        await read_head(stream)
        for answer in answers:
            await stream.send_all(answer)

    async with scripted_server(talk) as port:
        yield lambda **named: HttpRequest(url=f"http://127.0.0.1:{port}/", **named)


async def whole(request: HttpRequest, **settings: int) -> HttpResponse:
    client = RequestsClient(Config(proxy="direct", retries=0, breaker_failures=0, **settings))
    try:
        return await client.send(request)
    finally:
        client.close()


async def in_pieces(request: HttpRequest) -> bytes:
    client = RequestsClient(Config(proxy="direct", retries=0, breaker_failures=0))
    try:
        async with client.open(request) as response:
            assert response.chunks is not None
            return b"".join([piece async for piece in response.chunks])
    finally:
        client.close()


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT[:999]) + gzip.compress(TEXT[999:]),
    "deflate": zlib.compress(TEXT),
    "DEFLATE": raw_deflate(TEXT),
    "gzip, deflate": zlib.compress(gzip.compress(TEXT)),
    "identity": TEXT,
}


def framed(coding: str, body: bytes, framing: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n".encode()
    if framing == "length":
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    if framing == "chunked":
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    return head + b"\r\n" + body


FRAMINGS = ("length", "chunked", "end")


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("coding", PACKED)
async def test_a_packed_answer_is_unpacked(coding: str, framing: str) -> None:
    with trio.fail_after(PATIENCE):
        async with answering(framed(coding, PACKED[coding], framing)) as request:
            assert (await whole(request())).body == TEXT
            assert await in_pieces(request()) == TEXT


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("coding", [each for each in PACKED if each != "identity"])
async def test_a_packed_answer_that_was_cut_is_an_error(coding: str, framing: str) -> None:
    cut = PACKED[coding][: len(PACKED[coding]) * 2 // 3]
    with trio.fail_after(PATIENCE):
        async with answering(framed(coding, cut, framing)) as request:
            with pytest.raises(ConnectionLost, match="breaks off"):
                await whole(request())
            with pytest.raises(ConnectionLost, match="breaks off"):
                await in_pieces(request())


class Sent:
    """What urllib3 gives, without a network: a body in pieces of any size."""

    def __init__(self, coding: str, body: bytes, size: int, ends: bool = True) -> None:
        self.headers = {"content-encoding": coding}
        self.length_remaining = None
        self.chunked = ends
        self._body, self._size = body, size

    def read1(self, most: int, decode_content: bool) -> bytes:
        assert not decode_content
        piece, self._body = self._body[:self._size], self._body[self._size:]
        return piece

    def close(self) -> None:
        """Nothing."""


def unpacked(
    coding: str, body: bytes, size: int = 1 << 16, limit: int | None = None, ends: bool = True
) -> bytes:
    reader = Body(Sent(coding, body, size, ends), HttpRequest(url="http://h.example/"), limit)
    return b"".join(iter(reader.read, b""))


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "raw"]), st.data())
def test_every_cut_is_noticed_and_nothing_else(data: bytes, coding: str, draw: st.DataObject) -> None:
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "raw": raw_deflate}[coding]
    packed, coding = pack(data), "deflate" if coding == "raw" else coding
    size = draw.draw(st.integers(1, 40))
    assert unpacked(coding, packed, size) == data
    cut = draw.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(NetworkError):
        unpacked(coding, packed[:cut], size)


def test_no_body_is_none_where_the_server_says_so() -> None:
    assert unpacked("gzip", b"") == b""
    with pytest.raises(ConnectionLost):
        unpacked("gzip", b"", ends=False)


def test_padding_after_the_end_does_no_harm_but_more_than_that() -> None:
    assert unpacked("gzip", gzip.compress(b"x") + bytes(512), 7) == b"x"
    with pytest.raises(NetworkError, match="not compressed as it says"):
        unpacked("gzip", gzip.compress(b"x") + bytes(1 << 20))


def test_a_wrong_checksum_is_an_error() -> None:
    wrong = {"gzip": gzip.compress(TEXT)[:-8] + bytes(8), "deflate": zlib.compress(TEXT)[:-4] + bytes(4)}
    for coding, body in wrong.items():
        with pytest.raises(NetworkError, match="not compressed as it says"):
            unpacked(coding, body)


def test_what_unpacks_to_nothing_is_bounded() -> None:
    nothings = gzip.compress(gzip.compress(b"") * 60_000)
    with pytest.raises(NetworkError, match="larger than 100000 bytes"):
        unpacked("gzip, gzip", nothings, limit=100_000)


@pytest.mark.parametrize(("coding", "words"), [
    ("gzip, gzip, gzip", "packed 3 times"), ("gzip, br", "nobody asked for"),
])
async def test_codings_beyond_two_or_unknown_ones_are_refused(coding: str, words: str) -> None:
    with trio.fail_after(PATIENCE):
        async with answering(framed(coding, b"xx", "length")) as request:
            with pytest.raises(NetworkError, match=words):
                await whole(request())
            with pytest.raises(NetworkError, match=words):
                await in_pieces(request())


def test_a_bomb_within_a_bomb_takes_little_memory() -> None:
    import tracemalloc

    bomb = gzip.compress(gzip.compress(bytes(64 << 20)))
    reader = Body(Sent("gzip, gzip", bomb, 1 << 16), HttpRequest(url="http://h.example/"), 1 << 30)
    tracemalloc.start()
    try:
        assert sum(len(piece) for piece in iter(reader.read, b"")) == 64 << 20
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"


@pytest.mark.parametrize("before", [
    [HINTS], [HINTS + HINTS], [b"HTTP/1.1 100 Continue\r\n\r\n", HINTS], [b"HTTP/1.1 199 What\r\n\r\n"],
])
async def test_interim_answers_are_passed_over(before: list[bytes]) -> None:
    with trio.fail_after(PATIENCE):
        async with answering(*before, OK) as request:
            answer = await whole(request())
            assert (answer.status, answer.body) == (200, b"ok")
            assert "link" not in answer.headers
            assert await in_pieces(request()) == b"ok"


@pytest.mark.parametrize(("answers", "words"), [
    (HINTS * 200 + OK, "interim"),
    (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\n\r\n", "another protocol"),
])
async def test_interim_answers_that_lead_nowhere_are_errors(answers: bytes, words: str) -> None:
    with trio.fail_after(PATIENCE):
        async with answering(answers) as request:
            with pytest.raises(NetworkError, match=words):
                await whole(request())


NO_LENGTHS = [
    "-5", "abc", "", "²", "٣", "+2", "2.0", "1_0", "0x2", "2 2", "9" * 19, "9" * 5000, "2,", "2, 3",
    "2\r\nContent-Length: 3",
]


@pytest.mark.parametrize("value", NO_LENGTHS, ids=range(len(NO_LENGTHS)))
async def test_a_content_length_that_is_none_is_an_error(value: str) -> None:
    """At once, not when the server gives up: it keeps the connection open."""

    async def talk(stream: trio.SocketStream) -> None:
        await read_head(stream)
        await stream.send_all(f"HTTP/1.1 200 OK\r\nContent-Length: {value}\r\n\r\nok".encode())
        await stream.receive_some()

    with trio.fail_after(PATIENCE):
        async with scripted_server(talk) as port:
            request = HttpRequest(url=f"http://127.0.0.1:{port}/", timeout=900)
            with pytest.raises(NetworkError, match="no length|several lengths"):
                await whole(request)
            with pytest.raises(NetworkError, match="no length|several lengths"):
                await in_pieces(request)


@pytest.mark.parametrize("value", ["2", "2, 2", "2\r\nContent-Length: 2", "002"])
async def test_a_content_length_that_is_said_twice_is_one(value: str) -> None:
    with trio.fail_after(PATIENCE):
        answer = f"HTTP/1.1 200 OK\r\nContent-Length: {value}\r\n\r\nokxx".encode()
        async with answering(answer) as request:
            assert (await whole(request())).body == b"ok"


async def test_chunks_win_over_a_content_length() -> None:
    both = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
    with trio.fail_after(PATIENCE):
        async with answering(both) as request:
            assert (await whole(request())).body == b"a"


@pytest.mark.parametrize("size", ["-5", "+5", "0x5", "5_0", "", "5" * 16, "²"])
async def test_a_chunk_of_no_size_is_an_error(size: str) -> None:
    chunk = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\nabcde\r\n0\r\n\r\n".encode()
    with trio.fail_after(PATIENCE):
        async with answering(chunk) as request:
            with pytest.raises(ConnectionLost):
                await whole(request())


async def test_a_way_of_sending_that_nobody_asked_for_is_an_error() -> None:
    with trio.fail_after(PATIENCE):
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
        async with answering(answer) as request:
            with pytest.raises(NetworkError, match="nobody asked for"):
                await whole(request())


async def test_a_head_without_a_body_may_tell_any_length() -> None:
    with trio.fail_after(PATIENCE):
        async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n") as request:
            assert (await whole(request(method="HEAD"))).body == b""
            assert await in_pieces(request(method="HEAD")) == b""
