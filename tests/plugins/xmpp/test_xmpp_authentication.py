"""Signing in, without a socket: which mechanism, and who is trusted."""

import base64

import pytest

from xmpp_session_steps import KEYS, mechanisms, new_session, opened, ready_session, written
from tulou_xmpp.session import events
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.scram import ScramServer

E = Element


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
