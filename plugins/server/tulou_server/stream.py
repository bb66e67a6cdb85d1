"""The protocol of one connection, without I/O: frames in, actions out (RFC 6120, 7395; XEP-0198).

Whatever decides which element is allowed when is in `_TABLE`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tulou_server import actions as act
from tulou_server import stanzas
from tulou_server.sasl import Sasl
from tulou_xmpp.wire import JID, Element, FrameParser, WireError
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.acks import parse_h
from tulou_xmpp.wire.errors import BadJID
from tulou_xmpp.wire.scram import MECHANISMS, StoredKeys

REGISTRATIONS = 5
"""How often one connection may try to make an account, before its stream is ended."""
_STANZAS = ("message", "presence", "iq")


class Stage(Enum):
    """How far a connection has come."""

    OPENING = "opening"
    SIGNING_IN = "signing in"
    REOPENING = "reopening"
    BINDING = "binding"
    BOUND = "bound"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says about connections."""

    domain: str
    registration: bool
    stanza_limit: int


class Stream:
    """One client connection. Feed `receive`; after an action that asks for an answer, give it."""

    def __init__(self, rules: Rules, stream_id: str) -> None:
        self.rules = rules
        self.stage = Stage.OPENING
        self.jid: JID | None = None
        """The full address, once bound."""
        self._id = stream_id
        self._parser = FrameParser(max_stanza=rules.stanza_limit)
        self._sasl = Sasl(rules.domain)
        self._registrations = 0
        self._enabled = False

    def receive(self, frame: str | bytes) -> list[act.Action]:
        """Take one frame. Never raises: what is wrong is answered as the RFCs say."""
        if self.stage is Stage.CLOSED:
            return []
        try:
            text = self._checked(frame)
            return self._dispatch(self._parser.parse_frame(text))
        except WireError as error:
            return self.fail(error.condition, str(error))

    def fail(self, condition: str, text: str = "") -> list[act.Action]:
        """End the stream with an error."""
        if self.stage is Stage.CLOSED:
            return []
        opening = [act.Send(self._open())] if self.stage is Stage.OPENING else []
        self.stage = Stage.CLOSED
        return [
            *opening,
            act.Send(stanzas.stream_error(condition, text)),
            act.Send(Element("close", ns.FRAMING)),
            act.Close(orderly=False),
        ]

    # What the surroundings answer

    def keys_found(self, keys: StoredKeys) -> list[act.Action]:
        """The keys for `FindKeys`; decoys when there is no such account."""
        return self._sasl.keys_found(keys)

    def registered(self, iq: Element, problem: tuple[str, str] | None) -> list[act.Action]:
        """The outcome of `CreateAccount`: None, or a condition and a sentence."""
        answer = stanzas.error(iq, *problem) if problem else stanzas.result(iq)
        return [act.Send(answer)]

    def bound(self, iq: Element, jid: JID) -> list[act.Action]:
        """The session of `Bind` is there."""
        self.stage, self.jid = Stage.BOUND, jid
        answer = Element("bind", ns.BIND, Element("jid", ns.BIND, str(jid)))
        return [act.Send(stanzas.result(iq, answer))]

    def resumed(self, jid: JID) -> None:
        """The session of `Resume` goes on here."""
        self.stage, self.jid, self._enabled = Stage.BOUND, jid, True

    def not_resumed(self, h: int | None) -> list[act.Action]:
        """There is nothing to resume; `h` as far as it is still known (XEP-0198, section 5)."""
        known = None if h is None else str(h)
        return [act.Send(Element("failed", ns.SM, Element("item-not-found", ns.STANZAS), h=known))]

    # Frames

    def _checked(self, frame: str | bytes) -> str:
        if not isinstance(frame, str):
            raise WireError("bad-format", "a binary frame came where XMPP uses text frames")
        limit = self.rules.stanza_limit
        # the bytes are counted only when the characters do not already decide
        if len(frame) * 4 > limit and len(frame.encode("utf-8", "replace")) > limit:
            raise WireError("policy-violation", f"a stanza is larger than {limit} bytes")
        return frame

    def _dispatch(self, element: Element) -> list[act.Action]:
        if element.namespace == ns.FRAMING and element.name == "close":
            self.stage = Stage.CLOSED
            return [act.Send(Element("close", ns.FRAMING)), act.Close(orderly=True)]
        handler = _TABLE[self.stage].get((element.name, element.namespace))
        if handler is not None:
            return handler(self, element)
        return self._unexpected(element)

    def _unexpected(self, element: Element) -> list[act.Action]:
        if self.stage in (Stage.OPENING, Stage.REOPENING):
            return self.fail("bad-format", "a stream begins with <open/> (RFC 7395)")
        if element.namespace == ns.SM and element.name in ("enable", "resume"):
            return [act.Send(Element("failed", ns.SM, Element("unexpected-request", ns.STANZAS)))]
        if element.namespace == ns.CLIENT and element.name in _STANZAS:
            return self.fail("not-authorized", "sign in and bind a resource first")
        return self.fail("unsupported-stanza-type", f"<{element.name}/> means nothing here now")

    # Opening

    def _open(self) -> Element:
        return Element(
            "open", ns.FRAMING, from_=self.rules.domain, id=self._id, version="1.0",
            **{"xml:lang": "en"},
        )

    def _opened(self, element: Element) -> list[act.Action]:
        try:
            host = JID.parse(element.get("to") or "?").bare
        except BadJID:
            host = ""
        if host != self.rules.domain:
            return self.fail("host-unknown", f"this server is {self.rules.domain}")
        if element.get("version") != "1.0":
            return self.fail("unsupported-version", "XMPP 1.0 is spoken here")
        self.stage = Stage.BINDING if self.stage is Stage.REOPENING else Stage.SIGNING_IN
        return [act.Send(self._open()), act.Send(self._features())]

    def _features(self) -> Element:
        features = Element("features", ns.STREAMS)
        if self.stage is Stage.SIGNING_IN:
            names = [Element("mechanism", ns.SASL, name) for name in MECHANISMS]
            features.children.append(Element("mechanisms", ns.SASL, *names))
            if self.rules.registration:
                features.children.append(Element("register", ns.REGISTER_FEATURE))
        else:
            session = Element("session", ns.SESSION, Element("optional", ns.SESSION))
            features.children += [
                Element("bind", ns.BIND), session, Element("sm", ns.SM), Element("csi", ns.CSI),
                Element("ver", ns.ROSTER_VERSIONING),
            ]
        return features

    # Signing in

    def _auth(self, element: Element) -> list[act.Action]:
        return self._signing_in(self._sasl.auth(element))

    def _response(self, element: Element) -> list[act.Action]:
        return self._signing_in(self._sasl.response(element))

    def _abort(self, element: Element) -> list[act.Action]:
        return self._signing_in(self._sasl.abort(element))

    def _signing_in(self, replies: list[act.Action]) -> list[act.Action]:
        if self._sasl.succeeded:
            self.stage = Stage.REOPENING
        if self._sasl.exhausted:
            replies += self.fail("policy-violation", "too many attempts to sign in")
        return replies

    def _register(self, iq: Element) -> list[act.Action]:
        query = iq.child("query", ns.REGISTER)
        if query is None or iq.get("type") not in ("get", "set") or not iq.get("id"):
            return self.fail("not-authorized", "sign in first")
        if not self.rules.registration:
            return [act.Send(stanzas.error(iq, "not-allowed", "this server does not let people register"))]
        if iq.get("type") == "get":
            fields = [Element(name, ns.REGISTER) for name in ("instructions", "username", "password")]
            fields[0].text = "Choose a name and a password."
            return [act.Send(stanzas.result(iq, Element("query", ns.REGISTER, *fields)))]
        self._registrations += 1
        if self._registrations > REGISTRATIONS:
            return self.fail("policy-violation", "too many attempts to register")
        name, password = query.child_text("username"), query.child_text("password")
        return [act.CreateAccount(iq, name, password)]

    # Binding

    def _bind(self, iq: Element) -> list[act.Action]:
        bind = iq.child("bind", ns.BIND)
        if bind is None or iq.get("type") != "set" or not iq.get("id"):
            return self.fail("not-authorized", "bind a resource first")
        resource = bind.child_text("resource").strip()
        if resource:
            try:
                resource = JID(self._sasl.user, self.rules.domain).with_resource(resource).resource
            except BadJID as error:
                return [act.Send(stanzas.error(iq, "bad-request", str(error)))]
        return [act.Bind(iq, self._sasl.user, resource)]

    def _resume(self, element: Element) -> list[act.Action]:
        try:
            h = parse_h(element.get("h"))
        except WireError:
            return [act.Send(Element("failed", ns.SM, Element("bad-request", ns.STANZAS)))]
        return [act.Resume(self._sasl.user, element.get("previd"), h)]

    # Bound

    def _enable(self, element: Element) -> list[act.Action]:
        if self._enabled:
            return [act.Send(Element("failed", ns.SM, Element("unexpected-request", ns.STANZAS)))]
        self._enabled = True
        return [act.Enable(element.get("resume") in ("true", "1"))]

    def _ack(self, element: Element) -> list[act.Action]:
        return [act.Acknowledged(parse_h(element.get("h")))] if self._enabled else []

    def _ack_request(self, element: Element) -> list[act.Action]:
        return [act.AckRequested()] if self._enabled else []

    def _client_state(self, element: Element) -> list[act.Action]:
        return []  # XEP-0352 leaves it to the server what to save while a client is inactive

    def _stanza(self, stanza: Element) -> list[act.Action]:
        assert self.jid is not None
        sender = stanza.get("from")
        if sender and not self._is_own(sender):
            return self.fail("invalid-from", f"{sender[:80]!r} is not your address")
        stanza.attributes["from"] = str(self.jid)
        to: JID | None = None
        if "to" in stanza.attributes:
            try:
                to = JID.parse(stanza.attributes["to"])
            except BadJID as error:
                return [_refused(stanza, "jid-malformed", str(error))]
            stanza.attributes["to"] = str(to)
        if stanza.name == "iq" and not _is_proper_iq(stanza):
            return [_refused(stanza, "bad-request", "an iq needs an id, a type and one payload")]
        return [act.Stanza(stanza, to)]

    def _is_own(self, sender: str) -> bool:
        assert self.jid is not None
        try:
            jid = JID.parse(sender)
        except BadJID:
            return False
        return jid == self.jid or (not jid.resource and jid.bare == self.jid.bare)


