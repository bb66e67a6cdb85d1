"""A message's id names the act in which it is received, as it does at the sender's."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager

import pytest
from test_im_kernel import wire

from tulou import Composition, Kernel, Plugin, implements
from tulou.correlation import correlation
from tulou_contracts.messaging import incoming_message
from tulou_contracts.testing.fakes import FakeServer
from tulou_contracts.testing.messaging import LIN, WANG, until
from tulou_contracts.transport import Outgoing

pytest.importorskip("tulou_store", reason="needs store in the kernel")


class Listener:
    """Notes in which act each message comes."""

    def __init__(self) -> None:
        self.acts: dict[str, str] = {}

    @implements(incoming_message)
    async def incoming_message(self, message):
        self.acts[message.id] = correlation()
        return message


async def test_each_message_is_received_in_the_act_of_its_id(tmp_path):
    server, made, listener = FakeServer(now=lambda: time.time_ns() // 1000), [], Listener()

    @asynccontextmanager
    async def run(ctx):
        ctx.implement(listener)
        yield

    app = Kernel(Composition.of("store", "fake-wire", "im", "listener"), profile=tmp_path,
                 plugins=[wire(server, made), Plugin(name="listener", run=run)])
    async with app.running():
        made[0].connect()
        for number in range(3):
            server.take(WANG, Outgoing(id=f"id-{number}", to=LIN, body="你好"))

        async def done():
            return len(listener.acts) == 3

        await until(done, 20)
    assert listener.acts == {f"id-{number}": f"id-{number}" for number in range(3)}
