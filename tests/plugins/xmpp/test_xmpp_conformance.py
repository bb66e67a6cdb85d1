"""The transport against its contract, on a server in memory."""

from contextlib import asynccontextmanager

import pytest
from tulou_contracts.testing.transport import TransportConformance, TransportPair

from xmpp_world import open_world


@pytest.mark.usefixtures("virtual_time")
class TestXmppTransport(TransportConformance):
    with_management = True

    @asynccontextmanager
    async def open(self):
        async with open_world() as world:
            world.server.sm = self.with_management
            lin, wang = world.client("lin"), world.client("wang")
            await lin.online()
            await wang.online()
            yield TransportPair(
                lin.transport, lin.address, wang.transport, wang.address, cut=lin.network.cut
            )


@pytest.mark.usefixtures("virtual_time")
class TestWithoutStreamManagement(TestXmppTransport):
    with_management = False
