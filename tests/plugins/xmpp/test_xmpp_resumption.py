"""A cut connection goes on: nothing is lost, repeated, or acknowledged before it is stored."""

import pytest
import trio
from tulou_contracts.testing.transport import Collector, outgoing, submit_until_accepted
from tulou_contracts.transport import ConnectionState, NotAccepted, NotConnected

from xmpp_world import LIN, WANG, chat, session_of, until
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

E = Element


async def test_a_cut_session_goes_on_without_a_gap_or_a_repetition(world):
    lin, wang = world.client("lin"), world.client("wang")
    await lin.online()
    await wang.online()
    at_lin = Collector()
    lin.transport.deliver_to(at_lin)
    sent = [outgoing(LIN, f"number {n}") for n in range(30)]
    for n, message in enumerate(sent):
        await submit_until_accepted(wang.transport, message)
        if n % 10 == 5:
            await at_lin.message(message.id)
            lin.network.cut()
    await at_lin.message(sent[-1].id)
    assert [m.id for m in at_lin.messages] == [m.id for m in sent]
    assert (await lin.online()).resumed
    assert lin.states.count(ConnectionState.ONLINE) == 4


async def test_what_was_on_its_way_at_the_cut_is_sent_again_by_itself(world):
    lin = world.client("lin")
    await lin.online()
    world.server.ack = False
    submissions = [lin.transport.submit(outgoing(WANG, str(n))) for n in range(5)]
    lin.network.cut()           # before the writer could run
    world.server.ack = True
    with trio.fail_after(100):
        for submission in submissions:
            await submission.accepted()
    assert [m.child_text("body") for _, m in world.server.archives["wang"]] == list("01234")


async def test_a_session_lost_for_good_says_that_it_does_not_know(world):
    lin = world.client("lin")
    await lin.online()
    world.server.ack = False
    submission = lin.transport.submit(outgoing(WANG, "where am I"))
    await trio.testing.wait_all_tasks_blocked()
    world.server.forget_sessions()
    lin.network.cut()
    with pytest.raises(NotAccepted):
        await submission.accepted()
    assert not (await lin.online(2)).resumed


async def test_a_question_is_answered_with_the_error_when_the_session_is_lost(world):
    lin = world.client("lin")
    await lin.online()
    await trio.testing.wait_all_tasks_blocked()
    world.server.silent = True
    caught = []

    async def ask():
        try:
            await lin.transport.archive(before="")
        except NotConnected as error:
            caught.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        world.server.silent = False
        world.server.forget_sessions()
        lin.network.cut()
    assert caught


async def test_nothing_is_acknowledged_before_the_inbox_has_stored_it(world):
    lin = world.client("lin")
    await lin.online()
    await trio.testing.wait_all_tasks_blocked()
    session = session_of(world, "lin")
    gate, batches = trio.Event(), []

    async def slow(batch):
        batches.append(len(batch))
        await gate.wait()

    lin.transport.deliver_to(slow)
    for n in range(450):
        await session.send(chat(str(n), id=f"m{n}"))
    await trio.sleep(20)        # the server has asked; we answer in time, with what is safe
    assert len(session.outbound) == 450
    assert [e for e in world.server.seen if e.is_("a", ns.SM)], "the server was left without an answer"
    gate.set()
    await until(lambda: len(session.outbound) == 0)
    assert sum(batches) == 450 and max(batches) == 200


async def test_an_inbox_that_fails_gets_the_same_again_and_a_new_one_at_once(world):
    lin = world.client("lin")
    await lin.online()
    failures = []

    async def broken(batch):
        failures.append([m.id for m in batch])
        raise OSError("no room")

    lin.transport.deliver_to(broken)
    await session_of(world, "lin").send(chat(id="m1"))
    await until(lambda: len(failures) == 3)
    assert failures == [["m1"]] * 3
    good = Collector()
    lin.transport.deliver_to(good)
    await good.message("m1")


async def test_stanzas_without_content_for_people_are_acknowledged_too(world):
    lin = world.client("lin")
    await lin.online()
    await trio.testing.wait_all_tasks_blocked()
    session = session_of(world, "lin")
    for odd in (
        E("message", ns.CLIENT), E("message", ns.CLIENT, from_="@@", id="x"),
        E("message", ns.CLIENT, E("body", ns.CLIENT, "x"), type="groupchat", from_="room@x/y"),
        E("presence", ns.CLIENT, from_="\x00"), E("presence", ns.CLIENT), E("iq", ns.CLIENT),
        E("iq", ns.CLIENT, type="set", id="1", from_=WANG), E("iq", ns.CLIENT, type="what", id="1"),
        E("message", ns.CLIENT, E("received", ns.CARBONS), from_=LIN),
        E("message", ns.CLIENT, E("result", ns.MAM), from_=LIN),
        E("presence", ns.CLIENT, type="subscribe", from_="nobody@@"),
    ):
        await session.send(odd)
    await until(lambda: len(session.outbound) == 0)
    assert lin.transport.state.state is ConnectionState.ONLINE
