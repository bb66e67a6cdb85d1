"""XMPP over TCP on a server in memory: the contract, TLS that is stripped, ways that are tried."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager

import pytest
import trio
from tulou_contracts.identity import Account, Credential, ServerUnavailable, WrongPassword
from tulou_contracts.network import HttpResponse, NetworkError
from tulou_contracts.tcp import ServiceTarget
from tulou_contracts.testing.network.names import FakeResolver, Oddity
from tulou_contracts.testing.transport import TransportConformance, TransportPair
from tulou_contracts.transport import ConnectionState

from fake_xmpp_session import DOMAIN
from xmpp_network import MemoryNetwork
from xmpp_tcp import HEADER, OFFER, PROCEED, MemoryConnection, MemoryTcp, behind_streams
from xmpp_world import LIN, Client, derive_here, open_world
from tulou_xmpp.authenticator import XmppAuthenticator
from tulou_xmpp.config import Config
from tulou_xmpp.reach.opener import Opener
from tulou_xmpp.wire import Element as E
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire import serialise

SRV, SRVS = f"_xmpp-client._tcp.{DOMAIN}", f"_xmpps-client._tcp.{DOMAIN}"


def opener_to(tcp, config=None, zone=None, websockets=None):
    resolver = FakeResolver(zone) if zone is not None else None
    return Opener(websockets, config or Config(), tcp=lambda: tcp, resolver=lambda: resolver,
                  rng=random.Random(1))


def client(world, name="lin", endpoint="xmpp://chat.example.org", zone=None, websockets=None, **settings):
    tcp = MemoryTcp(world.nursery, behind_streams(world.server))
    config = Config(endpoint=endpoint, **settings)
    made = Client(websockets, name, config=config)
    made.tcp = tcp
    made.transport._opener = opener_to(tcp, config, zone, websockets)
    return made


@pytest.mark.usefixtures("virtual_time")
class TestOverTcp(TransportConformance):
    endpoint = "xmpp://chat.example.org"

    @asynccontextmanager
    async def open(self):
        async with open_world() as world:
            lin, wang = (client(world, name, self.endpoint) for name in ("lin", "wang"))
            for each in (lin, wang):
                world.nursery.start_soon(each.transport.run)
                await each.online()
            assert lin.tcp.connections[0].names == [DOMAIN], "not what the endpoint says"
            yield TransportPair(lin.transport, lin.address, wang.transport, wang.address, cut=lin.tcp.cut)


class TestUnderTlsAtOnce(TestOverTcp):
    endpoint = "xmpps://chat.example.org"


# ---- no encryption ----

async def reason_of(client):
    client.network = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.transport.run)
        waiting = await client.reached(ConnectionState.WAITING)
        nursery.cancel_scope.cancel()
    return waiting.reason


def bare(*features):
    return HEADER + serialise(E("features", ns.STREAMS, *features))


MECHANISMS = E("mechanisms", ns.SASL,
               *(E("mechanism", ns.SASL, name) for name in ("PLAIN", "SCRAM-SHA-1")))


def saying(*texts):
    """A peer that says these, one after each thing it hears."""
    async def serve(connection):
        for text in texts:
            await connection.theirs.receive()
            connection.say(text, piece=10_000)
        async for _ in connection.theirs:
            pass

    return serve


@pytest.mark.parametrize(("texts", "said"), [
    ((bare(MECHANISMS),), "offers no encryption"),
    ((bare(),), "offers no encryption"),
    ((HEADER + OFFER, serialise(E("failure", ns.TLS)) + "</stream:stream>"), "refuses it now"),
    ((HEADER + OFFER, PROCEED + bare(MECHANISMS)[bare().index("<stream:features"):]), "in between"),
    ((HEADER + OFFER, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"), "where TLS should begin"),
    ((HEADER + "</stream:stream>",), "ended the conversation"),
    ((HEADER + serialise(E("error", ns.STREAMS, E("host-unknown", ns.STREAM_ERRORS))),), "host-unknown"),
    (("HTTP/1.1 400 Bad Request\r\n\r\n",), "does not speak XMPP"),
    (("<!DOCTYPE x><stream:stream>",), "does not speak XMPP"),
    ((HEADER + "<m>" + "x" * 70_000,), "talks without end"),
])
async def test_without_tls_nothing_of_the_account_is_said(world, texts, said):
    for settings in ({}, {"allow_plain": True}, {"allow_cleartext": True}):
        lin = client(world, **settings)
        lin.tcp.serve = saying(*texts)
        assert said in await reason_of(lin)
        sent = lin.tcp.connections[0].sent.decode()
        assert "<auth" not in sent and "lin" not in sent and "pw" not in sent


async def test_a_certificate_that_is_refused_is_told(world, monkeypatch):
    monkeypatch.setattr(MemoryConnection, "start_tls", refuse_tls)
    assert "issued for another host name" in await reason_of(client(world))


async def refuse_tls(self, tls):
    raise NetworkError("the certificate was issued for another host name")


async def test_a_server_that_says_nothing_is_given_up(world):
    lin = client(world)
    lin.tcp.serve = saying()
    assert "while agreeing on TLS" in await reason_of(lin)


async def test_clear_text_only_on_this_computer_and_only_when_allowed(world, monkeypatch):
    monkeypatch.setattr(MemoryConnection, "starttls", False)
    lin = client(world, endpoint="xmpp://127.0.0.1", allow_cleartext=True)
    world.nursery.start_soon(lin.transport.run)
    await lin.online()
    assert not lin.tcp.connections[0].secure
    for endpoint, settings in (
        ("xmpp://127.0.0.1", {}), ("xmpp://chat.example.org", {"allow_cleartext": True}),
    ):
        assert "offers no encryption" in await reason_of(client(world, endpoint=endpoint, **settings))


async def test_names_that_point_to_this_computer_allow_no_clear_text(world, monkeypatch):
    monkeypatch.setattr(MemoryConnection, "starttls", False)
    zone = {SRV: (ServiceTarget(1, 1, "localhost", 5222),), SRVS: Oddity.UNKNOWN}
    lin = client(world, endpoint="", zone=zone, allow_cleartext=True)
    assert "offers no encryption" in await reason_of(lin)


async def test_the_bare_password_goes_under_tls_only(world):
    world.server.mechanisms = ["PLAIN"]
    lin = client(world)
    world.nursery.start_soon(lin.transport.run)
    await trio.sleep(5)
    assert [e.get("mechanism") for e in world.server.seen if e.name == "auth"][:1] == ["PLAIN"]


# ---- heartbeat ----

async def test_a_silent_connection_is_asked_and_given_up(world):
    lin = client(world, heartbeat=20.0)
    world.nursery.start_soon(lin.transport.run)
    await lin.online()
    await trio.sleep(1000)
    assert lin.states.count(ConnectionState.WAITING) == 0, "the server answers when asked"
    world.server.silent = True
    began = trio.current_time()
    waiting = await lin.reached(ConnectionState.WAITING)
    assert "no sign of life" in waiting.reason and trio.current_time() - began < 50


# ---- finding the server ----

def zone(*starttls, direct=()):
    return {
        SRV: tuple(ServiceTarget(p, 0, host, port) for p, host, port in starttls) or Oddity.UNKNOWN,
        SRVS: tuple(ServiceTarget(p, 0, host, port) for p, host, port in direct) or Oddity.UNKNOWN,
    }


async def test_targets_of_both_services_are_tried_in_one_order(world, caplog):
    lin = client(world, endpoint="", zone=zone(
        (30, "c.test", 3), (10, "a.test", 1), direct=[(20, "b.test", 2), (40, "d.test", 4)]))
    lin.tcp.dead = {1, 2}
    caplog.set_level("INFO", "tulou.xmpp")
    world.nursery.start_soon(lin.transport.run)
    await lin.online()
    assert "by xmpp://c.test:3; what failed before: xmpp://a.test:1: cannot" in caplog.text
    assert lin.tcp.tried == [("a.test", 1, False), ("b.test", 2, True), ("c.test", 3, False)]
    lin.tcp.dead = {3}
    lin.tcp.cut()
    await lin.online(times=2)
    assert lin.events[-1].resumed
    assert [port for _, port, _ in lin.tcp.tried[3:]] == [3, 1], "first what worked, then as before"


async def test_a_target_that_connects_and_leads_nowhere_is_tried_last(world):
    lin = client(world, endpoint="", zone=zone((10, "a.test", 1), (20, "b.test", 2)))
    right = lin.tcp.serve

    async def strange(connection):
        if connection.peer != "a.test:1":
            return await right(connection)
        await saying(HEADER + OFFER, PROCEED, HEADER + serialise(
            E("error", ns.STREAMS, E("internal-server-error", ns.STREAM_ERRORS))))(connection)

    lin.tcp.serve = strange
    world.nursery.start_soon(lin.transport.run)
    await lin.online()
    assert [port for _, port, _ in lin.tcp.tried] == [1, 2]


async def test_a_domain_without_records_may_be_the_host_itself(world):
    lin = client(world, endpoint="", zone=zone())
    world.nursery.start_soon(lin.transport.run)
    await lin.online()
    assert lin.tcp.tried == [(DOMAIN, 5222, False)]


@pytest.mark.parametrize("found", [
    {SRV: (ServiceTarget(0, 0, ".", 0),), SRVS: (ServiceTarget(0, 0, ".", 0),)},
    {SRV: (ServiceTarget(0, 0, ".", 0),), SRVS: Oddity.UNKNOWN},
])
async def test_a_domain_that_says_no_is_not_asked_on_a_guess(world, found):
    lin = client(world, endpoint="", zone=found)
    reason = await reason_of(lin)
    assert DOMAIN in reason and not lin.tcp.tried


async def test_every_way_that_failed_is_told(world):
    lin = client(world, endpoint="", zone={
        SRV: (ServiceTarget(0, 0, "a.test", 1),), SRVS: Oddity.FAILED})
    lin.tcp.dead = {1}
    reason = await reason_of(lin)
    assert "xmpp://a.test:1" in reason and "refused" in reason and SRVS in reason


async def test_endless_answers_are_cut(world):
    lin = client(world, endpoint="", zone=zone(*((n, f"h{n}.test", n + 1) for n in range(30))))
    lin.tcp.dead = set(range(100))
    await reason_of(lin)
    assert len(lin.tcp.tried) == 12


class HostMeta:
    """An `HttpClient` that knows some pages."""

    def __init__(self, pages):
        self.pages, self.asked = pages, []

    async def send(self, request):
        await trio.lowlevel.checkpoint()
        self.asked.append(request.url)
        if not self.pages:
            raise NetworkError("nobody answers there")
        status, body = self.pages.get(request.url, (404, b""))
        return HttpResponse(status=status, body=body)


JSON_PAGE = f"https://{DOMAIN}/.well-known/host-meta.json"
XML_PAGE = f"https://{DOMAIN}/.well-known/host-meta"
IN_JSON = (b'{"links": [{"rel": "urn:xmpp:alt-connections:websocket", "href": "ws://bad/"},'
           b'{"rel": "urn:xmpp:alt-connections:websocket", "href": "wss://ws.test/x"}]}')
IN_XML = (b"<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>"
          b"<Link rel='urn:xmpp:alt-connections:websocket' href='wss://ws.test/x'/></XRD>")


@pytest.mark.parametrize("pages", [
    {JSON_PAGE: (200, IN_JSON)}, {XML_PAGE: (200, IN_XML)},
    {JSON_PAGE: (200, b"<html>"), XML_PAGE: (200, IN_XML)},
])
async def test_where_tcp_does_not_get_through_host_meta_names_a_websocket(world, pages):
    network = MemoryNetwork(world.nursery, world.server.serve)
    lin = client(world, endpoint="", zone=zone((1, "a.test", 1)), websockets=network)
    lin.tcp.dead = {1}
    http = HostMeta(pages)
    lin.transport._opener._discovery._http = lambda: http
    world.nursery.start_soon(lin.transport.run)
    await lin.online()
    assert network.urls == ["wss://ws.test/x"]
    lin.tcp.dead = set()
    network.cut()
    await lin.online(times=2)
    assert len(network.urls) == 2, "first what worked"


async def test_host_meta_is_not_asked_where_srv_answers(world):
    lin = client(world, endpoint="", zone=zone((1, "a.test", 1)))
    http = HostMeta({})
    lin.transport._opener._discovery._http = lambda: http
    world.nursery.start_soon(lin.transport.run)
    await lin.online()
    assert not http.asked


async def test_a_host_meta_that_cannot_be_asked_is_told(world):
    lin = client(world, endpoint="", zone={SRV: Oddity.FAILED, SRVS: Oddity.FAILED})
    lin.tcp.dead = {5222}
    lin.transport._opener._discovery._http = lambda: HostMeta({})
    reason = await reason_of(lin)
    assert "host-meta" in reason and "nobody answers there" in reason and SRV in reason


async def test_a_domain_on_this_computer_is_our_own_server(world):
    network = MemoryNetwork(world.nursery, world.server.serve)
    opener = opener_to(None, zone={}, websockets=network)
    async with opener.open("tulou.localhost", "") as channel:
        assert channel.way.url == "ws://127.0.0.1:5280/xmpp-websocket" and not channel.secure


async def test_without_a_provider_of_tcp_it_is_told(world):
    with pytest.raises(NetworkError, match="nothing here provides it"):
        async with opener_to(None).open(DOMAIN, "xmpp://chat.example.org"):
            pass
    with pytest.raises(NetworkError, match="not found"):
        async with opener_to(None, zone=zone((1, "a.test", 1))).open(DOMAIN, ""):
            pass


async def test_passwords_are_verified_over_tcp(world):
    tcp = MemoryTcp(world.nursery, behind_streams(world.server))
    asks = XmppAuthenticator(None, Config(), derive_here, opener_to(tcp, zone=zone((1, "a.test", 1))))

    def credential(password):
        return Credential(account=Account(address=LIN), password=password)

    await asks.verify(credential("pw"))
    with pytest.raises(WrongPassword):
        await asks.verify(credential("wrong"))
    tcp.dead = {1}
    with pytest.raises(ServerUnavailable, match="a.test"):
        await asks.verify(credential("pw"))
