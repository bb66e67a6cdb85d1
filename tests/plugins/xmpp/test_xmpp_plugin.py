"""The plugin as the kernel sees it."""

from types import SimpleNamespace

import random
import trio
from tulou import AccountChanged, NetworkChanged
from tulou_contracts.identity import Authenticator, Credentials
from tulou_contracts.network import WebSocketConnector
from tulou_contracts.transport import ConnectionChanged, ConnectionState, Signalling, Transport

from fake_xmpp_session import DOMAIN
from xmpp_network import MemoryNetwork
from xmpp_world import ENDPOINT, FixedCredentials
from tulou_xmpp import plugin
from tulou_xmpp.config import Config
from tulou_xmpp.service import run


def context(world, folder):
    network = MemoryNetwork(world.nursery, world.server.serve)
    services = {WebSocketConnector: network, Credentials: FixedCredentials(f"lin@{DOMAIN}", "pw")}
    ctx = SimpleNamespace(
        config=Config(endpoint=ENDPOINT), data=folder, random=random.Random(3), log=None,
        provided={}, subscribed=set(), published=[], now=lambda: 1,
    )
    ctx.service = services.__getitem__
    ctx.wanted = lambda contract: SimpleNamespace(get=lambda: None)
    ctx.subscribe = lambda event, handler: ctx.subscribed.add(event)
    ctx.publish = ctx.published.append
    ctx.implement = lambda *implementations: None
    ctx.provide = ctx.provided.__setitem__
    ctx.spawn = lambda function, name="": world.nursery.start_soon(function)
    return ctx


async def test_it_provides_what_its_manifest_says_and_leaves_nothing_behind(world, tmp_path):
    ctx = context(world, tmp_path)
    async with run(ctx):
        assert set(ctx.provided) == set(plugin.provides) == {Transport, Signalling, Authenticator}
        assert ctx.subscribed == {AccountChanged, NetworkChanged, ConnectionChanged}
        while ConnectionState.ONLINE not in [e.state for e in ctx.published if hasattr(e, "state")]:
            await trio.sleep(0.01)
        (first,) = world.server.live
    assert not world.server.live
    ctx.random = random.Random(4)
    async with run(ctx):
        while not world.server.live:
            await trio.sleep(0.01)
        assert set(world.server.live) == {first}, "the device keeps its name"


async def test_a_damaged_name_of_the_device_is_made_anew(world, tmp_path):
    (tmp_path / "resource").write_bytes(b"\xff\xfe")
    async with run(context(world, tmp_path)):
        assert (tmp_path / "resource").read_text().startswith("tulou-")
