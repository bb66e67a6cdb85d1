"""Signals through the embedded server: the client is the plugin `xmpp`, the sockets are real."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
import trio
from server_client import condition, signed_in
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

from tulou_contracts.testing.signalling import SignalEnds, SignallingConformance

E = Element


@asynccontextmanager
async def client(endpoint, address, publish):
    """The transport of an account, online."""
    pytest.importorskip("tulou_net", reason="needs net, which opens the client's sockets")
    import random

    from tulou_net.config import Config as NetConfig
    from tulou_net.connector import Connector
    from tulou_net.trust import Trust
    from tulou_xmpp.config import Config
    from tulou_xmpp.signalling import XmppSignalling
    from tulou_xmpp.transport import XmppTransport

    from tulou_contracts.identity import Account, Credential
    from tulou_contracts.transport import ConnectionState

    async def current():
        return Credential(account=Account(address=address, endpoint=endpoint), password="secret")

    async def derive(derivation):
        return derivation.run()

    transport = XmppTransport(
        Connector(NetConfig(), Trust()), SimpleNamespace(current=current, rejected=None), Config(),
        resource="test", publish=publish, now=lambda: 1, rng=random.Random(1), derive=derive,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transport.run)
        with trio.fail_after(20):
            while transport.state.state is not ConnectionState.ONLINE:
                await trio.sleep(0.01)
        yield XmppSignalling(transport.exchange)
        await transport.close()
        nursery.cancel_scope.cancel()


class TestEmbedded(SignallingConformance):
    @pytest.fixture(autouse=True)
    def _with_server(self, serving):
        self.serving = serving

    @asynccontextmanager
    async def open(self):
        events = []
        async with self.serving() as server:
            await server.create_account("lin", "secret")
            async with client(server.endpoint, "lin@tulou.localhost", events.append) as signalling:
                yield SignalEnds(signalling, "lin@tulou.localhost", server.signals, events)


def signal(name, **fields):
    return E("signal", ns.SIGNAL, *(E("field", ns.SIGNAL, text, name=key) for key, text in fields.items()),
             name=name)


async def test_a_client_cannot_speak_for_another_account(server):
    asked = []

    async def answer(account, content):
        asked.append((account, content))
        return {}

    server.signals.answer("who", answer)
    async with signed_in(server.endpoint, "lin") as lin:
        reply = await lin.iq("get", signal("who", account="wang@tulou.localhost"), to="tulou.localhost")
        assert reply.get("type") == "result"
        await lin.send(E("iq", ns.CLIENT, signal("who"), type="get", id="x", to="tulou.localhost",
                         from_="wang@tulou.localhost"))
        await lin.gone()
    assert [account for account, _ in asked] == ["lin@tulou.localhost"]


@pytest.mark.parametrize("bad", [
    signal(""), signal("x" * 65), E("signal", ns.SIGNAL, E("other", ns.SIGNAL), name="who"),
    E("signal", ns.SIGNAL, *(E("field", ns.SIGNAL, name="same") for _ in range(2)), name="who"),
    E("signal", ns.SIGNAL, *(E("field", ns.SIGNAL, name=str(n)) for n in range(65)), name="who"),
    signal("who", big="x" * 70_000),
])
async def test_a_malformed_signal_is_answered_and_nothing_else_happens(server, bad):
    async def answer(account, content):
        return {}

    server.signals.answer("who", answer)
    async with signed_in(server.endpoint, "lin") as lin:
        reply = await lin.iq("get", bad, to="tulou.localhost")
        assert condition(reply) == "bad-request"
        assert (await lin.iq("get", signal("who"), to="tulou.localhost")).get("type") == "result"


async def test_a_handler_that_raises_anything_is_an_error_of_the_server(server, caplog):
    async def answer(account, content):
        raise ZeroDivisionError

    async def hostile(account, content):
        return {"": "no name"}

    server.signals.answer("who", answer)
    server.signals.answer("what", hostile)
    async with signed_in(server.endpoint, "lin") as lin:
        for name in ("who", "what"):
            reply = await lin.iq("get", signal(name), to="tulou.localhost")
            assert condition(reply) == "internal-server-error"


async def test_questions_of_one_account_are_limited_and_others_are_not_held_up(server):
    async def stuck(account, content):
        await trio.sleep_forever()

    async def quick(account, content):
        return {}

    server.signals.answer("stuck", stuck)
    server.signals.answer("quick", quick)
    async with signed_in(server.endpoint, "lin") as lin, signed_in(server.endpoint, "wang") as wang:
        for number in range(9):
            await lin.send(E("iq", ns.CLIENT, signal("stuck"), type="get", id=f"s{number}",
                             to="tulou.localhost"))
        refused = await lin.expect(lambda e: e.name == "iq" and e.get("type") == "error")
        assert condition(refused) == "resource-constraint"
        assert (await wang.iq("get", signal("quick"), to="tulou.localhost")).get("type") == "result"


async def test_a_notice_is_kept_for_nobody_and_archived_nowhere(server):
    await server.signals.notify("wang@tulou.localhost", "news", {"n": "1"})
    await server.signals.notify("not an address @@", "news", {})
    async with signed_in(server.endpoint, "wang") as wang:
        assert await wang.gather(lambda e: e.name == "message") == []
        await server.signals.notify("wang@tulou.localhost", "news", {"n": "2"})
        (message,) = await wang.gather(lambda e: e.name == "message")
        assert message.get("from") == "tulou.localhost" and message.get("type") == "headline"
        assert (await wang.archive())[0] == []


async def test_the_server_says_that_it_speaks_signals(server):
    async with signed_in(server.endpoint, "lin") as lin:
        reply = await lin.iq("get", E("query", ns.DISCO_INFO), to="tulou.localhost")
        assert ns.SIGNAL in [f.get("var") for f in reply.children[0].children_named("feature")]
