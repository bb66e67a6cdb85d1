"""Making an account on the server (XEP-0077)."""

from __future__ import annotations

from tulou_xmpp.session import events
from tulou_xmpp.session.conditions import stanza_error
from tulou_xmpp.session.login import Login
from tulou_xmpp.session.states import Step
from tulou_xmpp.session.stream import Stream
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

REQUEST = "register"
"""The id of the request."""


def register(stream: Stream, login: Login) -> None:
    """Ask for the account."""
    stream.go(Step.REGISTER)
    query = Element(
        "query", ns.REGISTER,
        Element("username", ns.REGISTER, login.address.local),
        Element("password", ns.REGISTER, login.password),
    )
    stream.write(Element("iq", ns.CLIENT, query, type="set", id=REQUEST, to=stream.domain))


def registered(iq: Element) -> events.Event:
    """What the server's answer means."""
    if iq.get("type") == "result":
        return events.Registered()
    condition, text = stanza_error(iq)
    return events.RegistrationFailed(condition, text)
