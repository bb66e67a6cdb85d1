"""Conformance of `HttpStreams`, and of request bodies in pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio

from tulou_contracts.network import (
    ConnectionLost,
    HttpClient,
    HttpHost,
    HttpProgress,
    HttpRequest,
    HttpStreams,
    NetworkError,
    Request,
    Response,
    Unreachable,
)
from tulou_contracts.testing.network.fixtures import HostFixture
from tulou_contracts.testing.network.peers import (
    PATIENCE,
    WORDS,
    forever,
    read_head,
    scripted_server,
)


async def words() -> AsyncIterator[bytes]:
    """A request's body in pieces."""
    for word in WORDS:
        yield word.encode()


async def double(request: Request) -> Response:
    """A route handler: the body twice, and how it came."""
    length = request.headers.get("content-length", "none")
    return Response(body=request.body * 2, headers={"X-Length": length})


class HttpStreamsConformance(HostFixture):
    """`HttpStreams`; `client` must be an `HttpClient` too."""

    @pytest.fixture
    def client(self) -> HttpClient:
        """The implementation under test."""
        raise NotImplementedError("define the fixture `client`")

    @pytest.fixture
    def streams(self, client: HttpClient) -> HttpStreams:
        """The same as `client`."""
        return client  # type: ignore[return-value]

    async def test_a_response_piece_by_piece(self, streams: HttpStreams, host: HttpHost) -> None:
        large = WORDS.encode() * 50_000

        async def handler(request: Request) -> Response:
            return Response(body=large, headers={"X-Floor": "2"})

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.route("GET", "/", handler)
                async with streams.open(HttpRequest(url=site.url + "/")) as response:
                    assert (response.status, response.headers["x-floor"]) == (200, "2")
                    assert response.body == b"" and response.chunks is not None
                    pieces = [piece async for piece in response.chunks]
                assert len(pieces) > 1 and all(pieces)
                assert b"".join(pieces) == large
                async with streams.open(HttpRequest(url=site.url + "/nothing")) as response:
                    assert response.status == 404

    async def test_no_more_is_read_than_asked_for(self, streams: HttpStreams) -> None:
        sent = 0

        async def pour(stream: trio.SocketStream) -> None:
            nonlocal sent
            await read_head(stream)
            await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                await stream.send_all(bytes(1 << 16))
                sent += 1 << 16

        with trio.fail_after(PATIENCE):
            async with scripted_server(pour) as port:
                async with streams.open(HttpRequest(url=f"http://127.0.0.1:{port}/")) as response:
                    assert response.chunks is not None
                    assert await anext(response.chunks)
                    before = -1
                    while before != sent:  # the system's buffers fill up, then the server has to wait
                        before = sent
                        await trio.sleep(0.1)
                    assert sent < 64 << 20
                    assert await anext(response.chunks)

    async def test_leaving_early_hangs_up(self, streams: HttpStreams) -> None:
        gone = trio.Event()

        async def pour(stream: trio.SocketStream) -> None:
            await read_head(stream)
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            try:
                while True:
                    await stream.send_all(bytes(1 << 16))
            finally:
                gone.set()

        with trio.fail_after(PATIENCE):
            async with scripted_server(pour) as port:
                async with streams.open(HttpRequest(url=f"http://127.0.0.1:{port}/")) as response:
                    assert response.chunks is not None
                    await anext(response.chunks)
                await gone.wait()

    async def test_cancelling_while_waiting_for_a_piece_hangs_up(self, streams: HttpStreams) -> None:
        gone = trio.Event()

        async def stall(stream: trio.SocketStream) -> None:
            await read_head(stream)
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            assert not await stream.receive_some()
            gone.set()

        with trio.fail_after(PATIENCE):
            async with scripted_server(stall) as port:
                with trio.move_on_after(0.2) as scope:
                    async with streams.open(
                        HttpRequest(url=f"http://127.0.0.1:{port}/", timeout=900, read_timeout=900)
                    ) as response:
                        assert response.chunks is not None
                        assert [piece async for piece in response.chunks] == [b"half"]
                assert scope.cancelled_caught
                await gone.wait()

    async def test_a_torn_body_is_an_error(self, streams: HttpStreams) -> None:
        async def tear(stream: trio.SocketStream) -> None:
            await read_head(stream)
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")

        with trio.fail_after(PATIENCE):
            async with scripted_server(tear) as port:
                async with streams.open(HttpRequest(url=f"http://127.0.0.1:{port}/")) as response:
                    assert response.chunks is not None
                    assert await anext(response.chunks) == b"half"
                    with pytest.raises(ConnectionLost):
                        await anext(response.chunks)

    async def test_the_timeout_holds_until_the_head(self, streams: HttpStreams) -> None:
        with trio.fail_after(PATIENCE):
            async with scripted_server(forever) as port:
                with pytest.raises(Unreachable, match=str(port)):
                    async with streams.open(
                        HttpRequest(url=f"http://127.0.0.1:{port}/", timeout=0.2)
                    ):
                        pass

    @pytest.mark.parametrize("length", [None, len(WORDS.encode())])
    async def test_a_request_in_pieces(self, client: HttpClient, host: HttpHost, length: int | None) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.route("PUT", "/", double)
                answer = await client.send(HttpRequest(
                    url=site.url + "/", method="PUT", content=words, content_length=length,
                    headers={"Origin": site.url},
                ))
        assert answer.body.decode() == WORDS * 2
        assert answer.headers["x-length"] == ("none" if length is None else str(length))

    async def test_an_error_in_the_pieces_comes_out_and_ends_the_request(
        self, client: HttpClient, host: HttpHost
    ) -> None:
        async def failing() -> AsyncIterator[bytes]:
            yield b"a"
            raise KeyError("the file is gone")

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.route("PUT", "/", double)
                with pytest.raises(KeyError, match="gone"):
                    await client.send(HttpRequest(
                        url=site.url + "/", method="PUT", content=failing, content_length=99,
                        headers={"Origin": site.url},
                    ))

    async def test_progress(self, client: HttpClient, host: HttpHost) -> None:
        told: list[HttpProgress] = []
        size = 1 << 20
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.route("PUT", "/", double)
                answer = await client.send(HttpRequest(
                    url=site.url + "/", method="PUT", body=bytes(size), progress=told.append,
                    headers={"Origin": site.url},
                ))
        assert answer.body == bytes(2 * size)
        assert told[-1] == HttpProgress(size, size, 2 * size, 2 * size)
        assert told == sorted(told, key=lambda each: (each.sent, each.received))
        assert any(0 < each.sent < size for each in told)

    async def test_a_limit_of_ones_own(
        self, client: HttpClient, streams: HttpStreams, host: HttpHost
    ) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.route("PUT", "/", double)
                request = HttpRequest(
                    url=site.url + "/", method="PUT", body=bytes(600), max_response=1000,
                    headers={"Origin": site.url},
                )
                with pytest.raises(NetworkError, match="1000"):
                    await client.send(request)
                with pytest.raises(NetworkError, match="1000"):
                    async with streams.open(request) as response:
                        assert response.chunks is not None
                        async for _ in response.chunks:
                            pass
