"""Conformance of `WebSocketConnector` and `HttpClient`; see `tulou_contracts.testing.network`."""

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
    WebSocket,
    WebSocketConnector,
)
from tulou_contracts.testing.network_peers import (
    PATIENCE,
    WORDS,
    accept_upgrade,
    echo,
    forever,
    read_head,
    scripted_server,
    tell,
    ws,
)


class WebSocketConformance:
    """`WebSocketConnector`, against `HttpHost` and against peers that misbehave."""

    @pytest.fixture
    def connector(self) -> WebSocketConnector:
        """The implementation under test."""
        raise NotImplementedError("define the fixture `connector`")

    @pytest.fixture
    def host(self) -> HttpHost:
        """A host to talk to."""
        raise NotImplementedError("define the fixture `host`")

    async def test_text_and_bytes_both_ways(
        self, connector: WebSocketConnector, host: HttpHost
    ) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/echo", echo)
                async with connector.connect(ws(site, "/echo")) as socket:
                    for message in (WORDS, WORDS.encode(), "", b"", "x" * 300_000, bytes(70_000)):
                        await socket.send(message)
                        assert await socket.receive() == message

    async def test_the_address_keeps_its_query_and_its_chinese_path(
        self, connector: WebSocketConnector, host: HttpHost
    ) -> None:
        async def say_where(socket: WebSocket, request: Request) -> None:
            await socket.send(f"{request.path} {request.query['房间']}")

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/院子", say_where)
                async with connector.connect(ws(site, "/院子?房间=二楼")) as socket:
                    assert await socket.receive() == "/院子 二楼"

    async def test_the_subprotocol_is_agreed(
        self, connector: WebSocketConnector, host: HttpHost
    ) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/x", echo, subprotocols=("xmpp", "mqtt"))
                async with connector.connect(ws(site, "/x"), subprotocols=("xmpp",)) as socket:
                    assert socket.subprotocol == "xmpp"
                async with connector.connect(ws(site, "/x")) as socket:
                    assert socket.subprotocol is None

    async def test_many_writers_and_one_reader_lose_nothing(
        self, connector: WebSocketConnector, host: HttpHost
    ) -> None:
        async def write(socket: WebSocket, name: int) -> None:
            for number in range(50):
                await socket.send(f"{name} {number}")

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/echo", echo)
                async with connector.connect(ws(site, "/echo")) as socket:
                    async with trio.open_nursery() as nursery:
                        for name in range(4):
                            nursery.start_soon(write, socket, name)
                        came = [str(await socket.receive()).split() for _ in range(200)]
        for name in range(4):
            assert [int(n) for who, n in came if who == str(name)] == list(range(50))

    async def test_messages_before_the_farewell_are_received_and_its_code_is_told(
        self, connector: WebSocketConnector, host: HttpHost
    ) -> None:
        async def leave(socket: WebSocket, request: Request) -> None:
            await socket.send("一")
            await socket.send("二")
            await socket.close(1001, "再见")

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/leave", leave)
                async with connector.connect(ws(site, "/leave")) as socket:
                    assert [await socket.receive(), await socket.receive()] == ["一", "二"]
                    for _ in range(2):
                        with pytest.raises(ConnectionLost, match="再见") as lost:
                            await socket.receive()
                        assert lost.value.code == 1001
                    with pytest.raises(ConnectionLost):
                        await socket.send("too late")
                    await socket.close()

    async def test_closing_twice_is_harmless(
        self, connector: WebSocketConnector, host: HttpHost
    ) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/echo", echo)
                async with connector.connect(ws(site, "/echo")) as socket:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(socket.close)
                        nursery.start_soon(socket.close)
                    await socket.close(1000, "长" * 200)
                    with pytest.raises(ConnectionLost) as lost:
                        await socket.receive()
                    assert lost.value.code == 1000

    async def test_an_error_in_the_block_comes_out_as_it_is(
        self, connector: WebSocketConnector, host: HttpHost
    ) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/echo", echo)
                with pytest.raises(KeyError, match="mine"):
                    async with connector.connect(ws(site, "/echo")):
                        raise KeyError("mine")

    async def test_a_cancelled_receive_loses_no_message(
        self, connector: WebSocketConnector, host: HttpHost
    ) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/echo", echo)
                async with connector.connect(ws(site, "/echo")) as socket:
                    with trio.CancelScope() as scope:
                        scope.cancel()
                        await socket.receive()
                    await socket.send("still here")
                    assert await socket.receive() == "still here"

    async def test_cancelled_senders_never_tear_a_message(
        self, connector: WebSocketConnector, host: HttpHost
    ) -> None:
        """Whatever arrives is whole, and the connection serves on."""
        sizes: list[int] = []

        async def measure(socket: WebSocket, request: Request) -> None:
            while True:
                message = await socket.receive()
                sizes.append(len(message))
                if message == "end":
                    await socket.send("end")

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/measure", measure)
                async with connector.connect(ws(site, "/measure")) as socket:
                    for milliseconds in range(8):
                        with trio.move_on_after(milliseconds / 1000):
                            for _ in range(4):
                                await socket.send(bytes(900_000))
                    await socket.send("end")
                    assert await socket.receive() == "end"
        assert set(sizes) <= {900_000, len("end")}

    async def test_nobody_there(self, connector: WebSocketConnector) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        await listeners[0].aclose()
        with trio.fail_after(PATIENCE), pytest.raises(Unreachable, match=f"127.0.0.1:{port}"):
            async with connector.connect(f"ws://127.0.0.1:{port}/"):
                pass

    async def test_no_such_host(self, connector: WebSocketConnector) -> None:
        with trio.fail_after(PATIENCE), pytest.raises(Unreachable, match="nobody.invalid"):
            async with connector.connect("ws://nobody.invalid/"):
                pass

    @pytest.mark.parametrize(
        "url", ["", "http://127.0.0.1/", "ws://", "ws://[::1", "ws://h:99999/", "ws://h:x/", "ws://\udcff/"]
    )
    async def test_an_address_that_is_none(self, connector: WebSocketConnector, url: str) -> None:
        with trio.fail_after(PATIENCE), pytest.raises(NetworkError):
            async with connector.connect(url):
                pass

    async def test_a_handshake_that_is_never_answered_ends_in_time(
        self, connector: WebSocketConnector
    ) -> None:
        with trio.fail_after(PATIENCE):
            async with scripted_server(forever) as port:
                for scheme in ("ws", "wss"):
                    with pytest.raises(Unreachable, match=str(port)):
                        async with connector.connect(f"{scheme}://127.0.0.1:{port}/", timeout=0.2):
                            pass

    @pytest.mark.parametrize(
        ("answer", "match"),
        [
            (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", "404"),
            (b"HTTP/1.1 503 Busy\r\n\r\nuntil the end", "503"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200"),
            (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "302"),
            (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "127"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "127"),
            (b"\x15\x03\x01\x00\x02\x02\x46", "127"),
            (b"", "127"),
        ],
    )
    async def test_an_answer_that_is_no_websocket_is_told(
        self, connector: WebSocketConnector, answer: bytes, match: str
    ) -> None:
        async def script(stream: trio.SocketStream) -> None:
            await read_head(stream)
            await stream.send_all(answer)

        with trio.fail_after(PATIENCE):
            async with scripted_server(script) as port:
                with pytest.raises(NetworkError, match=match) as error:
                    async with connector.connect(f"ws://127.0.0.1:{port}/"):
                        pass
                assert str(port) in str(error.value)

    async def test_tls_with_a_server_that_has_none(self, connector: WebSocketConnector) -> None:
        async def script(stream: trio.SocketStream) -> None:
            await stream.receive_some()
            await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        with trio.fail_after(PATIENCE):
            async with scripted_server(script) as port:
                with pytest.raises(NetworkError, match="TLS"):
                    async with connector.connect(f"wss://127.0.0.1:{port}/"):
                        pass

    @pytest.mark.parametrize("torn", [b"", b"\x81", b"\x81\x7e\x01\x00half a frame", b"\x01\x03abc"])
    async def test_a_server_that_breaks_off(
        self, connector: WebSocketConnector, torn: bytes
    ) -> None:
        async def script(stream: trio.SocketStream) -> None:
            await accept_upgrade(stream)
            await stream.send_all(b"\x81\x05whole" + torn)

        with trio.fail_after(PATIENCE):
            async with scripted_server(script) as port:
                async with connector.connect(f"ws://127.0.0.1:{port}/") as socket:
                    assert await socket.receive() == "whole"
                    with pytest.raises(ConnectionLost) as lost:
                        await socket.receive()
                    assert lost.value.code not in (1000, 1001)

    @pytest.mark.parametrize("bad", [b"\x83\x00", b"\xf1\x00", b"\x81\x02\xff\xfe", b"\x80\x01x"])
    async def test_frames_that_break_the_protocol_end_the_connection(
        self, connector: WebSocketConnector, bad: bytes
    ) -> None:
        async def script(stream: trio.SocketStream) -> None:
            await accept_upgrade(stream)
            await stream.send_all(bad)
            await forever(stream)

        with trio.fail_after(PATIENCE):
            async with scripted_server(script) as port:
                async with connector.connect(f"ws://127.0.0.1:{port}/") as socket:
                    with pytest.raises(ConnectionLost) as lost:
                        await socket.receive()
                    assert lost.value.code not in (1000, 1001)

    async def test_a_message_over_the_limit_ends_the_connection(
        self, connector: WebSocketConnector, host: HttpHost
    ) -> None:
        async def flood(socket: WebSocket, request: Request) -> None:
            await socket.send("x" * 2001)
            await socket.receive()

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/flood", flood)
                async with connector.connect(ws(site, "/flood"), max_message=2000) as socket:
                    with pytest.raises(ConnectionLost) as lost:
                        await socket.receive()
                    assert lost.value.code == 1009

    async def test_a_silent_peer_is_dead_after_missed_heartbeats(
        self, connector: WebSocketConnector
    ) -> None:
        async def script(stream: trio.SocketStream) -> None:
            await accept_upgrade(stream)
            await forever(stream)

        with trio.fail_after(PATIENCE):
            async with scripted_server(script) as port:
                async with connector.connect(f"ws://127.0.0.1:{port}/", heartbeat=0.05) as socket:
                    with pytest.raises(ConnectionLost) as lost:
                        await socket.receive()
                    assert lost.value.code not in (1000, 1001)
                    with pytest.raises(ConnectionLost):
                        await socket.send("hello?")

    async def test_a_peer_that_answers_pings_stays(
        self, connector: WebSocketConnector, host: HttpHost
    ) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/echo", echo)
                async with connector.connect(ws(site, "/echo"), heartbeat=0.1) as socket:
                    with trio.move_on_after(1.0) as scope:
                        await socket.receive()
                    assert scope.cancelled_caught
                    await socket.send("here")
                    assert await socket.receive() == "here"

    async def test_a_slow_reader_is_not_taken_for_a_dead_peer(
        self, connector: WebSocketConnector, host: HttpHost
    ) -> None:
        async def pour(socket: WebSocket, request: Request) -> None:
            for number in range(500):
                await socket.send(f"{number} " + "x" * 4000)

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/pour", pour)
                async with connector.connect(ws(site, "/pour"), heartbeat=0.05) as socket:
                    await trio.sleep(0.5)
                    for number in range(500):
                        assert str(await socket.receive()).split()[0] == str(number)

    async def test_leaving_does_not_wait_for_a_peer_that_ignores_the_farewell(
        self, connector: WebSocketConnector
    ) -> None:
        async def script(stream: trio.SocketStream) -> None:
            await accept_upgrade(stream)
            await forever(stream)

        with trio.fail_after(PATIENCE):
            async with scripted_server(script) as port:
                async with connector.connect(f"ws://127.0.0.1:{port}/", heartbeat=0):
                    pass


class HttpClientConformance:
    """`HttpClient`."""

    @pytest.fixture
    def client(self) -> HttpClient:
        """The implementation under test."""
        raise NotImplementedError("define the fixture `client`")

    @pytest.fixture
    def host(self) -> HttpHost:
        """A host to talk to."""
        raise NotImplementedError("define the fixture `host`")

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
