"""What busy, rude and slow peers may do to the host and to connections: nothing that lasts."""

from __future__ import annotations

import logging
import struct

import pytest
import trio
from tulou_net.config import Config
from tulou_net.connector import Connector
from tulou_net.host import LoopbackHost
from tulou_net.site import RunningSite

from tulou_contracts.network import ConnectionLost, Request, Response, WebSocket
from tulou_contracts.testing.network.peers import (
    accept_upgrade,
    ask,
    ask_upgrade,
    close_code,
    echo,
    masked,
    open_by_hand,
    read_head,
    reset,
    scripted_server,
    tell,
    ws,
)

PATIENCE = 20.0


def site_of(site: object) -> RunningSite:
    assert isinstance(site, RunningSite)
    return site


async def settle(site: object) -> None:
    """Until no connection is left."""
    while site_of(site)._streams:
        await trio.sleep(0.01)


def tasks_below(nursery: trio.Nursery) -> int:
    return sum(
        1 + sum(tasks_below(child) for child in task.child_nurseries) for task in nursery.child_tasks
    )


# sending to a peer that reads nothing


async def stuck(stream: trio.SocketStream) -> None:
    await accept_upgrade(stream)
    await trio.sleep_forever()


async def test_a_stalled_send_ends_as_a_lost_connection() -> None:
    connector = Connector(Config(send_stall=0.3, close_patience=0.2))
    with trio.fail_after(PATIENCE):
        async with scripted_server(stuck) as port:
            async with connector.connect(f"ws://127.0.0.1:{port}/", heartbeat=0) as socket:
                with pytest.raises(ConnectionLost):
                    await socket.send(bytes(64 << 20))
                with pytest.raises(ConnectionLost):
                    await socket.receive()


async def test_cancelling_a_stalled_send_takes_no_longer_than_the_stall() -> None:
    connector = Connector(Config(send_stall=0.5, close_patience=0.2))
    with trio.fail_after(PATIENCE):
        async with scripted_server(stuck) as port:
            with trio.move_on_after(0.1) as scope:
                async with connector.connect(f"ws://127.0.0.1:{port}/", heartbeat=0) as socket:
                    await socket.send(bytes(64 << 20))
            assert scope.cancelled_caught


async def test_the_heartbeat_notices_a_peer_that_stops_reading_and_writing() -> None:
    connector = Connector(Config(send_stall=60.0, close_patience=0.2))
    with trio.fail_after(PATIENCE):
        async with scripted_server(stuck) as port:
            async with connector.connect(f"ws://127.0.0.1:{port}/", heartbeat=0.1) as socket:
                with pytest.raises(ConnectionLost, match="no sign of life"):
                    await socket.send(bytes(64 << 20))


async def test_a_page_that_reads_nothing_is_dropped_while_the_site_goes_on() -> None:
    lost = trio.Event()

    async def pour(socket: WebSocket, request: Request) -> None:
        try:
            while True:
                await socket.send(bytes(1 << 20))
        except ConnectionLost:
            lost.set()

    async def large(request: Request) -> Response:
        return Response(body=bytes(64 << 20))

    with trio.fail_after(PATIENCE):
        async with LoopbackHost(Config(send_stall=0.2, host_grace=0.1)).serve() as site:
            site.socket("/pour", pour)
            site.route("GET", "/large", large)
            stalled = await trio.open_tcp_stream("127.0.0.1", site.port)
            await open_by_hand(stalled, site.port, "/pour")
            await lost.wait()
            lazy = await trio.open_tcp_stream("127.0.0.1", site.port)
            await lazy.send_all(f"GET /large HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n\r\n".encode())
            await lazy.receive_some(1)
            await settle(site)
            await stalled.aclose()
            await lazy.aclose()


# the host: connections


async def test_what_is_no_http_is_told_at_once(host: LoopbackHost) -> None:
    """A TLS client that waits for an answer must not wait as long as a slow one may take."""
    with trio.fail_after(PATIENCE):
        async with host.serve() as site:
            async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream:
                await stream.send_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
                assert (await read_head(stream)).split()[1] == b"400"


