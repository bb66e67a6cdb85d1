"""What is said in a session: forged, asked, undeliverable, and the good-bye."""

import pytest
import trio
from tulou_contracts.testing.transport import Collector, outgoing
from tulou_contracts.transport import Refused

from fake_xmpp_session import DOMAIN, carbon
from xmpp_world import LIN, WANG, chat, session_of
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

E = Element


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
