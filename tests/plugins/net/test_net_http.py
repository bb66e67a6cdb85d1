"""The HTTP client beyond the contract: redirects, limits, proxies, the environment, its threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from tulou_net.http.client import RequestsClient
from tulou_net.config import Config
from tulou_net.host import LoopbackHost

from tulou_contracts.network import HttpRequest, NetworkError, Request, Response, Unreachable
from tulou_contracts.testing.network.peers import read_head, scripted_server, tell

PATIENCE = 20.0


async def test_only_get_and_head_follow_redirects(client: RequestsClient, host: LoopbackHost) -> None:
    async def elsewhere(request: Request) -> Response:
        return Response(status=302, headers={"location": "/there"})

    with trio.fail_after(PATIENCE):
        async with host.serve() as site:
            site.route("GET", "/there", tell)
            for method in ("GET", "POST"):
                site.route(method, "/here", elsewhere)
            assert (await client.send(HttpRequest(url=site.url + "/here"))).status == 200
            posted = await client.send(
                HttpRequest(url=site.url + "/here", method="POST", headers={"Origin": site.url})
            )
            assert (posted.status, posted.headers["location"]) == (302, "/there")


async def test_an_answer_over_the_limit_is_refused(host: LoopbackHost) -> None:
    async def large(request: Request) -> Response:
        return Response(body=bytes(1001))

    with trio.fail_after(PATIENCE):
        async with host.serve() as site:
            site.route("GET", "/large", large)
            with pytest.raises(NetworkError, match="1000"):
                await RequestsClient(Config(max_response=1000)).send(HttpRequest(url=site.url + "/large"))


async def test_the_environment_is_not_asked(
    client: RequestsClient, host: LoopbackHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither for a proxy nor for passwords."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    async def say(request: Request) -> Response:
        return Response(body=request.headers.get("authorization", "none"))

    with trio.fail_after(PATIENCE):
        async with host.serve() as site:
            site.route("GET", "/", say)
            assert (await client.send(HttpRequest(url=site.url + "/"))).body == b"none"


async def test_a_proxy_is_used_for_all_but_loopback(host: LoopbackHost) -> None:
    asked: list[bytes] = []

    async def proxy(stream: trio.SocketStream) -> None:
        asked.append((await read_head(stream)).split(b"\r\n")[0])
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy")

    with trio.fail_after(PATIENCE):
        async with scripted_server(proxy) as port, host.serve() as site:
            site.route("GET", "/", tell)
            client = RequestsClient(Config(proxy=f"http://127.0.0.1:{port}"))
            assert (await client.send(HttpRequest(url="http://files.example/x"))).body == b"proxy"
            assert (await client.send(HttpRequest(url=site.url + "/"))).body != b"proxy"
            client.close()
    assert asked == [b"GET http://files.example/x HTTP/1.1"]


async def test_a_proxy_that_is_not_there_is_named(unused_port: Callable[[], int]) -> None:
    client = RequestsClient(Config(proxy=f"http://127.0.0.1:{unused_port()}"))
    with trio.fail_after(PATIENCE), pytest.raises(Unreachable, match="proxy"):
        await client.send(HttpRequest(url="http://files.example/"))


async def test_no_more_threads_than_allowed(host: LoopbackHost) -> None:
    together = peak = 0

    async def count(request: Request) -> Response:
        nonlocal together, peak
        together += 1
        peak = max(peak, together)
        await trio.sleep(0.02)
        together -= 1
        return Response()

    client = RequestsClient(Config(requests=3))

    with trio.fail_after(PATIENCE):
        async with host.serve() as site:
            site.route("GET", "/", count)
            async with trio.open_nursery() as nursery:
                for _ in range(12):
                    nursery.start_soon(client.send, HttpRequest(url=site.url + "/"))
    client.close()
    assert 1 < peak <= 3


async def test_a_given_up_request_ends_its_thread_at_once(client: RequestsClient) -> None:
    """The socket under it is shut: the server sees the end long before any timeout."""
    asked, left = trio.Event(), trio.Event()

    async def silent(stream: trio.SocketStream) -> None:
        await read_head(stream)
        asked.set()
        assert not await stream.receive_some()
        left.set()

    def busy() -> int:
        return sum("whole" in thread.name for thread in threading.enumerate())

    with trio.fail_after(PATIENCE):
        async with scripted_server(silent) as port, trio.open_nursery() as nursery:
            nursery.start_soon(client.send, HttpRequest(url=f"http://127.0.0.1:{port}/", timeout=900))
            await asked.wait()
            assert busy()
            nursery.cancel_scope.cancel()
        await left.wait()
        while busy():
            await trio.sleep(0.01)


async def test_secrets_of_an_address_are_not_told(
    client: RequestsClient, unused_port: Callable[[], int]
) -> None:
    url = f"http://me:s3cret@127.0.0.1:{unused_port()}/s3cret?token=s3cret"
    with trio.fail_after(PATIENCE), pytest.raises(Unreachable) as error:
        await client.send(HttpRequest(url=url))
    assert "s3cret" not in str(error.value)


async def test_a_head_has_no_body_and_leaves_the_connection_usable(
    client: RequestsClient, host: LoopbackHost
) -> None:
    with trio.fail_after(PATIENCE):
        async with host.serve() as site:
            site.route("GET", "/", tell)
            for _ in range(2):
                head = await client.send(HttpRequest(url=site.url + "/", method="HEAD"))
                assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "8")
                assert (await client.send(HttpRequest(url=site.url + "/"))).body == b"GET /  "


async def test_the_length_is_that_of_the_body_whatever_a_caller_says(client: RequestsClient) -> None:
    """Two lengths are two requests in one (RFC 9112, section 11.2)."""
    heads: list[bytes] = []

    async def script(stream: trio.SocketStream) -> None:
        heads.append(await read_head(stream))
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with trio.fail_after(PATIENCE):
        async with scripted_server(script) as port:
            await client.send(HttpRequest(
                url=f"http://127.0.0.1:{port}/", method="POST", body=b"abc",
                headers={"content-length": "99", "Transfer-Encoding": "chunked", "user-agent": "mine"},
            ))
    head = heads[0].lower()
    assert head.count(b"content-length") == 1 and b"content-length: 3\r\n" in head
    assert b"chunked" not in head and b"user-agent: mine" in head and b"tulou" not in head
