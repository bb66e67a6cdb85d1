"""Conformance of `HttpClient`."""

from __future__ import annotations

import pytest
import trio

from tulou_contracts.network import (
    ConnectionLost,
    HttpClient,
    HttpHost,
    HttpRequest,
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
    tell,
)


class HttpClientConformance(HostFixture):
    """`HttpClient`."""

    @pytest.fixture
    def client(self) -> HttpClient:
        """The implementation under test."""
        raise NotImplementedError("define the fixture `client`")

    async def test_a_request_and_its_answer(self, client: HttpClient, host: HttpHost) -> None:
        async def handler(request: Request) -> Response:
            return Response(
                status=201, body=request.body + request.headers["x-room"].encode(),
                headers={"X-Floor": "2"},
            )

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.route("PUT", "/院子", handler)
                answer = await client.send(
                    HttpRequest(
                        url=site.url + "/院子", method="PUT", body=WORDS.encode(),
                        headers={"X-Room": "east", "Origin": site.url},
                    )
                )
        assert answer.status == 201
        assert answer.body.decode() == WORDS + "east"
        assert answer.headers["x-floor"] == "2"

    @pytest.mark.parametrize("status", [204, 304, 400, 404, 500, 503])
    async def test_any_status_is_an_answer(
        self, client: HttpClient, host: HttpHost, status: int
    ) -> None:
        async def handler(request: Request) -> Response:
            return Response(status=status)

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.route("GET", "/", handler)
                assert (await client.send(HttpRequest(url=site.url + "/"))).status == status

    async def test_nothing_is_remembered_between_requests(
        self, client: HttpClient, host: HttpHost
    ) -> None:
        async def handler(request: Request) -> Response:
            return Response(
                body=",".join(request.cookies), headers={"Set-Cookie": "secret=1; Path=/"}
            )

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.route("GET", "/", handler)
                for _ in range(2):
                    assert (await client.send(HttpRequest(url=site.url + "/"))).body == b""

    async def test_many_at_once(self, client: HttpClient, host: HttpHost) -> None:
        answers: list[bytes] = []

        async def get(url: str) -> None:
            answers.append((await client.send(HttpRequest(url=url))).body)

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.route("GET", "/n/*", tell)
                async with trio.open_nursery() as nursery:
                    for number in range(30):
                        nursery.start_soon(get, f"{site.url}/n/{number}")
        assert sorted(answers) == sorted(f"GET /n/{n}  ".encode() for n in range(30))

    async def test_the_timeout_is_total(self, client: HttpClient) -> None:
        """Also for a server that keeps sending a little."""

        async def drip(stream: trio.SocketStream) -> None:
            await read_head(stream)
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while True:
                await stream.send_all(b".")
                await trio.sleep(0.05)

        for script in (drip, forever):
            with trio.fail_after(PATIENCE):
                async with scripted_server(script) as port:
                    with pytest.raises(Unreachable, match=str(port)):
                        await client.send(HttpRequest(url=f"http://127.0.0.1:{port}/", timeout=0.3))

    async def test_cancelling_returns_at_once(self, client: HttpClient) -> None:
        with trio.fail_after(PATIENCE):
            async with scripted_server(forever) as port:
                with trio.move_on_after(0.1) as scope:
                    await client.send(HttpRequest(url=f"http://127.0.0.1:{port}/", timeout=1.0))
                assert scope.cancelled_caught

    async def test_a_torn_answer_is_no_answer(self, client: HttpClient) -> None:
        async def script(stream: trio.SocketStream) -> None:
            await read_head(stream)
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")

        with trio.fail_after(PATIENCE):
            async with scripted_server(script) as port:
                with pytest.raises(ConnectionLost, match=str(port)):
                    await client.send(HttpRequest(url=f"http://127.0.0.1:{port}/"))

    @pytest.mark.parametrize("answer", [b"", b"\x16\x03garbage\r\n\r\n"])
    async def test_an_answer_that_is_no_http(self, client: HttpClient, answer: bytes) -> None:
        async def script(stream: trio.SocketStream) -> None:
            await read_head(stream)
            await stream.send_all(answer)

        with trio.fail_after(PATIENCE):
            async with scripted_server(script) as port:
                with pytest.raises(NetworkError, match=str(port)):
                    await client.send(HttpRequest(url=f"http://127.0.0.1:{port}/"))

    async def test_nobody_there(self, client: HttpClient) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        await listeners[0].aclose()
        with trio.fail_after(PATIENCE), pytest.raises(Unreachable, match=f"127.0.0.1:{port}"):
            await client.send(HttpRequest(url=f"http://127.0.0.1:{port}/"))

    async def test_no_such_host(self, client: HttpClient) -> None:
        with trio.fail_after(PATIENCE), pytest.raises(Unreachable, match="nobody.invalid"):
            await client.send(HttpRequest(url="http://nobody.invalid/"))

    @pytest.mark.parametrize("url", ["", "not an address", "ftp://127.0.0.1/", "http://", "http://h:x/"])
    async def test_an_address_that_is_none(self, client: HttpClient, url: str) -> None:
        with trio.fail_after(PATIENCE), pytest.raises(NetworkError):
            await client.send(HttpRequest(url=url))

    @pytest.mark.parametrize("value", ["a\r\nHost: evil", "二楼"])
    async def test_a_header_that_cannot_be_sent(
        self, client: HttpClient, host: HttpHost, value: str
    ) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                with pytest.raises(NetworkError):
                    await client.send(HttpRequest(url=site.url, headers={"X-Room": value}))