async def test_rude_clients_leave_nothing_behind(host: LoopbackHost) -> None:
    rude = [
        b"", b"GET", b"\xff\xff", b"GET /tell HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n"
        b"Connection: Upgrade, HTTP2-Settings\r\n\r\n",
    ]

    async def one(port: int, opening: bytes) -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(opening)
        reset(stream)
        await stream.aclose()

    async def one_socket(port: int) -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await open_by_hand(stream, port, "/echo")
        await stream.send_all(masked(0x81, b"hello") + b"\x81\xfe\x00")
        reset(stream)
        await stream.aclose()

    with trio.fail_after(PATIENCE):
        async with host.serve() as site:
            site.route("GET", "/tell", tell)
            site.route("POST", "/tell", tell)
            site.socket("/echo", echo)
            before = tasks_below(site_of(site)._nursery)
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(one_socket, site.port)
                    for opening in rude:
                        nursery.start_soon(one, site.port, opening)
            await settle(site)
            while tasks_below(site_of(site)._nursery) > before:
                await trio.sleep(0.01)
            assert not site_of(site)._sockets
            assert (await ask(site.port, "/tell")).status == 200


async def test_a_silent_connection_is_closed_after_a_while() -> None:
    with trio.fail_after(PATIENCE):
        async with LoopbackHost(Config(host_keep_alive=0.1)).serve() as site:
            for opening in (b"", b"GET /tell HT"):
                stream = await trio.open_tcp_stream("127.0.0.1", site.port)
                await stream.send_all(opening)
                with pytest.raises((trio.BrokenResourceError, trio.EndOfChannel)):
                    if await stream.receive_some() == b"":
                        raise trio.EndOfChannel
                await stream.aclose()


async def test_too_many_connections_are_turned_away() -> None:
    with trio.fail_after(PATIENCE):
        async with LoopbackHost(Config(host_max_connections=3)).serve() as site:
            site.route("GET", "/tell", tell)
            held = [await trio.open_tcp_stream("127.0.0.1", site.port) for _ in range(3)]
            while len(site_of(site)._streams) < 3:
                await trio.sleep(0.01)
            late = await trio.open_tcp_stream("127.0.0.1", site.port)
            assert await late.receive_some() == b""
            for stream in (*held, late):
                await stream.aclose()
            await settle(site)
            assert (await ask(site.port, "/tell")).status == 200


async def test_many_requests_on_one_connection(host: LoopbackHost) -> None:
    with trio.fail_after(PATIENCE):
        async with host.serve() as site:
            site.route("GET", "/n/*", tell)
            async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream:
                for number in range(1200):  # Hypercorn's own limit is 1000
                    await stream.send_all(
                        f"GET /n/{number} HTTP/1.1\r\nHost: localhost:{site.port}\r\n\r\n".encode()
                    )
                    answer = b""
                    while f"GET /n/{number} ".encode() not in answer:
                        data = await stream.receive_some()
                        assert data, number
                        answer += data


async def test_a_request_that_arrives_byte_by_byte(host: LoopbackHost) -> None:
    with trio.fail_after(PATIENCE):
        async with host.serve() as site:
            site.route("GET", "/tell", tell)
            site.socket("/echo", echo)
            own = f"Host: 127.0.0.1:{site.port}\r\n"
            for request, status in (
                (f"GET /tell HTTP/1.1\r\n{own}\r\n", b"200"),
                (
                    f"GET /echo HTTP/1.1\r\n{own}UPGRADE:WebSocket \r\nConnection: keep-alive, Upgrade\r\n"
                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                    b"101",
                ),
            ):
                async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream:
                    for byte in request.encode():
                        await stream.send_all(bytes([byte]))
                    assert (await read_head(stream)).split()[1] == status


# the host: bodies and messages


async def test_a_body_over_the_limit_is_refused() -> None:
    with trio.fail_after(PATIENCE):
        async with LoopbackHost(Config(host_max_body=1000)).serve() as site:
            site.route("POST", "/tell", tell)
            fits = await ask(site.port, "/tell", method="POST", body=b"x" * 1000, origin=site.url)
            assert fits.status == 200
            large = await ask(site.port, "/tell", method="POST", body=b"x" * 1001, origin=site.url)
            assert large.status == 413
            chunks = b"%x\r\n" % 600 + b"x" * 600 + b"\r\n"
            stream = await trio.open_tcp_stream("127.0.0.1", site.port)
            async with stream:
                await stream.send_all(
                    f"POST /tell HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nOrigin: {site.url}\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n".encode() + chunks + chunks
                )
                assert (await read_head(stream)).split()[1] == b"413"


async def test_a_body_that_never_comes_is_not_waited_for() -> None:
    with trio.fail_after(PATIENCE):
        async with LoopbackHost(Config(host_body_patience=0.1)).serve() as site:
            site.route("POST", "/tell", tell)
            async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream:
                await stream.send_all(
                    f"POST /tell HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nOrigin: {site.url}\r\n"
                    "Content-Length: 10\r\n\r\nhalf".encode()
                )
                assert (await read_head(stream)).split()[1] == b"408"


