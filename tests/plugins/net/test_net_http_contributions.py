"""The hook `contribute_http` in a running app: plugins come, go, and make mistakes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import trio
import trio.testing
from tulou_net.http.keeping import sorted_out

from tulou import Level, Plugin, implements
from tulou.app_events import AccountChanged, NetworkChanged
from tulou.context import Context
from tulou.testing import boot
from tulou_contracts.network import (
    HttpClient, HttpContribution, HttpHost, HttpMetrics, HttpRequest, HttpResponse, HttpSignIn, Proceed,
    Request, Response, contribute_http,
)
from tulou_contracts.testing.network.peers import PATIENCE


class Stamp:
    def __init__(self, name: str) -> None:
        self.name = name

    async def exchange(self, request: HttpRequest, proceed: Proceed) -> HttpResponse:
        stamps = request.headers.get("X-Stamps", "") + self.name
        return await proceed(replace(request, headers={**request.headers, "X-Stamps": stamps}))


def contributing(name: str, *contributions: Any) -> Plugin:
    class Http:
        @implements(contribute_http)
        def contribute_http(self) -> Sequence[HttpContribution]:
            return list(contributions)

    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        ctx.implement(Http())
        yield

    return Plugin(name=name, run=run, level=Level.FEATURE)


class Using:
    """A plugin that hands its context out."""

    ctx: Context

    def plugin(self) -> Plugin:
        @asynccontextmanager
        async def run(ctx: Context) -> AsyncIterator[None]:
            self.ctx = ctx
            yield

        return Plugin(name="using", run=run, requires=(HttpClient, HttpHost, HttpMetrics), level=Level.SHELL)


async def tell_headers(request: Request) -> Response:
    return Response(body=f"{request.headers.get('x-stamps')} {request.headers.get('authorization')}")


async def test_plugins_that_come_and_go_change_the_chain() -> None:
    using = Using()
    settings = {"net": {"proxy": "direct", "captive_probe": ""}}
    with trio.fail_after(PATIENCE):
        async with boot(
            "net", contributing("first", Stamp("a"), "nonsense"), contributing("second", Stamp("b")),
            using.plugin(), config=settings,
        ) as kernel:
            async with using.ctx.service(HttpHost).serve() as site:
                site.route("GET", "/", tell_headers)

                async def said() -> str:
                    answer = await using.ctx.service(HttpClient).send(
                        HttpRequest(url=site.url + "/", cache=False))
                    return answer.body.decode()

                while await said() != "ab None":
                    await trio.sleep(0.01)
                await kernel.disable("first")
                while await said() != "b None":
                    await trio.sleep(0.01)
                using.ctx.publish(AccountChanged("me@example.org"))
                using.ctx.publish(NetworkChanged(True))
                assert await said() == "b None"
                figures = using.ctx.service(HttpMetrics).figures()
                assert figures[site.url].requests >= 3


def test_what_is_no_contribution_is_passed_over_and_named() -> None:
    async def token(refused: str | None) -> str:
        return "t"

    way, link = HttpSignIn(origin="https://h", token=token), Stamp("a")
    good, problems = sorted_out([[way, "x", link], [Stamp], 5, []])  # type: ignore[list-item]
    assert good == [way, link]
    assert len(problems) == 3 and "'x'" in problems[0]


async def test_a_wrong_contribution_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    using = Using()
    with trio.fail_after(PATIENCE), caplog.at_level(logging.ERROR):
        async with boot("net", contributing("wrong", 5), using.plugin(),
                        config={"net": {"proxy": "direct", "captive_probe": ""}}):
            while "is passed over" not in caplog.text:
                await trio.sleep(0.01)
    assert caplog.text.count("is passed over") == 1
