"""A company's signed routes, from its service to a person's router, over the real server and wire."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from tulou import Composition, Kernel
from tulou_contracts.company import Company, CompanyService
from tulou_contracts.identity import Identity
from tulou_contracts.routing import Origin, RouteForbidden, RouteNotFound, Router, RoutingError
from tulou_contracts.server import ChatServer
from tulou_shell.demo import SERVER

pytest.importorskip("tulou_router", reason="needs router")
pytest.importorskip("tulou_company", reason="needs company")
HELP = {"path": "help", "to": "shell.chat", "parameters": {"address": "help@acme.example"}, "exported": True}


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(30):
        while not condition():
            await trio.sleep(0.02)


async def test_routes_are_published_followed_replaced_and_withdrawn(tmp_path: Path) -> None:
    server_kernel = Kernel(Composition.load(SERVER), profile=tmp_path / "server")
    async with server_kernel.running():
        server, service = server_kernel.service(ChatServer), server_kernel.service(CompanyService)
        composition = Composition.load("demo")
        for plugin, settings in {
            "xmpp": {"endpoint": server.endpoint}, "shell": {"server": server.endpoint},
            "company": {"root_keys": [service.root_key]},
        }.items():
            composition = composition.with_config(plugin, **settings)
        await server.create_account("anna", "ein langes Passwort", "安娜")
        async with Kernel(composition, profile=tmp_path / "anna").running() as kernel:
            await kernel.service(Identity).sign_in(f"anna@{server.domain}", "ein langes Passwort")
            await _follow(kernel, service)


async def _follow(kernel: Kernel, service: CompanyService) -> None:
    router, company = kernel.service(Router), kernel.service(Company)

    async def publish(*routes: Any) -> None:
        document = await service.publish("routes", {"routes": list(routes)})
        await until(lambda: (held := company.document("routes")) is not None
                    and held.version == document.version)
        await until(lambda: all(router.leads(f"tulou://{each['path']}") for each in routes) or not routes)

    await publish(HELP)
    outcome = await router.open("tulou://help", origin=Origin.OUTSIDE)
    assert outcome.intent is not None and outcome.intent.parameters == {"address": "help@acme.example"}
    await publish({**HELP, "path": "way-in", "to": "shell.settings", "parameters": {}})
    await until(lambda: not router.leads("tulou://help"))
    with pytest.raises(RouteForbidden):
        await router.open("tulou://way-in")
    await service.publish("routes", {"routes": [{"path": "{all}", "to": "shell.chat"}]})
    await until(lambda: bool(router.problems()))
    assert router.leads("tulou://way-in") and "{all}" in router.problems()[0]
    await service.withdraw("routes")
    await until(lambda: company.document("routes") is None)
    await until(lambda: not router.leads("tulou://way-in"))
    with pytest.raises(RoutingError) as error:
        await router.open("tulou://help")
    assert isinstance(error.value, RouteNotFound)
