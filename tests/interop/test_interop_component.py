"""The component beside a real Prosody: its clients ask, and only as who they are; a company that works."""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tulou import Composition, Kernel
from tulou_contracts.company import Company, CompanyService
from tulou_contracts.identity import Account, Credential, Identity
from tulou_contracts.testing.signalling import SignalEnds, SignallingConformance
from tulou_contracts.transport import ConnectionState

if TYPE_CHECKING:
    from conftest import Prosody

pytestmark = pytest.mark.interop
SECRET = "component-secret-土楼"


async def eventually(condition: Any, seconds: float = 30) -> None:
    with trio.fail_after(seconds):
        while not condition():
            await trio.sleep(0.02)


@asynccontextmanager
async def component(prosody: Prosody, secret: str = SECRET, **settings: Any) -> AsyncIterator[Any]:
    """A component, running; `connected` says when."""
    from tulou_server.component.config import Config
    from tulou_server.component.link import Component

    config = Config(domain=f"company.{prosody.domain}", port=prosody.component_port, **settings)
    made = Component(config, secret, logging.getLogger("tulou.component"), random.Random(1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.run)
        yield made
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def client(prosody: Prosody, name: str, events: list[object]) -> AsyncIterator[Any]:
    """An account's signalling, online."""
    from tulou_net.config import Config as NetConfig
    from tulou_net.connector import Connector
    from tulou_net.trust import Trust
    from tulou_xmpp.config import Config
    from tulou_xmpp.signalling import XmppSignalling
    from tulou_xmpp.transport import XmppTransport

    address = f"{name}@{prosody.domain}"

    async def current() -> Credential:
        return Credential(account=Account(address=address, endpoint=prosody.endpoint), password="pw")

    transport = XmppTransport(
        Connector(NetConfig(), Trust()), SimpleNamespace(current=current, rejected=None),  # type: ignore
        Config(), resource="test", publish=events.append, now=lambda: 1, rng=random.Random(1),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transport.run)
        await eventually(lambda: transport.state.state is ConnectionState.ONLINE)
        yield XmppSignalling(transport.exchange)
        await transport.close()
        nursery.cancel_scope.cancel()


class TestComponent(SignallingConformance):
    @pytest.fixture(autouse=True)
    def _with_prosody(self, prosody: Prosody) -> None:
        self.prosody = prosody
        prosody.create_user("lin", "pw")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SignalEnds]:
        events: list[object] = []
        async with component(self.prosody) as host:
            await eventually(host.connected.is_set)
            async with client(self.prosody, "lin", events) as signalling:
                yield SignalEnds(signalling, f"lin@{self.prosody.domain}", host, events)


async def test_it_comes_back_after_the_server_was_away(prosody: Prosody) -> None:
    async with component(prosody, retry_cap=0.5) as host:
        await eventually(host.connected.is_set)
        await trio.to_thread.run_sync(prosody.stop)
        await eventually(lambda: not host.connected.is_set())
        await host.notify("lin@prosody.test", "news", {})
        await trio.to_thread.run_sync(prosody.start)
        await eventually(host.connected.is_set)


async def test_a_wrong_secret_is_told_in_words(prosody: Prosody, caplog: pytest.LogCaptureFixture) -> None:
    async with component(prosody, "wrong", retry_cap=0.5):
        await eventually(lambda: "does not accept the component's secret" in caplog.text)


async def test_a_server_that_takes_no_components_is_told_in_words(
    prosody: Prosody, caplog: pytest.LogCaptureFixture
) -> None:
    from tulou_server.component.config import Config
    from tulou_server.component.link import Component

    config = Config(domain="company.prosody.test", port=prosody.http_port, ping_timeout=2.0)
    made = Component(config, SECRET, logging.getLogger("tulou.component"), random.Random(1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.run)
        await eventually(lambda: "goes on trying" in caplog.text)
        nursery.cancel_scope.cancel()


async def test_an_office_on_prosody_has_a_company(prosody: Prosody, tmp_path: Path) -> None:
    """The shipped compositions, only addresses and keys changed."""
    anna = prosody.create_user("anna", "pw-anna")
    alone = (Composition.load("company")
             .with_config("component", domain=f"company.{prosody.domain}", port=prosody.component_port,
                          secret=SECRET)
             .with_config("company-service", port=0, announce=False))
    async with Kernel(alone, profile=tmp_path / "company").running() as company:
        service = company.service(CompanyService)
        await service.publish("policy", {"附件": False})
        await service.publish("policy", {"附件": True}, account=anna)
        composition = (
            Composition.load("headless").with_plugin("company")
            .with_config("xmpp", endpoint=prosody.endpoint).with_config("crypto", keyring="file")
            .with_config("company", root_keys=[service.root_key], service=f"company.{prosody.domain}",
                         spread=0.0)
        )
        async with Kernel(composition, profile=tmp_path / "anna").running() as kernel:
            await kernel.service(Identity).sign_in(anna, "pw-anna")
            held = kernel.service(Company)
            await eventually(lambda: held.document("policy") is not None)
            document = held.document("policy")
            assert document is not None and document.content == {"附件": True} and document.account == anna
            await service.withdraw("policy", account=anna)

            def is_everybodys() -> bool:
                document = held.document("policy")
                return document is not None and document.account == ""
            await eventually(is_everybodys)  # by word of the wire: the next look is minutes away
            answer = await held.report("events", b'{"id":"1","name":"x"}\n', content_type="text/plain")
            assert answer.status == 200 and await service.counts("events") == {"x": 1}
