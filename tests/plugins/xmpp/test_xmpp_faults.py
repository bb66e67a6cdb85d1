"""The connection when the network, the server or the inbox misbehave; on a virtual clock."""

import pytest
import trio
from tulou import AccountChanged, NetworkChanged
from tulou_contracts.identity import (
    Account, AccountTaken, AddressInvalid, Credential, RegistrationRefused, ServerUnavailable, WrongPassword,
)
from tulou_contracts.testing.transport import Collector, outgoing, submit_until_accepted
from tulou_contracts.transport import ConnectionState, ContactChanged, NotAccepted, NotConnected, Refused

from xmpp_world import derive_here
from fake_xmpp import DOMAIN, MemoryNetwork, carbon
from tulou_xmpp.authenticator import XmppAuthenticator
from tulou_xmpp.config import Config
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

E = Element
WANG = f"wang@{DOMAIN}"
LIN = f"lin@{DOMAIN}"


def session_of(world, name):
    return next(s for s in world.server.live.values() if s.name == name)


def chat(body="hello", sender=f"{WANG}/x", **attributes):
    return E("message", ns.CLIENT, E("body", ns.CLIENT, body), from_=sender, to=LIN, type="chat",
             **attributes)


async def until(condition):
    with trio.fail_after(1000):
        while not condition():
            await trio.sleep(0.01)


# ---- resumption ----

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


# ---- what comes in is acknowledged when it is stored ----

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


# ---- passwords ----

async def test_a_refused_password_is_tried_once_until_somebody_signs_in_again(world):
    lin = world.client("lin", password="wrong")
    refused = await lin.reached(ConnectionState.REFUSED)
    assert lin.credentials.rejections == [refused.reason] and "password" in refused.reason
    lin.transport.retry_now()
    lin.transport.network_changed(NetworkChanged(up=True))
    await trio.sleep(10_000)
    assert lin.network.attempts == 1
    lin.credentials.credential = Credential(account=Account(address=LIN), password="pw")
    await lin.transport.account_changed(AccountChanged(account=LIN))
    await lin.online()


async def test_signing_out_goes_offline_and_nothing_more_is_tried(world):
    lin = world.client("lin")
    await lin.online()
    await lin.transport.add_contact(WANG, "王")
    lin.credentials.credential = None
    await lin.transport.account_changed(AccountChanged(account=None))
    await lin.reached(ConnectionState.OFFLINE)
    assert await lin.transport.contacts() == ()
    assert [e.contact.address for e in lin.events if isinstance(e, ContactChanged) and e.removed] == [WANG]
    attempts = lin.network.attempts
    await trio.sleep(10_000)
    assert lin.network.attempts == attempts


async def test_nobody_signed_in_is_offline(world):
    lin = world.client("lin", start=False)
    lin.credentials.credential = None
    world.nursery.start_soon(lin.transport.run)
    await lin.reached(ConnectionState.OFFLINE)
    assert lin.network.attempts == 0
    with pytest.raises(NotConnected):
        lin.transport.submit(outgoing(WANG, "x"))


async def test_a_server_that_only_takes_bare_passwords_never_gets_ours(world):
    world.server.mechanisms = ["PLAIN"]
    lin = world.client("lin")
    waiting = await lin.reached(ConnectionState.WAITING)
    assert "PLAIN" in waiting.reason
    assert not [e for e in world.server.seen if e.name == "auth"]


# ---- the server misbehaves ----

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


# ---- waiting ----

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


# ---- forgeries ----

async def test_only_our_own_account_can_show_us_what_another_device_of_ours_got(world):
    lin = world.client("lin")
    await lin.online()
    at_lin = Collector()
    lin.transport.deliver_to(at_lin)
    session = session_of(world, "lin")
    message = chat("sent by me?", sender=f"{LIN}/phone", id="c1")
    message.attributes["to"] = WANG
    for forged_by in (WANG, f"{WANG}/x", f"{LIN}/other", DOMAIN):
        forged = carbon("sent", "lin", message)
        forged.attributes["from"] = forged_by
        await session.send(forged)
    genuine = carbon("sent", "lin", message)
    await session.send(genuine)
    got = await at_lin.message("c1")
    assert len(at_lin.items) == 1
    assert got.outgoing and (got.conversation, got.sender) == (WANG, LIN)


