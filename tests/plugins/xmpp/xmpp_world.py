"""Two accounts on a server in memory."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager

import trio
from tulou_contracts.identity import Account, Credential
from tulou_contracts.transport import ConnectionChanged, ConnectionState

from fake_xmpp import FakeXmpp
from fake_xmpp_session import DOMAIN
from tulou_xmpp.config import Config
from tulou_xmpp.transport import XmppTransport
from tulou_xmpp.wire import Element as E
from tulou_xmpp.wire import namespaces as ns
from xmpp_network import MemoryNetwork

ENDPOINT = f"ws://{DOMAIN}/xmpp-websocket"
WANG = f"wang@{DOMAIN}"
LIN = f"lin@{DOMAIN}"


class FixedCredentials:
    """A `Credentials` that remembers what was rejected."""

    def __init__(self, address, password):
        self.credential = Credential(account=Account(address=address), password=password)
        self.rejections = []

    async def current(self):
        await trio.lowlevel.checkpoint()
        return self.credential

    async def rejected(self, reason):
        self.rejections.append(reason)


async def derive_here(derivation):
    """Without a thread: a virtual clock would not wait for it."""
    return derivation.run()


class Client:
    """A transport with everything around it."""

    def __init__(self, network, name, password="pw", resource="r1", config=None):
        self.network = network
        self.address = f"{name}@{DOMAIN}"
        self.events = []
        self.news = trio.Event()
        self.credentials = FixedCredentials(self.address, password)
        self.transport = XmppTransport(
            network, self.credentials, config or Config(endpoint=ENDPOINT), resource=resource,
            publish=self._publish,
            now=lambda: int(trio.current_time() * 1e6) + 1_700_000_000_000_000,
            rng=random.Random(1), derive=derive_here,
        )

    def _publish(self, event):
        self.events.append(event)
        self.news.set()
        self.news = trio.Event()

    @property
    def states(self):
        return [e.state for e in self.events if isinstance(e, ConnectionChanged)]

    async def reached(self, state, times=1):
        with trio.fail_after(1000):
            while self.states.count(state) < times:
                await self.news.wait()
        return [e for e in self.events if isinstance(e, ConnectionChanged) and e.state is state][-1]

    async def online(self, times=1):
        return await self.reached(ConnectionState.ONLINE, times)


class World:
    """The server, its network, and the clients that were started."""

    def __init__(self, nursery):
        self.nursery = nursery
        self.server = FakeXmpp()
        self.server.add("lin", "pw")
        self.server.add("wang", "pw")

    def client(self, name="lin", start=True, **options):
        client = Client(MemoryNetwork(self.nursery, self.server.serve), name, **options)
        if start:
            self.nursery.start_soon(client.transport.run)
        return client


@asynccontextmanager
async def open_world():
    async with trio.open_nursery() as nursery:
        yield World(nursery)
        nursery.cancel_scope.cancel()


def session_of(world, name):
    return next(s for s in world.server.live.values() if s.name == name)


def chat(body="hello", sender=f"{WANG}/x", **attributes):
    return E("message", ns.CLIENT, E("body", ns.CLIENT, body), from_=sender, to=LIN, type="chat",
             **attributes)


async def until(condition):
    with trio.fail_after(1000):
        while not condition():
            await trio.sleep(0.01)
