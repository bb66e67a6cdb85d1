"""The session's protocol, without a socket or a clock."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tulou_xmpp.session import Login, NotReady, Purpose, Session, State, TooLarge, events
from tulou_xmpp.session.states import TABLE, Step
from tulou_xmpp.wire import JID, Element, FrameParser, WireError
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.scram import ScramServer, derive_keys

E = Element
KEYS = {m: derive_keys(m, "pw", b"salt", 4096) for m in ("SCRAM-SHA-1", "SCRAM-SHA-256")}


def new_session(purpose=Purpose.SESSION, plain=False, password="pw", **more):
    login = Login(address=JID.parse("lin@example.org"), password=password, resource="r", plain=plain,
                  purpose=purpose)
    return Session(login, **more)


def written(session):
    parser = FrameParser()
    return [parser.parse_frame(frame) for frame in session.take_output()]


def features(*content):
    return E("features", ns.STREAMS, *content)


def mechanisms(*names):
    return features(E("mechanisms", ns.SASL, *(E("mechanism", ns.SASL, name) for name in names)))


def opened():
    return E("open", ns.FRAMING, version="1.0")


def authenticate(session, sm=True):
    """Up to the features of the second stream."""
    session.connected()
    session.receive(opened())
    session.receive(mechanisms("SCRAM-SHA-1", "SCRAM-SHA-256"))
    auth = written(session)[-1]
    server = ScramServer(auth.get("mechanism"))
    server.receive_first(base64.b64decode(auth.text))
    challenge = base64.b64encode(server.challenge(KEYS[auth.get("mechanism")])).decode()
    for event in session.receive(E("challenge", ns.SASL, challenge)):
        session.derived(event.derivation.run())
    final = server.receive_final(base64.b64decode(written(session)[-1].text))
    session.receive(E("success", ns.SASL, base64.b64encode(final).decode()))
    session.receive(opened())
    return session.receive(features(E("bind", ns.BIND), E("sm", ns.SM) if sm else None))


def bind(session):
    written(session)
    jid = E("jid", ns.BIND, "lin@example.org/r")
    return session.receive(E("iq", ns.CLIENT, E("bind", ns.BIND, jid), type="result", id="bind"))


def ready_session(sm=True, **more):
    session = new_session(**more)
    authenticate(session, sm)
    happened = bind(session)
    if sm:
        happened = session.receive(E("enabled", ns.SM, id="sm1", resume="true"))
    assert happened == [events.Ready(JID.parse("lin@example.org/r"), False)]
    written(session)
    return session


def message(number, size=0):
    return E("message", ns.CLIENT, E("body", ns.CLIENT, "x" * size), id=f"m{number}", to="wang@example.org")


def resume(session, h):
    authenticate(session)
    asked = written(session)[-1]
    return asked, session.receive(E("resumed", ns.SM, previd="sm1", h=str(h)))


def test_the_strongest_mechanism_is_taken():
    session = new_session()
    session.connected()
    session.receive(mechanisms("PLAIN", "SCRAM-SHA-1", "X-MAGIC", "SCRAM-SHA-256"))
    assert written(session)[-1].get("mechanism") == "SCRAM-SHA-256"


def test_a_password_is_never_sent_bare_where_that_is_not_allowed():
    session = new_session(plain=False)
    session.connected()
    (event,) = session.receive(mechanisms("PLAIN", "LOGIN"))
    assert isinstance(event, events.PasswordRefused) and not event.permanent
    assert "PLAIN" in event.reason
    assert [e.name for e in written(session)] == ["open"]


def test_plain_is_used_where_it_is_allowed_and_nothing_better_is_there():
    session = new_session(plain=True, password="密码")
    session.connected()
    session.receive(mechanisms("PLAIN"))
    auth = written(session)[-1]
    assert base64.b64decode(auth.text) == "\0lin\0密码".encode()


def test_a_server_that_does_not_know_the_password_is_not_trusted():
    session = new_session()
    session.connected()
    session.receive(mechanisms("SCRAM-SHA-1"))
    (event,) = session.receive(E("success", ns.SASL, "dj1BQUFB"))
    assert isinstance(event, events.PasswordRefused) and not event.permanent


@pytest.mark.parametrize("condition,permanent", [
    ("not-authorized", True), ("account-disabled", True), ("credentials-expired", True),
    ("temporary-auth-failure", False), ("aborted", False),
])
def test_which_refusals_are_for_good(condition, permanent):
    session = new_session()
    session.connected()
    session.receive(mechanisms("SCRAM-SHA-1"))
    (event,) = session.receive(E("failure", ns.SASL, E(condition, ns.SASL)))
    assert event.permanent is permanent and event.reason


def test_a_second_login_needs_no_second_derivation():
    session = ready_session()
    session.lost()
    session.connected()
    session.receive(opened())
    session.receive(mechanisms("SCRAM-SHA-256"))
    server = ScramServer("SCRAM-SHA-256")
    server.receive_first(base64.b64decode(written(session)[-1].text))
    challenge = base64.b64encode(server.challenge(KEYS["SCRAM-SHA-256"])).decode()
    assert session.receive(E("challenge", ns.SASL, challenge)) == []
    server.receive_final(base64.b64decode(written(session)[-1].text))


def test_nothing_is_sent_before_there_is_a_session():
    session = new_session()
    with pytest.raises(NotReady):
        session.send(message(1))
    session.connected()
    with pytest.raises(NotReady):
        session.send(message(1))


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


def drop_by_poison(session, condition="policy-violation"):
    session.receive(E("error", ns.STREAMS, E(condition, ns.STREAM_ERRORS)))
    return session.lost()


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
