"""Stanzas counted, acknowledged, sent again, or found poisonous, without a socket."""

import pytest

from xmpp_session_steps import (
    authenticate, bind, drop_by_poison, message, new_session, ready_session, resume, written,
)
from tulou_xmpp.session import State, events
from tulou_xmpp.wire import Element, WireError
from tulou_xmpp.wire import namespaces as ns

E = Element


def test_acknowledgement_is_asked_for_once_and_told():
    session = ready_session()
    for number in range(3):
        session.send(message(number), f"tag{number}")
    assert [e.name for e in written(session)] == ["message"] * 3 + ["r"]
    session.send(message(3), "tag3")
    assert [e.name for e in written(session)] == ["message"]
    assert session.receive(E("a", ns.SM, h="2")) == [events.Taken(("tag0", "tag1"))]
    assert [e.name for e in written(session)] == ["r"]
    assert session.receive(E("a", ns.SM, h="4")) == [events.Taken(("tag2", "tag3"))]
    assert written(session) == []


def test_acknowledging_too_much_breaks_the_protocol():
    session = ready_session()
    with pytest.raises(WireError):
        session.receive(E("a", ns.SM, h="1"))


def test_without_stream_management_a_ping_stands_for_the_acknowledgement():
    session = ready_session(sm=False)
    session.send(message(1), "one")
    session.send(message(2), "two")
    out = written(session)
    assert [e.name for e in out] == ["message", "message", "iq"]
    session.send(message(3), "three")
    written(session)
    answer = E("iq", ns.CLIENT, type="error", id=out[-1].get("id"), from_="example.org")
    assert session.receive(answer) == [events.Taken(("one", "two"))]
    assert [e.name for e in written(session)] == ["iq"]
    assert session.lost() == [events.Lost(("three",))]


def test_resuming_sends_again_exactly_what_the_server_lacks():
    session = ready_session()
    for number in range(4):
        session.send(message(number), number)
    written(session)
    session.receive(E("message", ns.CLIENT, id="in"))
    session.handled(1, session.epoch)
    assert session.lost() == []
    asked, happened = resume(session, 2)
    assert (asked.name, asked.get("previd"), asked.get("h")) == ("resume", "sm1", "1")
    assert happened == [events.Taken((0, 1)), events.Ready(session.address, True)]
    out = written(session)
    assert [e.get("id") for e in out[:2]] == ["m2", "m3"] and out[2].name == "r"
    assert session.receive(E("a", ns.SM, h="4")) == [events.Taken((2, 3))]


def test_what_was_stored_after_the_resumption_was_asked_for_is_not_counted_twice():
    session = ready_session()
    (received,) = session.receive(E("message", ns.CLIENT, id="in"))
    session.lost()
    asked, _ = resume(session, 0)
    assert asked.get("h") == "0"
    session.handled(1, received.epoch)      # stored at last, but the server will send it again
    (again,) = session.receive(E("message", ns.CLIENT, id="in"))
    session.receive(E("r", ns.SM))
    assert not [e for e in written(session) if e.name == "a"]
    session.handled(1, again.epoch)
    (ack,) = [e for e in written(session) if e.name == "a"]
    assert ack.get("h") == "1"


def test_a_request_is_answered_when_all_that_came_before_it_is_safe():
    session = ready_session()
    epoch = session.epoch
    for number in range(3):
        session.receive(E("message", ns.CLIENT, id=str(number)))
    session.receive(E("r", ns.SM))
    session.receive(E("message", ns.CLIENT, id="later"))
    session.handled(2, epoch)
    assert written(session) == [] and session.answer_due
    session.handled(1, epoch)
    assert [(e.name, e.get("h")) for e in written(session)] == [("a", "3")]


def test_a_slow_store_does_not_leave_the_server_without_an_answer():
    session = ready_session()
    session.receive(E("message", ns.CLIENT))
    session.receive(E("r", ns.SM))
    assert session.answer_due
    session.answer()
    assert [(e.name, e.get("h")) for e in written(session)] == [("a", "0")]
    assert not session.answer_due
    session.handled(1, session.epoch)
    assert [(e.name, e.get("h")) for e in written(session)] == [("a", "1")], "and hears the rest later"


@pytest.mark.parametrize("h,taken", [(None, ()), ("2", (0, 1)), ("9", ()), ("x", ())])
def test_a_refused_resumption_says_what_is_lost_and_binds_anew(h, taken):
    session = ready_session()
    for number in range(3):
        session.send(message(number), number)
    session.lost()
    authenticate(session)
    happened = session.receive(E("failed", ns.SM, E("item-not-found", ns.STANZAS), h=h))
    assert [t for e in happened if isinstance(e, events.Taken) for t in e.tags] == list(taken)
    (lost,) = [e for e in happened if isinstance(e, events.Lost)]
    assert lost.tags == tuple(n for n in range(3) if n not in taken)
    assert session.state is State.BINDING
    bind(session)
    session.receive(E("enabled", ns.SM, id="sm2", resume="true"))
    assert session.ready and session.waiting == 0


def test_a_session_the_server_will_not_resume_is_lost_with_its_connection():
    session = new_session()
    authenticate(session)
    bind(session)
    session.receive(E("enabled", ns.SM))
    session.send(message(1), "one")
    assert session.lost() == [events.Lost(("one",))]


def test_poison_is_found_alone_and_dropped_and_the_innocent_get_through():
    session = ready_session()
    for number in range(4):
        session.send(message(number), number)
    written(session)
    drop_by_poison(session)
    resume(session, 1)                      # m1 is the poison; nobody knows yet
    assert [e.get("id") for e in written(session) if e.name == "message"] == ["m1"]
    drop_by_poison(session)
    _, happened = resume(session, 1)
    (poison,) = [e for e in happened if isinstance(e, events.Poisonous)]
    assert poison.tag == 1
    assert [e.get("id") for e in written(session) if e.name == "message"] == ["m2"]
    session.receive(E("a", ns.SM, h="2"))
    assert [e.get("id") for e in written(session) if e.name == "message"] == ["m3"]
    assert session.receive(E("a", ns.SM, h="3")) == [events.Taken((3,))]


def test_poison_is_found_too_when_sessions_cannot_be_resumed():
    session = ready_session(sm=False)
    verdicts = []
    for _ in range(2):
        for number in range(2):
            session.send(message(number), number)
        verdicts += drop_by_poison(session)
        authenticate(session, sm=False)
        bind(session)
        written(session)
    assert [e.tag for e in verdicts if isinstance(e, events.Poisonous)] == [0]


def test_what_flew_with_the_poison_is_not_poison_when_it_was_taken_since():
    session = ready_session()
    session.send(message(1), 1)
    drop_by_poison(session)
    resume(session, 1)
    for _ in range(5):
        session.send(message(1), 1)     # the same id again
        drop_by_poison(session, "conflict" if _ == 9 else "reset")
        authenticate(session)
        session.receive(E("failed", ns.SM))
        bind(session)
        session.receive(E("enabled", ns.SM, id="sm1", resume="true"))
    session.send(message(1), 1)
    assert session.ready
