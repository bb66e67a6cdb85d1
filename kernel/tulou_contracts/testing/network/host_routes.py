"""Conformance of `Site`: routes, the answers of handlers, the guard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio

from tulou_contracts.network import HttpHost, Request, Response
from tulou_contracts.testing.network.fixtures import HostFixture
from tulou_contracts.testing.network.peers import PATIENCE, WORDS, ask, ask_upgrade, echo, tell


class RoutesConformance(HostFixture):
    """Which handler answers, and what goes out."""

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
