"""Conformance of `Site`: its WebSockets, from open to close."""

from __future__ import annotations

import pytest
import trio

from tulou_contracts.network import ConnectionLost, HttpHost, Request, WebSocket
from tulou_contracts.testing.network.fixtures import HostFixture
from tulou_contracts.testing.network.peers import (
    PATIENCE,
    ask,
    ask_upgrade,
    close_code,
    echo,
    masked,
    open_by_hand,
    tell,
)


class SocketsConformance(HostFixture):
    """A socket's handler and its client hear of each other's end."""

    async def test_a_socket_is_no_page_and_a_page_no_socket(self, host: HttpHost) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/socket", echo)
                site.route("GET", "/tell", tell)
                assert 400 <= (await ask(site.port, "/socket")).status < 500
                assert await ask_upgrade(site.port, "/tell") == 404
                assert await ask_upgrade(site.port, "/nowhere") == 404
                assert await ask_upgrade(site.port, "/socket", sec_websocket_version="1") >= 400

    async def test_removing_a_path_closes_its_sockets(self, host: HttpHost) -> None:
        ends: list[int | None] = []
        gone = trio.Event()
        here = trio.Event()

        async def stay(socket: WebSocket, request: Request) -> None:
            here.set()
            with pytest.raises(ConnectionLost) as lost:
                await socket.receive()
            ends.append(lost.value.code)
            gone.set()

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/stay", stay)
                async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream:
                    await open_by_hand(stream, site.port, "/stay")
                    await here.wait()
                    site.remove("/stay")
                    assert await close_code(stream) == 1001
                    await gone.wait()
                assert await ask_upgrade(site.port, "/stay") == 404
        assert ends

    async def test_the_client_s_farewell_reaches_the_handler(self, host: HttpHost) -> None:
        came: list[object] = []
        gone = trio.Event()

        async def listen(socket: WebSocket, request: Request) -> None:
            try:
                while True:
                    came.append(await socket.receive())
            except ConnectionLost as lost:
                came.append(lost.code)
                gone.set()

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/listen", listen)
                async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream:
                    await open_by_hand(stream, site.port, "/listen")
                    await stream.send_all(masked(0x81, "你好".encode()))
                    await stream.send_all(masked(0x88, (1001).to_bytes(2, "big")))
                    await gone.wait()
        assert came == ["你好", 1001]

    async def test_a_client_that_vanishes_ends_the_handler(self, host: HttpHost) -> None:
        gone = trio.Event()
        here = trio.Event()

        async def push(socket: WebSocket, request: Request) -> None:
            here.set()
            try:
                while True:
                    await socket.send("tick")
                    await trio.sleep(0.01)
            except ConnectionLost:
                gone.set()

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/push", push)
                stream = await trio.open_tcp_stream("127.0.0.1", site.port)
                await open_by_hand(stream, site.port, "/push")
                await here.wait()
                await stream.aclose()
                await gone.wait()

    async def test_a_failing_socket_handler_closes_only_its_socket(self, host: HttpHost) -> None:
        async def fail(socket: WebSocket, request: Request) -> None:
            raise RuntimeError("broken")

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/fail", fail)
                site.route("GET", "/tell", tell)
                async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream:
                    await open_by_hand(stream, site.port, "/fail")
                    assert await close_code(stream) == 1011
                assert (await ask(site.port, "/tell")).status == 200
