"""XMPP over TCP against a real Prosody: STARTTLS, direct TLS, discovery by SRV, falling over."""

from __future__ import annotations

import random
import time
from contextlib import asynccontextmanager

import pytest
import trio
from tulou_contracts.identity import Account, AccountTaken, Credential, WrongPassword
from tulou_contracts.tcp import ServiceTarget
from tulou_contracts.testing.network.names import name_server
from tulou_contracts.testing.transport import (
    Collector, TransportConformance, TransportPair, outgoing, submit_until_accepted,
)
from tulou_contracts.transport import ConnectionChanged, ConnectionState

from tulou_net.config import Config as NetConfig
from tulou_net.connector import Connector
from tulou_net.tcp.connector import TcpOpener
from tulou_net.tcp.resolver import DnsResolver
from tulou_xmpp.authenticator import XmppAuthenticator
from tulou_xmpp.config import Config
from tulou_xmpp.reach.endpoint import Way
from tulou_xmpp.reach.opener import Opener
from tulou_xmpp.transport import XmppTransport

pytestmark = pytest.mark.interop

WORDS = "土楼里的人说：你好 👋"


class Credentials:
    def __init__(self, credential):
        self.credential = credential
        self.rejections = []

    async def current(self):
        return self.credential

    async def rejected(self, reason):
        self.rejections.append(reason)


class CuttableOpener(Opener):
    """Remembers the channel, to cut it as when somebody pulls the cable."""

    channel = None

    @asynccontextmanager
    async def open(self, *args, **options):
        async with super().open(*args, **options) as channel:
            self.channel = channel
            yield channel

    def cut(self):
        if self.channel.way.way is Way.WEBSOCKET:
            self.channel._socket._stream.abort()
        else:
            self.channel._connection.abort("the test cut it")


class Client:
    def __init__(self, prosody, name, endpoint, *, password="pw", servers=(), **settings):
        net = NetConfig(ca_file=str(prosody.ca_file))
        resolver = DnsResolver(servers)
        config = Config(**{"retry_base": 0.05, "retry_cap": 0.2, "connect_timeout": 5.0, **settings})
        self.opener = CuttableOpener(
            Connector(net), config, tcp=lambda: TcpOpener(net),
            resolver=lambda: resolver if servers else None, rng=random.Random(1),
        )
        self.address = f"{name}@{prosody.domain}"
        account = Account(address=self.address, endpoint=endpoint)
        self.credentials = Credentials(Credential(account=account, password=password))
        self.events = []
        self.news = trio.Event()
        self.transport = XmppTransport(
            Connector(net), self.credentials, config, resource="tulou-1", publish=self._publish,
            now=lambda: time.time_ns() // 1000, rng=random.Random(), opener=self.opener,
        )

    def _publish(self, event):
        self.events.append(event)
        self.news.set()
        self.news = trio.Event()

    async def reached(self, state, after=0):
        with trio.fail_after(20):
            while True:
                for event in self.events[after:]:
                    if isinstance(event, ConnectionChanged) and event.state is state:
                        return event
                await self.news.wait()


@asynccontextmanager
async def running(*clients):
    async with trio.open_nursery() as nursery:
        for client in clients:
            nursery.start_soon(client.transport.run)
        for client in clients:
            await client.reached(ConnectionState.ONLINE)
        yield
        for client in clients:
            await client.transport.close()
        nursery.cancel_scope.cancel()


def starttls(prosody):
    return f"xmpp://127.0.0.1:{prosody.tcp_port}"


def direct(prosody):
    return f"xmpps://127.0.0.1:{prosody.tls_port}"


@pytest.fixture
def people(prosody, request):
    names = tuple(f"{who}.{abs(hash(request.node.nodeid)) % 10**9}" for who in ("lin", "wang"))
    for name in names:
        prosody.create_user(name, "pw")
    return names


class TestStartTlsConforms(TransportConformance):
    @pytest.fixture(autouse=True)
    def _server(self, prosody, people):
        type(self).prosody, type(self).people = prosody, people

    @asynccontextmanager
    async def open(self):
        lin, wang = (Client(self.prosody, name, starttls(self.prosody)) for name in self.people)
        async with running(lin, wang):
            yield TransportPair(lin.transport, lin.address, wang.transport, wang.address, cut=lin.opener.cut)


@pytest.mark.parametrize("endpoint", [starttls, direct])
async def test_messages_go_over_tcp_and_the_session_is_resumed_after_a_cut(prosody, people, endpoint):
    lin, wang = (Client(prosody, name, endpoint(prosody)) for name in people)
    async with running(lin, wang):
        assert lin.opener.channel.secure
        at_lin = Collector()
        lin.transport.deliver_to(at_lin)
        first = outgoing(lin.address, WORDS)
        await wang.transport.submit(first).accepted()
        await at_lin.message(first.id)
        mark = len(lin.events)
        lin.opener.cut()
        second = outgoing(lin.address, "meanwhile")
        await submit_until_accepted(wang.transport, second)
        assert (await lin.reached(ConnectionState.ONLINE, mark)).resumed
        await at_lin.message(second.id)
        assert [m.id for m in at_lin.messages] == [first.id, second.id], "resumption repeats nothing"


