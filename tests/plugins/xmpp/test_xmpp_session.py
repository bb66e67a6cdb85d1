"""The session's protocol, without a socket or a clock."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xmpp_session_steps import features, mechanisms, message, new_session, opened, ready_session, written
from tulou_xmpp.session import NotReady, Purpose, State, TooLarge, events
from tulou_xmpp.session.states import TABLE, Step
from tulou_xmpp.wire import Element, WireError
from tulou_xmpp.wire import namespaces as ns

E = Element


def test_nothing_is_sent_before_there_is_a_session():
    session = new_session()
    with pytest.raises(NotReady):
        session.send(message(1))
    session.connected()
    with pytest.raises(NotReady):
        session.send(message(1))


def test_too_large_is_refused_by_its_bytes_and_by_the_servers_own_limit():
    session = ready_session(max_stanza=50_000)
    session.send(message(1, 40_000))
    with pytest.raises(TooLarge, match="50,000"):
        session.send(message(1, 50_000))
    with pytest.raises(TooLarge):
        session.send(E("message", ns.CLIENT, "大" * 20_000))
    limits = "urn:xmpp:stream-limits:0"
    session.lost()
    session.connected()
    session.receive(features(E("limits", limits, E("max-bytes", limits, "20000"))))
    assert session.max_stanza == 20_000


def test_closing_acknowledges_first():
    session = ready_session()
    session.receive(E("message", ns.CLIENT))
    session.handled(1, session.epoch)
    session.close()
    assert [e.name for e in written(session)] == ["a", "presence", "close"]
    assert session.receive(E("close", ns.FRAMING))[-1] == events.Ended("", "the server closed the stream")


def test_conflict_ends_the_session_for_good():
    session = ready_session()
    session.send(message(1), "one")
    happened = session.receive(E("error", ns.STREAMS, E("conflict", ns.STREAM_ERRORS)))
    assert happened[0] == events.Lost(("one",))
    assert happened[-1].condition == "conflict"


def test_registration():
    session = new_session(purpose=Purpose.REGISTER)
    session.connected()
    session.receive(features())
    iq = written(session)[-1]
    assert iq.find(("query", ns.REGISTER), ("username", ns.REGISTER)).text == "lin"
    error = E("error", ns.CLIENT, E("conflict", ns.STANZAS), E("text", ns.STANZAS, "taken"))
    assert session.receive(E("iq", ns.CLIENT, error, type="error", id="register")) == [
        events.RegistrationFailed("conflict", "taken")]


def test_the_table_has_a_way_out_of_every_state_and_reaches_all():
    reached = {State.DISCONNECTED} | set(TABLE.values())
    assert reached == set(State)
    for state in State:
        assert TABLE[state, Step.LOSE] is State.DISCONNECTED


WORDS = [
    opened(), E("close", ns.FRAMING), features(), mechanisms("SCRAM-SHA-1"), mechanisms("PLAIN"),
    features(E("bind", ns.BIND), E("sm", ns.SM)), features(E("bind", ns.BIND)),
    E("challenge", ns.SASL, "cj14"), E("challenge", ns.SASL, "!"), E("success", ns.SASL),
    E("success", ns.SASL, "dj1BQUFB"), E("failure", ns.SASL), E("enabled", ns.SM), E("resumed", ns.SM, h="0"),
    E("enabled", ns.SM, id="x", resume="true"), E("resumed", ns.SM), E("failed", ns.SM),
    E("failed", ns.SM, h="7"), E("r", ns.SM), E("a", ns.SM, h="0"), E("a", ns.SM, h="-1"), E("a", ns.SM),
    E("error", ns.STREAMS), E("error", ns.STREAMS, E("conflict", ns.STREAM_ERRORS)),
    E("iq", ns.CLIENT, type="result", id="bind"), E("iq", ns.CLIENT, type="error", id="bind"),
    E("iq", ns.CLIENT, E("bind", ns.BIND, E("jid", ns.BIND, "@@")), type="result", id="bind"),
    E("iq", ns.CLIENT, E("bind", ns.BIND, E("jid", ns.BIND, "a@b/c")), type="result", id="bind"),
    E("iq", ns.CLIENT, type="result", id="register"), E("iq", ns.CLIENT, id="sync-x", type="result"),
    E("iq", ns.CLIENT, id="sync-1", type="result"), E("message", ns.CLIENT), E("presence", ns.CLIENT),
    E("message", "urn:other"), E("unknown", "urn:unknown"),
]


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from(WORDS), max_size=12),
    st.sampled_from([
        lambda: new_session(), lambda: new_session(Purpose.REGISTER), lambda: new_session(plain=True),
        lambda: ready_session(), lambda: ready_session(sm=False),
    ]),
    st.integers(0, 5),
)
def test_a_server_may_say_anything_in_any_order(words, begin, sends):
    """Whatever comes: an event or a `WireError`, and every tag gets exactly one fate."""
    session = begin()
    given_out, fates = [], []

    def note(happened):
        for event in happened:
            if isinstance(event, (events.Taken, events.Lost)):
                fates.extend(event.tags)
            elif isinstance(event, events.Poisonous):
                fates.append(event.tag)

    if not session.ready:
        session.connected()
    for word in words:
        try:
            note(session.receive(word.copy()))
        except WireError as error:
            session.fail(error)
            note(session.lost())
            session.connected()
        for _ in range(sends if session.ready else 0):
            given_out.append(object())
            session.send(message(len(given_out)), given_out[-1])
        session.take_output()
    note(session.lost())
    note(session.abandon())
    assert sorted(map(id, fates)) == sorted(map(id, given_out))
