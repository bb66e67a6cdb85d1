"""The connection when the network or the server misbehave; on a virtual clock."""

import pytest
import trio
from tulou import NetworkChanged
from tulou_contracts.testing.transport import outgoing, submit_until_accepted
from tulou_contracts.transport import ConnectionState, Refused

from xmpp_world import WANG
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

E = Element


async def test_poison_is_refused_after_two_streams_and_the_rest_arrives(world):
    world.server.poison = lambda s: "policy-violation" if "poison" in s.child_text("body") else ""
    lin = world.client("lin")
    await lin.online()
    bodies = ["one", "poison", "two", "three"]
    messages = {body: outgoing(WANG, body) for body in bodies}
    outcomes = {}

    async def send(body):
        try:
            await submit_until_accepted(lin.transport, messages[body])
            outcomes[body] = "accepted"
        except Refused:
            outcomes[body] = "refused"

    async with trio.open_nursery() as nursery:
        for body in bodies:
            nursery.start_soon(send, body)
    assert outcomes == {"one": "accepted", "poison": "refused", "two": "accepted", "three": "accepted"}
    assert lin.network.attempts <= 3
    arrived = [m.child_text("body") for _, m in world.server.archives["wang"]]
    assert sorted(arrived) == ["one", "three", "two"]


async def test_poison_is_refused_also_where_sessions_cannot_be_resumed(world):
    world.server.sm = False
    world.server.poison = lambda s: "policy-violation" if "poison" in s.child_text("body") else ""
    lin = world.client("lin")
    await lin.online()
    with pytest.raises(Refused):
        await submit_until_accepted(lin.transport, outgoing(WANG, "poison"))
    assert lin.network.attempts == 2
    await submit_until_accepted(lin.transport, outgoing(WANG, "fine"))


async def test_somebody_else_with_our_session_ends_the_trying(world):
    lin = world.client("lin")
    await lin.online()
    world.server.poison = lambda s: "conflict" if s.child("body") else ""
    lin.transport.submit(outgoing(WANG, "x"))
    await lin.reached(ConnectionState.REPLACED)
    world.server.poison = lambda s: ""
    await trio.sleep(10_000)
    assert lin.network.attempts == 1
    lin.transport.retry_now()
    await lin.online(2)


GARBAGE = {
    "not XML": "hello", "broken XML": "<a><b></a>", "a comment": "<a><!-- x --></a>", "two": "<a/><b/>",
    "unknown": "<x xmlns='urn:what'/>", "out of order": f"<success xmlns='{ns.SASL}'/>",
    "a doctype": "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>",
    "an impossible count": f"<a xmlns='{ns.SM}' h='5'/>",
    "binary": b"\x00\x01",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_ends_the_connection_with_a_reason_and_a_new_one_begins(world, garbage):
    lin = world.client("lin")
    await lin.online()
    await trio.testing.wait_all_tasks_blocked()
    await world.server.connections[-1].send_text(garbage)
    waiting = await lin.reached(ConnectionState.WAITING)
    assert "XMPP" in waiting.reason and 0 <= waiting.retry_in <= 1
    await lin.online(2)
    assert [e for e in world.server.seen if e.is_("error", ns.STREAMS)]


async def test_a_server_that_says_nothing_at_all_is_given_up(world):
    world.server.silent = True
    lin = world.client("lin")
    assert "signing in took more than 30 seconds" in (await lin.reached(ConnectionState.WAITING)).reason


async def test_a_server_that_does_not_acknowledge_is_given_up(world):
    lin = world.client("lin")
    await lin.online()
    await trio.testing.wait_all_tasks_blocked()
    world.server.ack = False
    submission = lin.transport.submit(outgoing(WANG, "x"))
    assert "acknowledge" in (await lin.reached(ConnectionState.WAITING)).reason
    world.server.ack = True
    await submission.accepted()


async def test_a_probe_finds_a_dead_connection_in_seconds_and_spares_a_living_one(world):
    lin = world.client("lin")
    await lin.online()
    lin.transport.probe()
    await trio.sleep(60)
    assert lin.network.attempts == 1
    world.server.silent = True
    began = trio.current_time()
    lin.transport.network_changed(NetworkChanged(up=True))
    assert "sign of life" in (await lin.reached(ConnectionState.WAITING)).reason
    assert trio.current_time() - began < 6


async def test_a_websocket_for_something_else_is_not_taken(world):
    lin = world.client("lin", start=False)
    lin.network.subprotocol = None
    world.nursery.start_soon(lin.transport.run)
    assert "not one for XMPP" in (await lin.reached(ConnectionState.WAITING)).reason


async def test_the_waits_grow_have_jitter_and_can_be_cut_short(world):
    lin = world.client("lin", start=False)
    lin.network.unreachable = "nobody listens on 127.0.0.1:5280"
    world.nursery.start_soon(lin.transport.run)
    await lin.reached(ConnectionState.WAITING, 12)
    waits = [e for e in lin.events if getattr(e, "state", None) is ConnectionState.WAITING]
    assert all("nobody listens" in e.reason for e in waits)
    for n, event in enumerate(waits[:12]):
        assert 0 <= event.retry_in <= min(60, 2 ** n)
    assert len({e.retry_in for e in waits}) == len(waits)
    lin.network.unreachable = ""
    began = trio.current_time()
    lin.transport.retry_now()
    await lin.online()
    assert trio.current_time() == began


async def test_a_stream_that_ends_at_once_again_and_again_does_not_make_a_storm(world):
    world.server.poison = lambda s: "undefined-condition" if s.name == "presence" else ""
    lin = world.client("lin")
    await lin.online()
    await trio.sleep(600)
    assert lin.network.attempts < 60
