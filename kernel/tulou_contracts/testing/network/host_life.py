"""Conformance of `HttpHost`: the life of a site, and what peers do to it."""

from __future__ import annotations

import pytest
import trio

from tulou_contracts.network import HttpHost, PortTaken, Request, Response, WebSocket
from tulou_contracts.testing.network.fixtures import HostFixture
from tulou_contracts.testing.network.peers import (
    PATIENCE,
    ask,
    close_code,
    echo,
    open_by_hand,
    reset,
    tell,
)


class SiteLifeConformance(HostFixture):
    """Sites come, go, and survive their peers."""

    async def test_two_sites_at_once(self, host: HttpHost) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as one, host.serve() as two:
                assert one.port != two.port
                one.route("GET", "/one", tell)
                assert (await ask(one.port, "/one")).status == 200
                assert (await ask(two.port, "/one")).status == 404

    async def test_a_taken_port_is_named(self, host: HttpHost) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                with pytest.raises(PortTaken, match=str(site.port)):
                    async with host.serve(port=site.port):
                        pass

    async def test_the_same_port_can_be_had_again(self, host: HttpHost) -> None:
        port = 0
        with trio.fail_after(PATIENCE):
            for _ in range(3):
                async with host.serve(port=port) as site:
                    assert port in (0, site.port)
                    port = site.port
                    site.route("GET", "/tell", tell)
                    assert (await ask(port, "/tell")).status == 200

    async def test_leaving_says_farewell_to_sockets_and_waits_for_nobody(
        self, host: HttpHost
    ) -> None:
        async def stubborn(socket: WebSocket, request: Request) -> None:
            await trio.sleep_forever()

        async def slow(request: Request) -> Response:
            await trio.sleep_forever()
            return Response()

        with trio.fail_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                async with host.serve() as site:
                    site.socket("/stubborn", stubborn)
                    site.route("GET", "/slow", slow)
                    open_socket = await trio.open_tcp_stream("127.0.0.1", site.port)
                    await open_by_hand(open_socket, site.port, "/stubborn")
                    idle = await trio.open_tcp_stream("127.0.0.1", site.port)
                    waiting = await trio.open_tcp_stream("127.0.0.1", site.port)
                    await waiting.send_all(
                        f"GET /slow HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n\r\n".encode()
                    )
                    await trio.sleep(0.05)
                assert await close_code(open_socket) == 1001
                with pytest.raises(OSError):
                    await trio.open_tcp_stream("127.0.0.1", site.port)
                for stream in (open_socket, idle, waiting):
                    await stream.aclose()
                nursery.cancel_scope.cancel()

    async def test_an_error_in_the_block_comes_out_as_it_is(self, host: HttpHost) -> None:
        with trio.fail_after(PATIENCE), pytest.raises(KeyError, match="mine"):
            async with host.serve():
                raise KeyError("mine")

    async def test_cancelling_leaves_too(self, host: HttpHost) -> None:
        with trio.fail_after(PATIENCE):
            with trio.CancelScope() as scope:
                async with host.serve() as site:
                    port = site.port
                    scope.cancel()
                    await trio.sleep_forever()
            with pytest.raises(OSError):
                await trio.open_tcp_stream("127.0.0.1", port)

    @pytest.mark.parametrize(
        "garbage",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00" * 100, b"GET", b"GET / HTTP/1.1\r\n",
            b"GET / HTTP/1.1\r\n\r\n", b"G" * 70_000, b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 50,
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nHTTP2-Settings: ***\r\n"
            b"Connection: Upgrade, HTTP2-Settings\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
            b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n",
            b"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
            b"POST /tell HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "GET /楼 HTTP/1.1\r\nHost: x\r\n\r\n".encode(), b"GET /%zz%ff HTTP/1.0\r\n\r\n",
        ],
    )
    async def test_garbage_on_the_port_harms_nobody(self, host: HttpHost, garbage: bytes) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.route("GET", "/tell", tell)
                for abruptly in (False, True):
                    stream = await trio.open_tcp_stream("127.0.0.1", site.port)
                    await stream.send_all(garbage)
                    if abruptly:
                        reset(stream)
                    else:
                        await stream.send_eof()
                        try:
                            async for _ in stream:
                                pass
                        except trio.BrokenResourceError:
                            pass
                    await stream.aclose()
                assert (await ask(site.port, "/tell")).status == 200

    @pytest.mark.parametrize(
        "garbage", [b"\xff\xff\xff", b"\x81\x05plain", b"\xf1\x80abcd", b"\x81\x84", b"\x88\x81abcdx"]
    )
    async def test_garbage_in_a_socket_harms_nobody_else(
        self, host: HttpHost, garbage: bytes
    ) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/echo", echo)
                site.route("GET", "/tell", tell)
                for abruptly in (False, True):
                    stream = await trio.open_tcp_stream("127.0.0.1", site.port)
                    await open_by_hand(stream, site.port, "/echo")
                    await stream.send_all(garbage)
                    if abruptly:
                        reset(stream)
                    await stream.aclose()
                assert (await ask(site.port, "/tell")).status == 200

    async def test_a_client_that_reads_nothing_holds_nobody_up(self, host: HttpHost) -> None:
        async def pour(socket: WebSocket, request: Request) -> None:
            while True:
                await socket.send(bytes(1 << 20))

        async def large(request: Request) -> Response:
            return Response(body=bytes(32 << 20))

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/pour", pour)
                site.route("GET", "/large", large)
                site.route("GET", "/tell", tell)
                stalled = await trio.open_tcp_stream("127.0.0.1", site.port)
                await open_by_hand(stalled, site.port, "/pour")
                lazy = await trio.open_tcp_stream("127.0.0.1", site.port)
                await lazy.send_all(
                    f"GET /large HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n\r\n".encode()
                )
                await trio.sleep(0.1)
                assert (await ask(site.port, "/tell")).status == 200
            await stalled.aclose()
            await lazy.aclose()
