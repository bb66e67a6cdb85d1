"""Conformance of `WebSocketConnector`: peers that are not there or misbehave."""

from __future__ import annotations

import pytest
import trio

from tulou_contracts.network import (
    ConnectionLost,
    HttpHost,
    NetworkError,
    Request,
    Unreachable,
    WebSocket,
    WebSocketConnector,
)
from tulou_contracts.testing.network.fixtures import ConnectorFixture
from tulou_contracts.testing.network.peers import (
    PATIENCE,
    accept_upgrade,
    echo,
    forever,
    read_head,
    scripted_server,
    ws,
)


class FaultyPeersConformance(ConnectorFixture):
    """Each fault ends the connection with an error that names the address."""

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
