"""Threads under the HTTP client: how they end, and that a stuck host takes nobody else's."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest
import trio
from tulou_net.config import Config
from tulou_net.host import LoopbackHost
from tulou_net.http.client import RequestsClient
from tulou_net.http.slots import Slots

from tulou_contracts.network import (
    ConnectionLost, HttpRequest, NetworkError, Request, Response, Unreachable,
)
from tulou_contracts.testing.network.peers import PATIENCE, forever, read_head, scripted_server, tell


@contextmanager
def stuck_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Names below stuck.example are looked up for ever, until the event is set."""
    free, real = threading.Event(), socket.getaddrinfo

    def look_up(host: str, *args: Any, **named: Any) -> Any:
        if host.endswith("stuck.example"):
            free.wait()
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return real(host, *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    try:
        yield free
    finally:
        free.set()


@contextmanager
def client_with(**settings: Any) -> Iterator[RequestsClient]:
    made = RequestsClient(Config(proxy="direct", retries=0, breaker_failures=0, **settings))
    try:
        yield made
    finally:
        made.close()


async def test_look_ups_that_hang_are_abandoned_counted_and_capped(
    host: LoopbackHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    with trio.fail_after(PATIENCE), client_with(stuck_lookups=3, requests=2) as client:
        with pytest.raises(NetworkError):  # the libraries are loaded, so that threads get to the name
            await client.send(HttpRequest(url="http://127.0.0.1:1/"))
        with stuck_names(monkeypatch) as free:
            for number in range(3):
                with pytest.raises(Unreachable, match="within 0.1 seconds"):
                    await client.send(HttpRequest(url=f"http://h{number}.stuck.example/", timeout=0.1))
                assert client.abandoned() == number + 1
            with pytest.raises(Unreachable, match="3 name look-ups hang already"):
                await client.send(HttpRequest(url="http://h4.stuck.example/", timeout=900))
            async with host.serve() as site:  # whoever needs no name is served, with two threads in all
                site.route("GET", "/", tell)
                assert (await client.send(HttpRequest(url=site.url + "/"))).status == 200
            free.set()
            while client.abandoned():
                await trio.sleep(0.01)
            with pytest.raises(Unreachable, match="no host of this name"):
                await client.send(HttpRequest(url="http://h5.stuck.example/"))


async def test_a_stuck_host_takes_no_thread_of_others(host: LoopbackHost) -> None:
    with trio.fail_after(PATIENCE), client_with(requests=4, requests_per_host=3) as client:
        async with scripted_server(forever) as port, host.serve() as site, trio.open_nursery() as nursery:
            site.route("GET", "/", tell)
            for _ in range(50):
                nursery.start_soon(client.send, HttpRequest(url=f"http://127.0.0.1:{port}/", timeout=900))
            await trio.testing.wait_all_tasks_blocked()
            for _ in range(5):
                assert (await client.send(HttpRequest(url=site.url + "/"))).status == 200
            nursery.cancel_scope.cancel()
        async with host.serve() as site:  # all four threads are to be had again
            together = peak = 0

            async def count(request: Request) -> Response:
                nonlocal together, peak
                together += 1
                peak = max(peak, together)
                while peak < 3:
                    await trio.sleep(0.01)
                together -= 1
                return Response()

            site.route("GET", "/", count)
            async with trio.open_nursery() as nursery:
                for _ in range(9):
                    nursery.start_soon(client.send, HttpRequest(url=site.url + "/"))
            assert peak == 3


async def test_slots_are_given_in_order_and_cancelling_loses_none() -> None:
    slots, got = Slots(2, 1), []

    async def take(host: str, name: str) -> None:
        await slots.take(host)
        got.append(name)

    assert slots.try_take("a")
    async with trio.open_nursery() as nursery:
        for host, name in (("a", "a1"), ("b", "b1"), ("a", "a2")):
            nursery.start_soon(take, host, name)
            await trio.testing.wait_all_tasks_blocked()
        assert got == ["b1"]
        slots.give_back("a")
        await trio.testing.wait_all_tasks_blocked()
        assert got == ["b1", "a1"]
        nursery.cancel_scope.cancel()
    assert slots.free == 0
    slots.give_back("a")
    slots.give_back("b")
    assert slots.free == 2
    with trio.move_on_after(0):
        await slots.take("a")
    assert slots.try_take("b")


@pytest.mark.parametrize("stage", ["tls", "head", "body", "endless"])
async def test_cancelling_ends_the_thread_at_every_stage(stage: str) -> None:
    reached, gone = trio.Event(), trio.Event()

    async def script(stream: trio.SocketStream) -> None:
        data = await stream.receive_some()
        assert data
        try:
            if stage in ("body", "endless"):
                await stream.send_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            reached.set()
            while stage == "endless":
                await stream.send_all(bytes(1 << 16))
            while await stream.receive_some():
                pass
        finally:
            gone.set()

    def busy() -> int:
        return sum("whole" in thread.name for thread in threading.enumerate())

    with trio.fail_after(PATIENCE), client_with(max_response=1 << 40) as client:
        async with scripted_server(script) as port:
            async with trio.open_nursery() as nursery:
                scheme = "https" if stage == "tls" else "http"
                nursery.start_soon(client.send, HttpRequest(
                    url=f"{scheme}://127.0.0.1:{port}/", timeout=900, connect_timeout=900, read_timeout=900
                ))
                await reached.wait()
                nursery.cancel_scope.cancel()
            await gone.wait()
            while busy():
                await trio.sleep(0.01)


async def test_a_silent_server_is_left_after_the_read_timeout() -> None:
    with trio.fail_after(PATIENCE), client_with() as client:
        async with scripted_server(forever) as port:
            with pytest.raises(Unreachable, match="fell silent"):
                await client.send(HttpRequest(url=f"http://127.0.0.1:{port}/", read_timeout=0.1))


async def test_a_server_that_takes_no_connection_is_left_after_the_connect_timeout() -> None:
    """Its queue of connections is full, so that nobody even says hello."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(3)]
        for each in fillers:
            each.setblocking(False)
            each.connect_ex(address)
        with trio.fail_after(PATIENCE), client_with() as client:
            with pytest.raises(Unreachable):
                await client.send(HttpRequest(url=f"http://127.0.0.1:{address[1]}/", connect_timeout=0.2))
            with trio.move_on_after(0.2) as scope:
                await client.send(HttpRequest(
                    url=f"http://127.0.0.1:{address[1]}/", connect_timeout=900, timeout=900
                ))
            assert scope.cancelled_caught
            while any("whole" in thread.name for thread in threading.enumerate()):
                await trio.sleep(0.01)
        for each in fillers:
            each.close()


async def test_an_endless_answer_is_bounded() -> None:
    async def pour(stream: trio.SocketStream) -> None:
        await read_head(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await stream.send_all(b"10000\r\n" + bytes(1 << 16) + b"\r\n")

    with trio.fail_after(PATIENCE), client_with(max_response=1 << 20) as client:
        async with scripted_server(pour) as port:
            with pytest.raises(NetworkError, match="larger than 1048576"):
                await client.send(HttpRequest(url=f"http://127.0.0.1:{port}/"))


async def test_a_bomb_of_compressed_zeros_is_bounded(host: LoopbackHost) -> None:
    import gzip

    bomb = gzip.compress(bytes(64 << 20))

    async def send(request: Request) -> Response:
        return Response(body=bomb, headers={"Content-Encoding": "gzip"})

    with trio.fail_after(PATIENCE), client_with(max_response=1 << 20) as client:
        async with host.serve() as site:
            site.route("GET", "/", send)
            with pytest.raises(NetworkError, match="larger than"):
                await client.send(HttpRequest(url=site.url + "/"))


async def test_a_compressed_answer_is_unpacked_and_a_false_one_is_an_error(host: LoopbackHost) -> None:
    import gzip

    async def send(request: Request) -> Response:
        body = b"not gzip" if request.query else gzip.compress("土楼".encode() * 99)
        return Response(body=body, headers={"Content-Encoding": "gzip"})

    with trio.fail_after(PATIENCE), client_with() as client:
        async with host.serve() as site:
            site.route("GET", "/", send)
            assert (await client.send(HttpRequest(url=site.url + "/"))).body.decode() == "土楼" * 99
            with pytest.raises(NetworkError, match="not compressed as it says"):
                await client.send(HttpRequest(url=site.url + "/?false=1"))


async def test_a_stream_of_a_byte_now_and_then_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from tulou_net.http import floor

    monkeypatch.setattr(floor.RateFloor.__init__, "__defaults__", (0.2,))

    async def drip(stream: trio.SocketStream) -> None:
        await read_head(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            await stream.send_all(b".")
            await trio.sleep(0.02)

    with trio.fail_after(PATIENCE), client_with(slowest=1000.0) as client:
        async with scripted_server(drip) as port:
            async with client.open(HttpRequest(url=f"http://127.0.0.1:{port}/")) as response:
                assert response.chunks is not None
                with pytest.raises(ConnectionLost, match="less than 1000 bytes a second"):
                    async for _ in response.chunks:
                        pass


async def test_pieces_are_opened_anew_for_each_attempt() -> None:
    opened, got = 0, []

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal opened
        opened += 1
        yield b"ab"
        yield b"cd"

    async def script(stream: trio.SocketStream) -> None:
        head = await read_head(stream)
        body = head.partition(b"\r\n\r\n")[2]
        while len(body) < 4:
            body += await stream.receive_some()
        got.append(body)
        code = b"503 Busy" if len(got) == 1 else b"200 OK"
        await stream.send_all(b"HTTP/1.1 " + code + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    client = RequestsClient(Config(proxy="direct"))
    with trio.fail_after(PATIENCE):
        async with scripted_server(script) as port:
            answer = await client.send(HttpRequest(
                url=f"http://127.0.0.1:{port}/", method="PUT", content=pieces, content_length=4
            ))
    client.close()
    assert (answer.status, opened, got) == (200, 2, [b"abcd", b"abcd"])


async def test_a_repeated_stream_closes_the_first_answer() -> None:
    gone = trio.Event()
    asked = 0

    async def script(stream: trio.SocketStream) -> None:
        nonlocal asked
        await read_head(stream)
        asked += 1
        if asked == 1:
            await stream.send_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 99\r\n\r\n")
            assert not await stream.receive_some()
            gone.set()
        else:
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    client = RequestsClient(Config(proxy="direct", requests_per_host=2))
    with trio.fail_after(PATIENCE):
        async with scripted_server(script) as port:
            async with client.open(HttpRequest(url=f"http://127.0.0.1:{port}/")) as response:
                await gone.wait()
                assert response.chunks is not None
                assert [piece async for piece in response.chunks] == [b"ok"]
    client.close()


async def test_connections_are_kept_and_used_again() -> None:
    connections = 0

    async def script(stream: trio.SocketStream) -> None:
        nonlocal connections
        connections += 1
        while await read_head(stream):
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with trio.fail_after(PATIENCE), client_with() as client:
        async with scripted_server(script) as port:
            request = HttpRequest(url=f"http://127.0.0.1:{port}/")
            for _ in range(3):
                assert (await client.send(request)).body == b"ok"
                async with client.open(request) as response:
                    assert response.chunks is not None
                    assert b"".join([piece async for piece in response.chunks]) == b"ok"
    assert connections == 1


async def test_open_streams_hold_no_place_while_nobody_reads_them(host: LoopbackHost) -> None:
    async def large(request: Request) -> Response:
        return Response(body=bytes(1 << 22))

    with trio.fail_after(PATIENCE), client_with(requests=2, requests_per_host=1) as client:
        async with host.serve() as site, AsyncExitStack() as stack:
            site.route("GET", "/large", large)
            site.route("GET", "/", tell)
            opened = [await stack.enter_async_context(client.open(HttpRequest(url=site.url + "/large")))
                      for _ in range(3)]
            assert (await client.send(HttpRequest(url=site.url + "/"))).status == 200
            for response in opened:
                assert response.chunks is not None
                assert sum([len(piece) async for piece in response.chunks]) == 1 << 22


async def test_a_host_with_a_dead_address_is_reached_at_the_next_one(
    host: LoopbackHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def look_up(name: str, port: int, *args: Any, **named: Any) -> Any:
        if name != "two.localhost":
            return real(name, port, *args, **named)
        return [*real("127.0.0.9", port, *args, **named), *real("127.0.0.1", port, *args, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with trio.fail_after(PATIENCE), client_with() as client:
        async with host.serve(hosts=("two.localhost",)) as site:
            site.route("GET", "/", tell)
            answer = await client.send(HttpRequest(url=f"http://two.localhost:{site.port}/"))
            assert answer.status == 200


async def test_a_stream_that_was_not_opened_as_one_is_whole(host: LoopbackHost) -> None:
    with trio.fail_after(PATIENCE), client_with() as client:
        async with host.serve() as site:
            site.route("GET", "/", tell)
            answer = await client.send(HttpRequest(url=site.url + "/", streamed=True))
            assert answer.body == b"GET /  " and answer.chunks is None


async def test_cancelling_at_any_moment_loses_no_place_and_mixes_no_answers(host: LoopbackHost) -> None:
    rng = random.Random(7)
    got = 0

    async def answer(request: Request) -> Response:
        await trio.sleep(rng.choice([0, 0.002]))
        return Response(body=request.path * 50)

    async def ask(client: RequestsClient, url: str, path: str, patience: float, streamed: bool) -> None:
        nonlocal got
        with trio.move_on_after(patience):
            request = HttpRequest(url=url + path, cache=False)
            if streamed:
                async with client.open(request) as response:
                    assert response.chunks is not None
                    body = b"".join([piece async for piece in response.chunks])
            else:
                body = (await client.send(request)).body
            assert body.decode() == path * 50
            got += 1

    with trio.fail_after(PATIENCE), client_with(requests=8, requests_per_host=8, rate=0.0) as client:
        async with host.serve() as site:
            site.route("GET", "/n/*", answer)
            for batch in range(10):
                async with trio.open_nursery() as nursery:
                    for number in range(20):
                        nursery.start_soon(ask, client, site.url, f"/n/{batch}-{number}",
                                           rng.choice([0.001, 0.005, 5]), rng.random() < 0.3)
            assert got
            assert client._stack is not None
            while client._stack.wire._slots.free < 8:
                await trio.sleep(0.01)
