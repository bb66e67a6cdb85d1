"""Conformance of `HttpHost` and `Site`; see `tulou_contracts.testing.network`."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from tulou_contracts.network import (
    ConnectionLost,
    HttpHost,
    PortTaken,
    Request,
    Response,
    WebSocket,
)
from tulou_contracts.testing.network_peers import (
    PATIENCE,
    WORDS,
    ask,
    ask_upgrade,
    close_code,
    echo,
    masked,
    open_by_hand,
    reset,
    tell,
)


class HttpHostConformance:
    """`HttpHost` and `Site`: routes, sockets, assets, and who may come in."""

    @pytest.fixture
    def host(self) -> HttpHost:
        """The implementation under test."""
        raise NotImplementedError("define the fixture `host`")

    @pytest.fixture
    def web_package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        """A package with a folder `web`, and secrets beside it."""
        package = tmp_path / "kit_web_package"
        (package / "web" / "sub").mkdir(parents=True)
        (package / "__init__.py").write_text("SECRET = 1\n")
        (package / "secret.txt").write_text("secret")
        (package / "website").mkdir()
        (package / "website" / "secret.txt").write_text("secret")
        (package / "web" / "app.js").write_text("export const 你好 = 1\n", encoding="utf-8")
        (package / "web" / "sub" / "页.html").write_text(f"<p>{WORDS}", encoding="utf-8")
        (package / "web" / "way-out").symlink_to(package / "secret.txt")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, package.name, raising=False)
        return package.name

    # routes

    async def test_a_route_answers(self, host: HttpHost) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                assert site.url == f"http://127.0.0.1:{site.port}"
                site.route("GET", "/tell", tell)
                site.route("POST", "/tell", tell)
                answer = await ask(site.port, "/tell?a=%E4%BD%A0&b=")
                assert (answer.status, answer.body.decode()) == (200, "GET /tell a=你,b= ")
                assert answer.headers["content-type"] == "text/plain; charset=utf-8"
                posted = await ask(
                    site.port, "/tell", method="POST", body=WORDS.encode(), origin=site.url
                )
                assert posted.body.decode() == f"POST /tell  {WORDS}"

    async def test_unknown_paths_and_methods(self, host: HttpHost) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.route("GET", "/tell", tell)
                assert (await ask(site.port, "/nowhere")).status == 404
                assert (await ask(site.port, "/tell/")).status == 404
                assert (await ask(site.port, "*", method="OPTIONS", origin=site.url)).status == 404
                wrong = await ask(site.port, "/tell", method="DELETE", origin=site.url)
                assert wrong.status == 405
                assert "GET" in wrong.headers["allow"]

    async def test_head_is_answered_by_get_without_a_body(self, host: HttpHost) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.route("GET", "/tell", tell)
                answer = await ask(site.port, "/tell", method="HEAD")
                assert (answer.status, answer.body) == (200, b"")

    async def test_the_exact_path_wins_then_the_longest_prefix(self, host: HttpHost) -> None:
        def named(name: str) -> Callable[[Request], Awaitable[Response]]:
            async def handler(request: Request) -> Response:
                return Response(body=name)

            return handler

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                for path in ("/*", "/a/*", "/a/b/*", "/a/b", "/a/b/c"):
                    site.route("GET", path, named(path))
                for path, winner in {
                    "/": "/*", "/x": "/*", "/a": "/*", "/a/": "/a/*", "/a/x/y": "/a/*",
                    "/a/b": "/a/b", "/a/b/": "/a/b/*", "/a/b/c": "/a/b/c", "/a/b/c/d": "/a/b/*",
                    "/a/%E6%A5%BC": "/a/*",
                }.items():
                    assert (await ask(site.port, path)).body.decode() == winner, path

    async def test_paths_come_and_go_while_it_runs(self, host: HttpHost) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                for _ in range(2):
                    site.route("GET", "/tell", tell)
                    assert (await ask(site.port, "/tell")).status == 200
                    site.remove("/tell")
                    site.remove("/tell")
                    assert (await ask(site.port, "/tell")).status == 404

    async def test_a_taken_path_and_a_path_that_is_none(self, host: HttpHost) -> None:
        async with host.serve() as site:
            site.route("GET", "/a", tell)
            site.socket("/a", echo)
            with pytest.raises(ValueError, match="/a"):
                site.route("GET", "/a", tell)
            with pytest.raises(ValueError, match="/a"):
                site.socket("/a", echo)
            with pytest.raises(ValueError, match="tell"):
                site.route("GET", "tell", tell)

    async def test_a_failing_handler_is_a_500_and_the_site_lives(self, host: HttpHost) -> None:
        async def fail(request: Request) -> Response:
            raise RuntimeError("the secret reason")

        async def nonsense(request: Request) -> Response:
            return None  # type: ignore[return-value]

        async def bad_header(request: Request) -> Response:
            return Response(headers={"x-name": "楼\r\nset-cookie: evil=1"})

        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.route("GET", "/ok", tell)
                for handler in (fail, nonsense, bad_header):
                    site.route("GET", "/bad", handler)
                    answer = await ask(site.port, "/bad")
                    assert answer.status == 500
                    assert b"secret" not in answer.body
                    assert "set-cookie" not in answer.headers
                    site.remove("/bad")
                assert (await ask(site.port, "/ok")).status == 200

    async def test_headers_go_out_with_every_answer(self, host: HttpHost) -> None:
        async def own(request: Request) -> Response:
            return Response(headers={"X-Frame": "own"})

        with trio.fail_after(PATIENCE):
            async with host.serve(headers={"x-frame": "site", "X-Other": "1"}) as site:
                site.route("GET", "/tell", tell)
                site.route("GET", "/own", own)
                assert (await ask(site.port, "/tell")).headers["x-frame"] == "site"
                assert (await ask(site.port, "/own")).headers["x-frame"] == "own"
                assert (await ask(site.port, "/nowhere")).headers["x-other"] == "1"
                assert (await ask(site.port, "/tell", host="evil.example")).headers["x-other"] == "1"

    async def test_the_guard_sees_everything_first(self, host: HttpHost) -> None:
        asked: list[str] = []

        def guard(request: Request) -> Response | None:
            asked.append(request.path)
            assert request.body == b""
            if request.cookies.get("key") == "right" or request.path == "/open":
                return None
            return Response(status=401, body="不行")

        with trio.fail_after(PATIENCE):
            async with host.serve(guard=guard) as site:
                site.route("GET", "/open", tell)
                site.route("POST", "/shut", tell)
                site.socket("/socket", echo)
                assert (await ask(site.port, "/open")).status == 200
                refused = await ask(
                    site.port, "/shut", method="POST", body=b"x", origin=site.url, cookie="key=wrong"
                )
                assert (refused.status, refused.body.decode()) == (401, "不行")
                let_in = await ask(
                    site.port, "/shut", method="POST", body=b"x", origin=site.url, cookie="a=b; key=right"
                )
                assert let_in.status == 200
                assert (await ask(site.port, "/nowhere")).status == 401
                assert await ask_upgrade(site.port, "/socket") == 401
                assert await ask_upgrade(site.port, "/socket", cookie="key=right") == 101
        assert "/socket" in asked

    async def test_a_failing_guard_lets_nobody_in(self, host: HttpHost) -> None:
        def guard(request: Request) -> Response | None:
            raise RuntimeError("broken")

        with trio.fail_after(PATIENCE):
            async with host.serve(guard=guard) as site:
                site.route("GET", "/tell", tell)
                site.socket("/socket", echo)
                assert (await ask(site.port, "/tell")).status == 500
                assert await ask_upgrade(site.port, "/socket") == 500

    # who may come in

    async def test_a_foreign_host_is_refused(self, host: HttpHost) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.route("GET", "/tell", tell)
                site.socket("/socket", echo)
                port = site.port
                for good in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}"):
                    assert (await ask(port, "/tell", host=good)).status == 200
                for bad in (
                    f"evil.example:{port}", "evil.example", "127.0.0.1", "localhost",
                    f"127.0.0.1:{port + 1}", f"127.0.0.1.evil.example:{port}", f"x.localhost:{port}",
                    f"127.0.0.1:{port}@evil.example", f"evil.example, 127.0.0.1:{port}", "",
                ):
                    assert (await ask(port, "/tell", host=bad)).status in (400, 421), bad
                    assert await ask_upgrade(port, "/socket", host=bad) in (400, 421), bad
                assert (await ask(port, "/tell", host="evil.example")).status == 421

    async def test_more_hosts_may_be_named(self, host: HttpHost) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve(hosts=("*.localhost", "tulou.test")) as site:
                site.route("GET", "/tell", tell)
                port = site.port
                for good in (f"a.localhost:{port}", f"a.b.localhost:{port}", f"tulou.test:{port}"):
                    assert (await ask(port, "/tell", host=good)).status == 200
                for bad in (f"evil-localhost:{port}", f"a.tulou.test:{port}", "a.localhost"):
                    assert (await ask(port, "/tell", host=bad)).status == 421

    async def test_a_foreign_origin_may_change_nothing(self, host: HttpHost) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve(hosts=("*.localhost",)) as site:
                port = site.port
                for method in ("GET", "POST", "PUT", "DELETE"):
                    site.route(method, "/tell", tell)
                for origin in (
                    "http://evil.example", f"https://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}",
                    f"http://localhost:{port}", f"http://a.localhost:{port}", "null", "",
                ):
                    for method in ("POST", "PUT", "DELETE"):
                        answer = await ask(port, "/tell", method=method, origin=origin)
                        assert answer.status == 403, (method, origin)
                for method in ("POST", "PUT", "DELETE"):
                    assert (await ask(port, "/tell", method=method, origin=site.url)).status == 200
                    assert (await ask(port, "/tell", method=method)).status == 403
                    assert (
                        await ask(port, "/tell", method=method, sec_fetch_site="cross-site")
                    ).status == 403
                    assert (
                        await ask(port, "/tell", method=method, sec_fetch_site="same-origin")
                    ).status == 200
                assert (await ask(port, "/tell")).status == 200

    async def test_a_foreign_origin_opens_no_socket(self, host: HttpHost) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.socket("/socket", echo)
                port = site.port
                assert await ask_upgrade(port, "/socket") == 101
                assert await ask_upgrade(port, "/socket", origin=site.url) == 101
                for origin in ("http://evil.example", f"http://localhost:{port}", "null", ""):
                    assert await ask_upgrade(port, "/socket", origin=origin) == 403, origin
                assert await ask_upgrade(port, "/socket", sec_fetch_site="cross-site") == 403

    async def test_a_route_may_allow_further_origins(self, host: HttpHost) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.route("POST", "/frame/*", tell, origins=("null",))
                site.socket("/frame", echo, origins=("null",))
                assert (await ask(site.port, "/frame/x", method="POST", origin="null")).status == 200
                evil = await ask(site.port, "/frame/x", method="POST", origin="http://evil.example")
                assert evil.status == 403
                assert await ask_upgrade(site.port, "/frame", origin="null") == 101

    # sockets

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

    # assets

    async def test_assets_have_type_and_etag(self, host: HttpHost, web_package: str) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.assets("/static", web_package, "web")
                script = await ask(site.port, "/static/app.js")
                assert script.body.decode() == "export const 你好 = 1\n"
                assert script.headers["content-type"].startswith("text/javascript")
                page = await ask(site.port, "/static/sub/%E9%A1%B5.html")
                assert page.body.decode() == f"<p>{WORDS}"
                assert page.headers["content-type"] == "text/html; charset=utf-8"
                etag = script.headers["etag"]
                for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
                    again = await ask(site.port, "/static/app.js", if_none_match=known)
                    assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
                other = await ask(site.port, "/static/app.js", if_none_match='"other"')
                assert other.status == 200
                assert (await ask(site.port, "/static/app.js", method="HEAD")).body == b""
                site.remove("/static")
                assert (await ask(site.port, "/static/app.js")).status == 404

    @pytest.mark.parametrize(
        "way",
        [
            "../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "%2e%2e%2fsecret.txt",
            "sub/../../secret.txt", "..%5csecret.txt", "..\\secret.txt", "....//secret.txt",
            "../website/secret.txt", "%252e%252e/secret.txt", "./app.js", "//app.js", "app.js/",
            "app.js%00.html", "%00", "way-out", "sub", "", "/etc/passwd", "%2fetc%2fpasswd", "C:secret",
            "../__init__.py", "~/secret.txt", "sub/%ff",
        ],
    )
    async def test_nothing_outside_the_folder_is_served(
        self, host: HttpHost, web_package: str, way: str
    ) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.assets("/static", web_package, "web")
                answer = await ask(site.port, f"/static/{way}")
                assert answer.status in (400, 404)
                assert b"secret" not in answer.body.lower()

    async def test_assets_that_do_not_exist_are_told_at_once(
        self, host: HttpHost, web_package: str
    ) -> None:
        async with host.serve() as site:
            with pytest.raises(ValueError, match="no_such_package"):
                site.assets("/a", "no_such_package", "web")
            with pytest.raises(ValueError, match="no-such-folder"):
                site.assets("/a", web_package, "no-such-folder")

    # the life of a site

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
