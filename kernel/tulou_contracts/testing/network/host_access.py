"""Conformance of `Site`: who may come in."""

from __future__ import annotations

import trio

from tulou_contracts.network import HttpHost
from tulou_contracts.testing.network.fixtures import HostFixture
from tulou_contracts.testing.network.peers import PATIENCE, ask, ask_upgrade, echo, tell


class AccessConformance(HostFixture):
    """Foreign hosts and origins are refused."""

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
