"""Connections cut at random on both sides, in the middle of frames too: nothing lost, nothing twice."""

import random
from contextlib import suppress

import pytest
import trio
from server_client import Client, Gone, connected, is_message
from trio_websocket import ConnectionClosed
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

MESSAGES = 150
CUT = (Gone, ConnectionClosed, trio.BrokenResourceError, trio.ClosedResourceError)


class Cable:
    """Stands between clients and the server, and breaks after a random number of bytes."""

    def __init__(self, endpoint: str, rng: random.Random) -> None:
        self.target = int(endpoint.split(":")[2].split("/")[0])
        self.rng = rng
        self.whole = False
        self.endpoint = ""

    async def serve(self, task_status=trio.TASK_STATUS_IGNORED) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.endpoint = f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}/xmpp-websocket"
        task_status.started()
        await trio.serve_listeners(self._carry, listeners)

    async def _carry(self, near) -> None:
        async with near, await trio.open_tcp_stream("127.0.0.1", self.target) as far:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pump, near, far, nursery.cancel_scope)
                nursery.start_soon(self._pump, far, near, nursery.cancel_scope)

    async def _pump(self, source, sink, scope) -> None:
        left = self.rng.randint(3000, 30_000)
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for data in source:
                if not self.whole and len(data) > left:
                    await sink.send_all(data[:left])
                    break
                left -= len(data)
                await sink.send_all(data)
        scope.cancel()


class Persistent:
    """A client that comes back until it is done; keeps what XEP-0198 asks of a client."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.last: Client | None = None
        self.resumptions = 0

    async def come(self, client: Client) -> int | None:
        """Sign in or resume; the server's count of our stanzas when resumed."""
        await client.login(self.name)
        if self.last is not None:
            answer = await client.resume(self.last)
            if answer.name == "resumed":
                self.last = client
                self.resumptions += 1
                return int(answer.get("h"))
            raise AssertionError("the session was lost although it sleeps for 300 s")
        await client.bind()
        await client.enable()
        self.last = client
        return None


async def send_all(endpoint: str, person: Persistent) -> None:
    unacked: list[int] = []
    handled = sent = 0
    while handled < MESSAGES:
        with suppress(*CUT):
            async with connected(endpoint) as client:
                h = await person.come(client)
                handled = h if h is not None else handled
                unacked = list(range(handled, sent))
                while handled < MESSAGES:
                    for number in unacked or range(sent, min(sent + 10, MESSAGES)):
                        sent = max(sent, number + 1)
                        await client.message("wang@tulou.localhost", str(number), id=str(number))
                    unacked = []
                    await client.send(Element("r", ns.SM))
                    handled = int((await client.expect(lambda e: e.is_("a", ns.SM))).get("h"))


async def receive_all(endpoint: str, person: Persistent, got: list[str], present: trio.Event) -> None:
    while len(got) < MESSAGES:
        with suppress(*CUT):
            async with connected(endpoint) as client:
                try:
                    if await person.come(client) is None:
                        await client.presence()
                        await client.expect(lambda e: e.name == "presence")
                        present.set()
                    while len(got) < MESSAGES:
                        got.append((await client.expect(is_message())).child_text("body"))
                finally:
                    got += [m.child_text("body") for m in client.inbox if is_message()(m)]
                    client.inbox.clear()


@pytest.mark.parametrize("seed", range(3))
async def test_every_message_once_and_in_order(endpoint, seed):
    rng = random.Random(seed)
    cable = Cable(endpoint, rng)
    lin, wang = Persistent("lin"), Persistent("wang")
    got: list[str] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(cable.serve)
        cable.whole = True
        present = trio.Event()
        with trio.fail_after(90):
            async with trio.open_nursery() as people:
                people.start_soon(receive_all, cable.endpoint, wang, got, present)
                await present.wait()
                cable.whole = False
                people.start_soon(send_all, cable.endpoint, lin)
        nursery.cancel_scope.cancel()
    assert got == [str(number) for number in range(MESSAGES)]
    assert wang.resumptions + lin.resumptions > 0
