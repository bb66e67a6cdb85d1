"""Conformance of `WebSocketConnector`: messages between two that behave."""

from __future__ import annotations

import pytest
import trio

from tulou_contracts.network import ConnectionLost, HttpHost, Request, WebSocket, WebSocketConnector
from tulou_contracts.testing.network.fixtures import ConnectorFixture
from tulou_contracts.testing.network.peers import PATIENCE, WORDS, echo, ws


class MessagesConformance(ConnectorFixture):
    """What is sent arrives, whole, once and in order."""

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
