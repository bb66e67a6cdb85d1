"""The pure parts as tables: subscriptions, who gets a message, what is kept."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tulou_server.delivery import Otherwise, is_stored, plan, wants_carbons
from tulou_server.subscription import KINDS, State, Way, move
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

STATES = st.sampled_from(State)


@given(STATES, st.sampled_from(Way), st.sampled_from(KINDS))
def test_a_stanza_changes_only_what_it_is_about(state, way, kind):
    after = move(way, kind, state)
    if after is None:
        return
    about_us = (way is Way.OUT) == (kind in ("subscribe", "unsubscribe"))
    if about_us:  # our subscription to them
        assert (after.shows, after.asked) == (state.shows, state.asked)
    else:
        assert (after.sees, after.asking) == (state.sees, state.asking)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(KINDS)), max_size=30))
def test_two_sides_that_hear_everything_always_agree(exchange):
    sides = [State.NONE, State.NONE]
    for first, kind in exchange:
        sender, receiver = (0, 1) if first else (1, 0)
        after = move(Way.OUT, kind, sides[sender])
        if after is None:
            continue
        sides[sender] = after
        if kind == "subscribe" and sides[receiver].shows:
            sides[sender] = move(Way.IN, "subscribed", sides[sender])
            continue
        arrived = move(Way.IN, kind, sides[receiver])
        if arrived is not None:
            sides[receiver] = arrived
        one, other = sides
        assert (one.sees, one.shows) == (other.shows, other.sees)
        assert (one.asking, one.asked) == (other.asked, other.asking)


@pytest.mark.parametrize("state, way, kind, after", [
    ("none", "out", "subscribe", "none+out"),
    ("none+out", "in", "subscribed", "to"),
    ("none", "in", "subscribe", "none+in"),
    ("none+in", "out", "subscribed", "from"),
    ("from+out", "in", "subscribed", "both"),
    ("both", "out", "unsubscribe", "from"),
    ("both", "in", "unsubscribed", "from"),
    ("both", "out", "subscribe", None),
    ("none", "in", "subscribed", None),
    ("none", "out", "subscribed", None),
])
def test_the_usual_steps(state, way, kind, after):
    assert move(Way(way), kind, State(state)) is (None if after is None else State(after))


@dataclass(eq=False)
class Device:
    resource: str
    priority: int | None = 0
    carbons: bool = False


def message(*children, kind="chat"):
    return Element("message", ns.CLIENT, *children, type=kind)


BODY = Element("body", ns.CLIENT, "hi")
COMPOSING = Element("composing", ns.CHAT_STATES)
RECEIPT = Element("received", ns.RECEIPTS, id="1")


def hint(name):
    return Element(name, ns.HINTS)


@pytest.mark.parametrize("stanza, stored", [
    (message(BODY), True),
    (message(BODY, kind="normal"), True),
    (message(BODY, kind="odd"), True),
    (message(RECEIPT), True),
    (message(Element("payload", "urn:tulou:message:0")), True),
    (message(), False),
    (message(COMPOSING), False),
    (message(COMPOSING, Element("thread", ns.CLIENT, "t")), False),
    (message(COMPOSING, hint("store")), True),
    (message(BODY, hint("no-store")), False),
    (message(BODY, hint("no-permanent-store")), False),
    (message(BODY, kind="headline"), False),
    (message(BODY, kind="groupchat"), False),
    (message(BODY, kind="error"), False),
])
def test_what_is_kept(stanza, stored):
    assert is_stored(stanza) is stored


@pytest.mark.parametrize("stanza, wanted", [
    (message(BODY), True),
    (message(RECEIPT), True),
    (message(BODY, Element("private", ns.CARBONS)), False),
    (message(BODY, hint("no-copy")), False),
    (message(BODY, kind="groupchat"), False),
    (message(BODY, kind="headline"), False),
    (message(BODY, kind="error"), False),
    (message(), False),
])
def test_what_other_devices_see(stanza, wanted):
    assert wants_carbons(stanza) is wanted


PC, PHONE = Device("pc", 5, True), Device("phone", 0, True)
OLD, BOT, HIDDEN = Device("old", 0), Device("bot", -1), Device("hidden", None, True)
ALL = [PC, PHONE, OLD, BOT, HIDDEN]


@pytest.mark.parametrize("kind, resource, devices, direct, carbons, otherwise", [
    ("chat", "", ALL, [PC, PHONE, OLD], [HIDDEN], Otherwise.STORE),
    ("normal", "", ALL, [PC, PHONE, OLD], [HIDDEN], Otherwise.STORE),
    ("chat", "", [BOT, HIDDEN], [], [], Otherwise.STORE),
    ("chat", "bot", ALL, [BOT], [PC, PHONE, HIDDEN], Otherwise.DROP),
    ("chat", "gone", ALL, [PC, PHONE, OLD], [HIDDEN], Otherwise.STORE),
    ("chat", "gone", [], [], [], Otherwise.STORE),
    ("headline", "", ALL, [PC, PHONE, OLD], [], Otherwise.DROP),
    ("headline", "gone", ALL, [], [], Otherwise.DROP),
    ("groupchat", "", ALL, [], [], Otherwise.REFUSE),
    ("error", "", ALL, [], [], Otherwise.DROP),
    ("error", "pc", ALL, [PC], [], Otherwise.DROP),
])
def test_who_gets_it(kind, resource, devices, direct, carbons, otherwise):
    planned = plan(message(BODY, kind=kind), resource, devices)
    assert (list(planned.direct), list(planned.carbons)) == (direct, carbons)
    assert planned.otherwise is otherwise


@given(
    st.sampled_from(["chat", "normal", "headline", "groupchat", "error"]),
    st.sampled_from(["", "0", "1", "9"]),
    st.lists(st.tuples(st.one_of(st.none(), st.integers(-2, 2)), st.booleans()), max_size=4),
)
def test_nobody_gets_a_message_twice(kind, resource, devices):
    sessions = [Device(str(n), priority, carbons) for n, (priority, carbons) in enumerate(devices)]
    planned = plan(message(BODY, kind=kind), resource, sessions)
    got = [*planned.direct, *planned.carbons]
    assert len({id(device) for device in got}) == len(got)