async def test_half_a_body_never_reaches_the_handler(host: LoopbackHost) -> None:
    came: list[bytes] = []

    async def save(request: Request) -> Response:
        came.append(request.body)
        return Response()

    with trio.fail_after(PATIENCE):
        async with host.serve() as site:
            site.route("PUT", "/save", save)
            async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream:
                await stream.send_all(
                    f"PUT /save HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nOrigin: {site.url}\r\n"
                    "Content-Length: 10\r\n\r\nhalf".encode()
                )
            await settle(site)
    assert came == []


async def test_a_handler_finishes_though_its_client_left(host: LoopbackHost) -> None:
    started, finished = trio.Event(), trio.Event()

    async def save(request: Request) -> Response:
        started.set()
        await trio.sleep(0.5)  # longer than the host's grace
        finished.set()
        return Response()

    with trio.fail_after(PATIENCE):
        async with host.serve() as site:
            site.route("POST", "/save", save)
            async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream:
                await stream.send_all(
                    f"POST /save HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nOrigin: {site.url}\r\n"
                    "Content-Length: 1\r\n\r\nx".encode()
                )
                await started.wait()
            await finished.wait()
            await settle(site)


async def test_a_message_over_the_limit_closes_with_1009() -> None:
    with trio.fail_after(PATIENCE):
        async with LoopbackHost(Config(host_max_message=1000)).serve() as site:
            site.socket("/echo", echo)
            async with Connector().connect(ws(site, "/echo")) as socket:
                await socket.send("楼" * 1000)
                assert await socket.receive() == "楼" * 1000
                await socket.send("x" * 1001)
                with pytest.raises(ConnectionLost) as lost:
                    await socket.receive()
                assert lost.value.code == 1009


async def test_a_client_that_floods_a_handler_that_left() -> None:
    async def leave(socket: WebSocket, request: Request) -> None:
        await socket.receive()

    with trio.fail_after(PATIENCE):
        async with LoopbackHost(Config(close_patience=0.2)).serve() as site:
            site.socket("/leave", leave)
            stream = await trio.open_tcp_stream("127.0.0.1", site.port)
            await open_by_hand(stream, site.port, "/leave")
            frame = struct.pack("!BBH", 0x82, 0x80 | 126, 60_000) + bytes(60_004)
            with pytest.raises(trio.BrokenResourceError):
                while True:
                    await stream.send_all(frame)
            await stream.aclose()
            await settle(site)


async def test_a_page_that_answers_no_ping_is_given_up() -> None:
    with trio.fail_after(PATIENCE):
        async with LoopbackHost(Config(host_heartbeat=0.05, close_patience=0.1)).serve() as site:
            site.socket("/echo", echo)
            async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream:
                await open_by_hand(stream, site.port, "/echo")
                await settle(site)


async def test_sockets_that_open_while_the_site_closes_are_refused(host: LoopbackHost) -> None:
    with trio.fail_after(PATIENCE):
        async with host.serve() as site:
            site.socket("/echo", echo)
            site.route("GET", "/tell", tell)
            site_of(site)._closing = True
            assert await ask_upgrade(site.port, "/echo") == 503
            assert (await ask(site.port, "/tell")).status == 503


async def test_a_socket_that_is_closed_by_the_handler_says_its_code(host: LoopbackHost) -> None:
    async def leave(socket: WebSocket, request: Request) -> None:
        await socket.close(4001, "换了设备")

    with trio.fail_after(PATIENCE):
        async with host.serve() as site:
            site.socket("/leave", leave)
            async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream:
                await open_by_hand(stream, site.port, "/leave")
                assert await close_code(stream) == 4001


# what the log tells


async def test_the_log_names_the_handler_and_keeps_secrets(
    host: LoopbackHost, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(request: Request) -> Response:
        raise RuntimeError("no such table")

    async def fail_socket(socket: WebSocket, request: Request) -> None:
        raise RuntimeError("no such table")

    caplog.set_level(logging.INFO)
    with trio.fail_after(PATIENCE):
        async with host.serve() as site:
            site.route("GET", "/door/*", fail)
            site.socket("/socket/*", fail_socket)
            await ask(site.port, "/door/s3cret?key=s3cret", cookie="key=s3cret")
            assert await ask_upgrade(site.port, "/socket/s3cret?key=s3cret") == 101
            await settle(site)
    assert "GET /door/*" in caplog.text
    assert "/socket/*" in caplog.text
    assert "no such table" in caplog.text
    assert "s3cret" not in caplog.text
    assert "Running on" not in caplog.text
