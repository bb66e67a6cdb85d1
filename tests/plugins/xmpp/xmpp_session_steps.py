"""A session without a socket, taken step by step to where a test begins."""

import base64

from tulou_xmpp.session import Login, Purpose, Session, events
from tulou_xmpp.wire import JID, Element, FrameParser
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


def drop_by_poison(session, condition="policy-violation"):
    session.receive(E("error", ns.STREAMS, E(condition, ns.STREAM_ERRORS)))
    return session.lost()