async def test_only_our_own_server_can_change_the_contact_list_and_name_archive_ids(world):
    lin = world.client("lin")
    await lin.online()
    await trio.testing.wait_all_tasks_blocked()
    at_lin = Collector()
    lin.transport.deliver_to(at_lin)
    session = session_of(world, "lin")
    item = E("item", ns.ROSTER, jid="evil@example.org", subscription="both")
    await session.send(E("iq", ns.CLIENT, E("query", ns.ROSTER, item), type="set", id="p", from_=WANG))
    forged = chat(id="m1")
    forged.children.append(E("stanza-id", ns.STANZA_IDS, by=WANG, id="forged"))
    forged.children.append(E("delay", ns.DELAY, stamp="1999-01-01T00:00:00Z", from_=WANG))
    await session.send(forged)
    got = await at_lin.message("m1")
    assert got.archive_id is None and got.at > 1_600_000_000_000_000
    assert not await lin.transport.contacts()
    refusal = next(e for e in world.server.seen if e.name == "iq" and e.get("id") == "p")
    assert refusal.get("type") == "error" and refusal.get("to") == WANG


# ---- answering and leaving ----

async def test_questions_of_others_are_answered(world):
    lin = world.client("lin")
    await lin.online()
    await trio.testing.wait_all_tasks_blocked()
    session = session_of(world, "lin")
    await session.send(E("iq", ns.CLIENT, E("ping", ns.PING), type="get", id="1", from_=DOMAIN))
    await session.send(E("iq", ns.CLIENT, E("query", ns.DISCO_INFO), type="get", id="2", from_=f"{WANG}/x"))
    await session.send(E("iq", ns.CLIENT, E("what", "urn:what"), type="get", id="3", from_=f"{WANG}/x"))
    await trio.testing.wait_all_tasks_blocked()
    answers = {e.get("id"): e for e in world.server.seen if e.name == "iq" and e.get("id") in ("1", "2", "3")}
    assert [answers[n].get("type") for n in "123"] == ["result", "result", "error"]
    features = {f.get("var") for f in answers["2"].child("query", ns.DISCO_INFO).children_named("feature")}
    assert {ns.PING, ns.RECEIPTS, ns.MARKERS, ns.DISCO_INFO} <= features


async def test_leaving_acknowledges_says_good_bye_and_closes(world):
    lin = world.client("lin")
    await lin.online()
    await trio.testing.wait_all_tasks_blocked()
    at_lin = Collector()
    lin.transport.deliver_to(at_lin)
    session = session_of(world, "lin")
    await session.send(chat(id="m1"))
    await lin.transport.close()
    assert [m.id for m in at_lin.messages] == ["m1"]
    assert not session.outbound and not world.server.live
    assert [e.name for e in world.server.seen[-3:]] == ["a", "presence", "close"]


async def test_a_message_nobody_can_get_comes_back_as_refused(world):
    lin = world.client("lin")
    await lin.online()
    at_lin = Collector()
    lin.transport.deliver_to(at_lin)
    sent = outgoing(f"nobody@{DOMAIN}", "hello?")
    submission = lin.transport.submit(sent)
    await at_lin.until(lambda: bool(at_lin.items))
    (refusal,) = at_lin.items
    assert refusal.message_id == sent.id and "no such recipient" in refusal.reason
    with pytest.raises(Refused):
        await submission.accepted()


# ---- the authenticator ----

def authenticator(world):
    return XmppAuthenticator(MemoryNetwork(world.nursery, world.server.serve), Config(), derive_here)


def credential(name, password):
    return Credential(account=Account(address=name), password=password)


async def test_passwords_are_verified_without_becoming_a_session(world):
    asks = authenticator(world)
    await asks.verify(credential(LIN, "pw"))
    with pytest.raises(WrongPassword):
        await asks.verify(credential(LIN, "wrong"))
    with pytest.raises(WrongPassword):
        await asks.verify(credential(f"nobody@{DOMAIN}", "pw"))
    for bad in ("", "nobody", "a@b@c", f"{LIN}/resource"):
        with pytest.raises(AddressInvalid):
            await asks.verify(credential(bad, "pw"))
    assert not world.server.live


async def test_accounts_are_made_once_and_only_where_that_is_allowed(world):
    asks = authenticator(world)
    newcomer = credential(f"陈师傅@{DOMAIN}", "密码")
    await asks.register(newcomer)
    await asks.verify(newcomer)
    with pytest.raises(AccountTaken):
        await asks.register(newcomer)
    world.server.registration = False
    with pytest.raises(RegistrationRefused):
        await asks.register(credential(f"other@{DOMAIN}", "pw"))


async def test_a_server_that_cannot_be_asked_is_unavailable_not_a_wrong_password(world):
    asks = authenticator(world)
    world.server.silent = True
    with pytest.raises(ServerUnavailable):
        await asks.verify(credential(LIN, "pw"))
    asks._connector.unreachable = "nobody listens there"
    with pytest.raises(ServerUnavailable, match="nobody listens there"):
        await asks.verify(credential(LIN, "pw"))
    asks._connector.unreachable = ""
    asks._connector.subprotocol = None
    with pytest.raises(ServerUnavailable):
        await asks.register(credential(LIN, "pw"))