async def test_passwords_are_verified_and_accounts_made_over_tcp(prosody):
    client = Client(prosody, "newcomer", direct(prosody), password="密码")
    asks = XmppAuthenticator(None, Config(), opener=client.opener)
    with pytest.raises(WrongPassword):
        await asks.verify(client.credentials.credential)
    await asks.register(client.credentials.credential)
    with pytest.raises(AccountTaken):
        await asks.register(client.credentials.credential)
    await asks.verify(client.credentials.credential)


async def test_messages_flow_on_when_the_way_changes(prosody, people):
    """Prosody resumes a session on another kind of channel and then misreads it, so we do not ask."""
    lin, wang = (Client(prosody, name, prosody.endpoint) for name in people)
    async with running(lin, wang):
        at_lin = Collector()
        lin.transport.deliver_to(at_lin)
        ways = (
            (starttls(prosody), False), (direct(prosody), True), (prosody.endpoint, False),
            (direct(prosody), False),
        )
        for endpoint, resumed in ways:
            mark = len(lin.events)
            lin.transport._endpoint = lambda credential, endpoint=endpoint: endpoint
            lin.opener.cut()
            assert (await lin.reached(ConnectionState.ONLINE, mark)).resumed is resumed
            assert str(lin.opener.channel.way) == endpoint
            sent = outgoing(lin.address, WORDS)
            with trio.fail_after(20):
                # a server keeps for later what comes before it has heard that we are there
                await lin.transport.archive(before="", limit=1)
                await wang.transport.submit(sent).accepted()
                await at_lin.message(sent.id)


async def test_the_server_is_found_by_srv_and_dead_targets_are_passed_over(prosody, people, unused_port):
    zone = {
        f"_xmpps-client._tcp.{prosody.domain}": (ServiceTarget(1, 0, "localhost", unused_port),),
        f"_xmpp-client._tcp.{prosody.domain}": (
            ServiceTarget(2, 0, "nobody.invalid", 5222), ServiceTarget(3, 0, "localhost", prosody.tcp_port),
        ),
    }
    async with name_server(zone) as server:
        lin = Client(prosody, people[0], "", servers=[server])
        async with running(lin):
            assert str(lin.opener.channel.way) == f"xmpp://localhost:{prosody.tcp_port}"


@asynccontextmanager
async def doorway(port):
    """A port that leads to another one, and what breaks everything off that goes through it."""

    async def lead(outside):
        async with await trio.open_tcp_stream("127.0.0.1", port) as inside, trio.open_nursery() as nursery:
            async def pump(source, sink):
                try:
                    async for data in source:
                        await sink.send_all(data)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    pass
                nursery.cancel_scope.cancel()

            nursery.start_soon(pump, inside, outside)
            await pump(outside, inside)

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, lead, [listener])
        yield listener.socket.getsockname()[1], nursery.cancel_scope.cancel
        nursery.cancel_scope.cancel()


async def test_when_a_target_dies_the_session_falls_over_to_the_next(prosody, people):
    async with doorway(prosody.tcp_port) as (door, break_off):
        zone = {
            f"_xmpp-client._tcp.{prosody.domain}": (ServiceTarget(1, 0, "localhost", door),),
            f"_xmpps-client._tcp.{prosody.domain}": (ServiceTarget(2, 0, "localhost", prosody.tls_port),),
        }
        async with name_server(zone) as server:
            lin = Client(prosody, people[0], "", servers=[server])
            async with running(lin):
                assert str(lin.opener.channel.way) == f"xmpp://localhost:{door}"
                mark = len(lin.events)
                break_off()
                assert (await lin.reached(ConnectionState.ONLINE, mark)).resumed
                assert str(lin.opener.channel.way) == f"xmpps://localhost:{prosody.tls_port}"


async def test_what_worked_last_is_tried_first_also_without_names(prosody, people):
    zone = {f"_xmpps-client._tcp.{prosody.domain}": (ServiceTarget(1, 0, "localhost", prosody.tls_port),)}
    async with name_server(zone) as server:
        lin = Client(prosody, people[0], "", servers=[server])
        async with running(lin):
            zone.clear()
            lin.opener._discovery._resolver().forget()
            mark = len(lin.events)
            lin.opener.cut()
            assert (await lin.reached(ConnectionState.ONLINE, mark)).resumed


async def test_a_certificate_for_another_name_is_refused_with_a_reason(prosody, people):
    class Elsewhere:
        ca_file, domain = prosody.ca_file, "elsewhere.test"

    for endpoint in (starttls(prosody), direct(prosody)):
        client = Client(Elsewhere, people[0], endpoint)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.transport.run)
            waiting = await client.reached(ConnectionState.WAITING)
            nursery.cancel_scope.cancel()
        # Prosody hangs up on a domain it does not serve, or shows a certificate for its own
        assert "elsewhere.test" in waiting.reason or "refuses" in waiting.reason


@pytest.fixture
def unused_port():
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