def _refused(stanza: Element, condition: str, text: str) -> act.Refuse:
    if not stanzas.may_be_answered(stanza):
        return act.Refuse(None)
    answer = stanzas.error(stanza, condition, text)
    answer.attributes.pop("from", None)  # never an address that is none
    return act.Refuse(answer)


def _is_proper_iq(iq: Element) -> bool:
    kind = iq.get("type")
    if not iq.get("id") or kind not in ("get", "set", "result", "error"):
        return False
    return len(iq.children) == 1 if kind in ("get", "set") else True


_Handler = Callable[[Stream, Element], list[act.Action]]

_TABLE: dict[Stage, dict[tuple[str, str], _Handler]] = {
    Stage.OPENING: {("open", ns.FRAMING): Stream._opened},
    Stage.SIGNING_IN: {
        ("auth", ns.SASL): Stream._auth,
        ("response", ns.SASL): Stream._response,
        ("abort", ns.SASL): Stream._abort,
        ("iq", ns.CLIENT): Stream._register,
    },
    Stage.REOPENING: {("open", ns.FRAMING): Stream._opened},
    Stage.BINDING: {
        ("iq", ns.CLIENT): Stream._bind,
        ("resume", ns.SM): Stream._resume,
    },
    Stage.BOUND: {
        ("enable", ns.SM): Stream._enable,
        ("a", ns.SM): Stream._ack,
        ("r", ns.SM): Stream._ack_request,
        ("active", ns.CSI): Stream._client_state,
        ("inactive", ns.CSI): Stream._client_state,
        ("message", ns.CLIENT): Stream._stanza,
        ("presence", ns.CLIENT): Stream._stanza,
        ("iq", ns.CLIENT): Stream._stanza,
    },
}
"""What each stage takes; `<close/>` is taken at every stage, all else is `_unexpected`."""
