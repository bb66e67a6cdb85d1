"""Signals: the codec, and what a client takes for a notice."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from tulou_contracts.transport import NotConnected, Refused, SignalReceived, TransportError

from fake_xmpp_session import DOMAIN
from tulou_xmpp.signalling import XmppSignalling
from tulou_xmpp.stanzas.signals import received
from tulou_xmpp.wire import Element, FrameParser, serialise
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.signals import decode_signal, encode_signal, misfit, notice
from xmpp_world import LIN, WANG, session_of, until

E = Element
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=64)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("\n\t"), max_size=200)


@given(NAMES, st.dictionaries(NAMES, TEXTS, max_size=64))
def test_what_fits_comes_back_as_it_was_after_a_trip(name, content):
    assert misfit(name, content) == ""
    frame = serialise(notice(LIN, name, content, DOMAIN))
    signal = FrameParser().parse_frame(frame).child("signal", ns.SIGNAL)
    assert decode_signal(signal) == (name, content)
    assert received(FrameParser().parse_frame(frame)) == SignalReceived(
        sender=DOMAIN, name=name, content=content)


@pytest.mark.parametrize(("name", "content"), [
    ("", {}), ("x" * 65, {}), ("x", {"": "y"}), ("x", {"k" * 65: ""}), ("x", {str(n): "" for n in range(65)}),
    ("x", {"k": "v" * 65_537}),
])
def test_what_does_not_fit_is_no_signal_in_either_direction(name, content):
    assert misfit(name, content)
    assert decode_signal(encode_signal(name, content)) is None


@pytest.mark.parametrize("change", [
    {"type": "chat"}, {"type": None}, {"from": ""}, {"from": "a@@b"}, {"type": "error"},
])
def test_a_message_that_is_no_notice_of_somebody_is_none(change):
    stanza = notice(LIN, "news", {}, DOMAIN)
    for key, value in change.items():
        stanza.attributes.pop(key, None)
        if value:
            stanza.attributes[key] = value
    assert received(stanza) is None


async def test_a_notice_is_published_once_with_who_sent_it_and_stored_nowhere(world):
    lin = world.client("lin")
    await lin.online()
    inbox = []

    async def store(batch):
        inbox.extend(batch)

    lin.transport.deliver_to(store)
    session = session_of(world, "lin")
    await session.send(notice(LIN, "company.document", {"kind": "政策"}, DOMAIN))
    await session.send(notice(LIN, "hello", {}, f"{WANG}/phone"))
    await until(lambda: len([e for e in lin.events if isinstance(e, SignalReceived)]) == 2)
    one, two = [e for e in lin.events if isinstance(e, SignalReceived)]
    assert (one.sender, dict(one.content)) == (DOMAIN, {"kind": "政策"})
    assert two.sender == WANG, "the device does not matter"
    assert inbox == []


async def test_a_notice_inside_a_copy_or_an_archive_is_none(world):
    lin = world.client("lin")
    await lin.online()
    session = session_of(world, "lin")
    inner = notice(LIN, "company.document", {}, DOMAIN)
    forwarded = E("forwarded", ns.FORWARD, inner)
    await session.send(E("message", ns.CLIENT, E("received", ns.CARBONS, forwarded), from_=LIN, to=LIN))
    result = E("result", ns.MAM, forwarded, queryid="x")
    await session.send(E("message", ns.CLIENT, result, from_=LIN, to=LIN))
    await session.send(notice(LIN, "last", {}, DOMAIN))
    await until(lambda: any(isinstance(e, SignalReceived) for e in lin.events))
    assert [e.name for e in lin.events if isinstance(e, SignalReceived)] == ["last"]


async def test_an_answer_counts_only_from_whom_was_asked(world):
    lin = world.client("lin")
    await lin.online()
    signalling = XmppSignalling(lin.transport.exchange)
    session = session_of(world, "lin")
    asked = []

    async def hold(iq):
        if iq.child("signal", ns.SIGNAL) is not None:
            asked.append(iq)

    for connection in world.server.connections:
        connection.on_iq = hold
    answers = []

    async def ask():
        answers.append(await signalling.ask("company.example.test", "company.token", {"a": "1"}))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await until(lambda: asked)
        question = asked[0]
        assert question.get("to") == "company.example.test" and question.get("type") == "get"

        async def reply(sender, token):
            await session.send(E("iq", ns.CLIENT, encode_signal("company.token", {"token": token}),
                                 type="result", id=question.get("id"), from_=sender, to=session.full))

        await reply(WANG, "forged")
        await reply("company.example.test/evil", "forged")
        await reply("company.example.test", "real")
    assert answers == [{"token": "real"}]


async def test_no_answer_and_no_connection_are_told_apart(world):
    lin = world.client("lin")
    signalling = XmppSignalling(lin.transport.exchange)
    with pytest.raises(NotConnected):
        await signalling.ask("", "x", {})
    await lin.online()

    async def ignore(iq):
        pass

    for connection in world.server.connections:
        connection.on_iq = ignore
    with pytest.raises(TransportError, match="did not answer"):
        await signalling.ask("", "x", {}, timeout=3.0)
    for to in ("@@", "a b", "x@"):
        with pytest.raises(Refused):
            await signalling.ask(to, "x", {})


async def test_an_answer_that_is_none_is_a_refusal(world):
    lin = world.client("lin")
    await lin.online()
    signalling = XmppSignalling(lin.transport.exchange)
    with pytest.raises(Refused, match="is none"):  # the fake server answers with an empty result
        await signalling.ask("", "company.token", {})
