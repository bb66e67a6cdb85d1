"""A client's session with its server (RFC 6120, 7395; XEP-0198, 0077), sans-IO.

Give it the elements that come in; take the frames to write from `take_output`. One `Session` lives
through many connections: `connected` and `lost` tell it of them. States are in `states.TABLE`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from tulou_xmpp.session import events
from tulou_xmpp.session.outbox import POISON, Entry, Outbox
from tulou_xmpp.session.states import TABLE, State, Step
from tulou_xmpp.wire import JID, Element, WireError, serialise
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.acks import Inbound, parse_h
from tulou_xmpp.wire.errors import BadJID
from tulou_xmpp.wire.scram import MECHANISMS, Derivation, ScramClient, ScramError

_ACK_EVERY = 100
"""Unasked, tell the server what was handled after so many stanzas."""
_PERMANENT = frozenset({
    "not-authorized", "account-disabled", "credentials-expired", "invalid-authzid",
})
_STREAM_LIMITS = "urn:xmpp:stream-limits:0"    # XEP-0478
_STANZA_NAMES = frozenset({"message", "presence", "iq"})


class NotReady(Exception):
    """There is no session to send through now."""


class TooLarge(Exception):
    """The stanza is above the size that is safe to send; the message says so in numbers."""


class Purpose(Enum):
    """What a connection is for."""

    SESSION = "session"
    VERIFY = "verify"      # only ask whether the password is right
    REGISTER = "register"  # make the account (XEP-0077)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who signs in and how. `plain` allows to send the password itself."""

    address: JID
    password: str = field(repr=False)
    resource: str
    plain: bool = False
    purpose: Purpose = Purpose.SESSION


class Session:
    """See the module."""

    def __init__(self, login: Login, max_stanza: int = 250_000) -> None:
        self.login = login
        self.state = State.DISCONNECTED
        self.address = login.address
        self.max_stanza = max_stanza
        self.managed = False
        """Stream management is on."""
        self.epoch = 0
        """Grows when counting starts anew or goes on; `handled` of an older epoch does not count."""
        self._own_limit = max_stanza
        self._output: list[str] = []
        self._outbox = Outbox()
        self._inbound = Inbound()
        self._received = 0
        self._handled = 0
        self._acked_at = 0
        self._asked_at: int | None = None
        self._answered_early = False
        self._asking = False
        self._answers = 0
        self._sync = 0
        self._synced = 0
        self._resumption = ""
        self._scram: ScramClient | None = None
        self._derived: tuple[Derivation, bytes] | None = None
        self._deriving: Derivation | None = None
        self._struck = False

    # ---- what the driver calls ----

    @property
    def ready(self) -> bool:
        """Whether stanzas may be sent."""
        return self.state is State.READY

    def connected(self) -> None:
        """A connection is open: begin."""
        self._go(Step.CONNECT)
        self._output.clear()
        self._asking = False
        self._asked_at = None
        self._struck = False
        self._open()

    def lost(self, *, poisonous: bool = False) -> list[events.Event]:
        """The connection is gone. `poisonous`: the server ended it over what we sent."""
        was_counted = self.managed and bool(self._resumption)
        if poisonous:
            self._strike()
        self._go(Step.LOSE)
        self._output.clear()
        return [] if was_counted else self._session_gone()

    def abandon(self) -> list[events.Event]:
        """Forget the session: the next connection binds anew."""
        return self._session_gone()

    def derived(self, salted_password: bytes) -> None:
        """The result of `events.Derive`."""
        if self.state is State.AUTHENTICATING and self._scram is not None and self._deriving is not None:
            self._derived = self._deriving, salted_password
            self._write(Element("response", ns.SASL, _b64(self._scram.final(salted_password))))

    def send(self, stanza: Element, tag: object = None) -> None:
        """Send a stanza; `tag` comes back in `Taken`, `Lost` or `Poisonous`.

        Raises `NotReady`, `TooLarge`, `WireError` (a name that is none).
        """
        if not self.ready:
            raise NotReady
        frame = serialise(stanza)
        if len(frame) * 4 > self.max_stanza and len(frame.encode()) > self.max_stanza:
            raise TooLarge(
                f"it has {len(frame.encode()):,} bytes; the server takes {self.max_stanza:,} at most"
            )
        self._release(self._outbox.put(Entry(frame, stanza.get("id") or frame, tag)))

    def handled(self, count: int, epoch: int) -> None:
        """So many more of the received stanzas are safe; they may be acknowledged."""
        if epoch != self.epoch:
            return
        self._handled += count
        self._inbound.handled(count)
        if self._asked_at is not None and self._handled >= self._asked_at:
            self.answer()
        elif self._handled - self._acked_at >= _ACK_EVERY:
            self.answer()

    @property
    def answer_due(self) -> bool:
        """Whether the server has asked what was handled, and waits."""
        return self._asked_at is not None and not self._answered_early

    def answer(self) -> None:
        """Tell the server what was handled so far (XEP-0198 <a/>).

        When that is not yet all it asked for, it hears from us again as soon as it is.
        """
        self._answered_early = self._asked_at is not None and self._handled < self._asked_at
        if not self._answered_early:
            self._asked_at = None
        if self.managed and self.ready:
            self._acked_at = self._handled
            self._write(Element("a", ns.SM, h=str(self._inbound.h)))

    def ask(self) -> None:
        """Make the server say something, whatever it is."""
        if self.ready:
            self._asking = True
            self._write(self._question())

    @property
    def waiting(self) -> int:
        """Stanzas that were written and that the server has not been heard to have taken."""
        return self._outbox.flying

    @property
    def questions_answered(self) -> int:
        """Grows with each acknowledgement of the server's."""
        return self._answers

    @property
    def asking(self) -> bool:
        """Whether an acknowledgement was asked for and has not come."""
        return self._asking

    def fail(self, error: WireError) -> None:
        """End the stream because of what the server sent."""
        if self.state in (State.DISCONNECTED, State.CLOSING):
            return
        self._go(Step.CLOSE)
        self._write(Element("error", ns.STREAMS, Element(error.condition, ns.STREAM_ERRORS)))
        self._write(Element("close", ns.FRAMING))

    def close(self) -> None:
        """End the stream in order: acknowledge, say good-bye, close."""
        if self.state in (State.DISCONNECTED, State.CLOSING):
            return
        if self.ready:
            self.answer()
            self._write(Element("presence", ns.CLIENT, type="unavailable"))
        self._go(Step.CLOSE)
        self._write(Element("close", ns.FRAMING))

    def take_output(self) -> list[str]:
        """The frames to write now, in order; asks for an acknowledgement when one is owed."""
        if self.ready and self._outbox.flying and not self._asking:
            self._asking = True
            self._write(self._question())
        output, self._output = self._output, []
        return output

    def receive(self, element: Element) -> list[events.Event]:
        """Take one element. Raises `WireError` when the server breaks the protocol."""
        handler = self._HANDLERS.get((element.namespace, element.name))
        if handler is None:
            if element.namespace == ns.CLIENT and element.name in _STANZA_NAMES:
                return self._on_stanza(element)
            if self.state is State.CLOSING:
                return []
            raise WireError("unsupported-stanza-type", f"the server sent <{element.name}>, unknown to us")
        return handler(self, element)

    # ---- the stream ----

    def _go(self, step: Step) -> None:
        try:
            self.state = TABLE[self.state, step]
        except KeyError:
            raise WireError(
                "bad-format", f"the server wants to {step.value} while we are {self.state.value}"
            ) from None

    def _expect(self, *states: State) -> None:
        if self.state not in states:
            raise WireError("bad-format", f"something came out of order while we are {self.state.value}")

    def _write(self, element: Element) -> None:
        self._output.append(serialise(element))

    def _open(self) -> None:
        self._write(Element("open", ns.FRAMING, to=self.login.address.domain, version="1.0",
                            **{"xml:lang": "en"}))

    def _on_open(self, element: Element) -> list[events.Event]:
        self._expect(State.OPENING, State.REOPENING, State.CLOSING)
        return []

    def _on_close(self, element: Element) -> list[events.Event]:
        reason = "the server closed the stream"
        if self.state is not State.CLOSING:
            self._go(Step.CLOSE)
            self._write(Element("close", ns.FRAMING))
        # a stream closed in order cannot be resumed (XEP-0198, section 5)
        return [*self._session_gone(), events.Ended("", reason)]

    def _on_stream_error(self, element: Element) -> list[events.Event]:
        condition, text = _condition(element, ns.STREAM_ERRORS)
        if condition in POISON:
            self._strike()
        gone: list[events.Event] = self._session_gone() if condition == "conflict" else []
        if self.state is not State.CLOSING:
            self._go(Step.CLOSE)
            self._write(Element("close", ns.FRAMING))
        return [*gone, events.Ended(condition, text or f"the server ended the stream: {condition}")]

    def _strike(self) -> None:
        if not self._struck and self.state in (State.READY, State.CLOSING):
            self._struck = True
            self._outbox.strike()

    def _on_features(self, features: Element) -> list[events.Event]:
        limit = features.find(("limits", _STREAM_LIMITS), ("max-bytes", _STREAM_LIMITS))
        if limit is not None and limit.text.isascii() and limit.text.isdigit():
            self.max_stanza = min(self._own_limit, max(10_000, int(limit.text[:9])))
        if self.state is State.OPENING:
            registering = self.login.purpose is Purpose.REGISTER
            return self._register() if registering else self._authenticate(features)
        self._expect(State.REOPENING)
        self._managing = features.child("sm", ns.SM) is not None
        if self._managing and self._resumption:
            self._go(Step.RESUME)
            self._new_epoch()
            self._write(Element("resume", ns.SM, previd=self._resumption, h=str(self._inbound.h)))
            return []
        gone = self._session_gone()
        self._bind(Step.BIND)
        return gone

    # ---- registration (XEP-0077) ----

    def _register(self) -> list[events.Event]:
        self._go(Step.REGISTER)
        query = Element(
            "query", ns.REGISTER,
            Element("username", ns.REGISTER, self.login.address.local),
            Element("password", ns.REGISTER, self.login.password),
        )
        self._write(Element("iq", ns.CLIENT, query, type="set", id="register", to=self.login.address.domain))
        return []

    def _on_registration(self, iq: Element) -> list[events.Event]:
        if iq.get("type") == "result":
            return [events.Registered()]
        condition, text = stanza_error(iq)
        return [events.RegistrationFailed(condition, text)]

    # ---- authentication ----

    def _authenticate(self, features: Element) -> list[events.Event]:
        offer = features.child("mechanisms", ns.SASL)
        offered = {m.text.strip() for m in offer.children_named("mechanism")} if offer else set()
        login = self.login
        self._scram = None
        for mechanism in MECHANISMS:
            if mechanism in offered:
                self._go(Step.AUTHENTICATE)
                try:
                    self._scram = ScramClient(mechanism, login.address.local, login.password)
                except ScramError as error:
                    return [events.PasswordRefused("not-authorized", str(error), True)]
                self._write(Element("auth", ns.SASL, _b64(self._scram.first()), mechanism=mechanism))
                return []
        if "PLAIN" in offered and login.plain:
            self._go(Step.AUTHENTICATE)
            message = f"\0{login.address.local}\0{login.password}".encode()
            self._write(Element("auth", ns.SASL, _b64(message), mechanism="PLAIN"))
            return []
        listed = ", ".join(sorted(offered)[:10]) or "nothing"
        reason = f"the server offers no way to sign in that is safe here (it offers {listed})"
        return [events.PasswordRefused("invalid-mechanism", reason, False)]

    def _on_challenge(self, element: Element) -> list[events.Event]:
        self._expect(State.AUTHENTICATING)
        if self._scram is None:
            raise WireError("bad-format", "the server sent a challenge where there is nothing to answer")
        try:
            derivation = self._deriving = self._scram.challenged(_unb64(element.text))
        except ScramError as error:
            self._write(Element("abort", ns.SASL))
            return [events.PasswordRefused(error.condition, str(error), False)]
        if self._derived is not None and self._derived[0] == derivation:
            # same password, salt and count as last time (RFC 5802, 5.1, allows to remember)
            self.derived(self._derived[1])
            return []
        return [events.Derive(derivation)]

    def _on_success(self, element: Element) -> list[events.Event]:
        self._expect(State.AUTHENTICATING)
        if self._scram is not None:
            try:
                self._scram.verify(_unb64(element.text))
            except ScramError as error:
                return [events.PasswordRefused(error.condition, str(error), False)]
        self._go(Step.AUTHENTICATED)
        self._scram = None
        if self.login.purpose is Purpose.SESSION:
            self._open()
        return [events.PasswordAccepted()]

    def _on_failure(self, element: Element) -> list[events.Event]:
        self._expect(State.AUTHENTICATING)
        condition, text = _condition(element, ns.SASL)
        reason = text or _AUTH_REASONS.get(condition, f"the server refuses to sign us in: {condition}")
        return [events.PasswordRefused(condition, reason, condition in _PERMANENT)]

    # ---- resource and stream management ----

    def _bind(self, step: Step) -> None:
        self._go(step)
        resource = Element("resource", ns.BIND, self.login.resource)
        self._write(Element("iq", ns.CLIENT, Element("bind", ns.BIND, resource), type="set", id="bind"))

    def _on_bound(self, iq: Element) -> list[events.Event]:
        if iq.get("type") != "result":
            condition, text = stanza_error(iq)
            raise WireError("undefined-condition", f"the server gives us no resource: {text or condition}")
        jid = iq.find(("bind", ns.BIND), ("jid", ns.BIND))
        try:
            self.address = JID.parse(jid.text if jid is not None else "")
        except BadJID as error:
            raise WireError("bad-format", f"the server gives us an address that is none: {error}") from None
        if self._managing:
            self._go(Step.ENABLE)
            self._write(Element("enable", ns.SM, resume="true"))
            return []
        return self._become_ready(resumed=False)

    def _on_enabled(self, element: Element) -> list[events.Event]:
        self._expect(State.ENABLING)
        self._new_epoch(Inbound())
        self.managed = True
        self._resumption = element.get("id") if element.get("resume") in ("true", "1") else ""
        return self._become_ready(resumed=False)

    def _on_resumed(self, element: Element) -> list[events.Event]:
        self._expect(State.RESUMING)
        taken, _ = self._outbox.acknowledge(parse_h(element.get("h")))
        poison = self._outbox.rewind()
        return [*_taken(taken), *_poisonous(poison), *self._become_ready(resumed=True)]

    def _on_sm_failed(self, element: Element) -> list[events.Event]:
        if self.state is State.ENABLING:
            return self._become_ready(resumed=False)
        self._expect(State.RESUMING)
        taken: list[Entry] = []
        if "h" in element.attributes:   # the server still knows how far it came
            try:
                taken, _ = self._outbox.acknowledge(parse_h(element.get("h")))
            except WireError:
                taken = []
        gone = self._session_gone()
        self._bind(Step.RESUME_REFUSED)
        return [*_taken(taken), *gone]

    def _become_ready(self, resumed: bool) -> list[events.Event]:
        self._go(Step.READY if not resumed else Step.RESUMED)
        self._release(self._outbox.release())
        return [events.Ready(self.address, resumed)]

    def _session_gone(self) -> list[events.Event]:
        self.managed = False
        self._resumption = ""
        self._new_epoch(Inbound())
        entries, poison = self._outbox.clear()
        tags = tuple(entry.tag for entry in entries if entry.tag is not None)
        return [events.Lost(tags), *_poisonous(poison)]

    def _new_epoch(self, inbound: Inbound | None = None) -> None:
        self.epoch += 1
        self._inbound = inbound or self._inbound
        self._received = self._handled = self._acked_at = 0
        self._asked_at = None

    # ---- ready ----

    def _release(self, entries: list[Entry]) -> None:
        self._output.extend(entry.frame for entry in entries)

    def _question(self) -> Element:
        if self.managed:
            return Element("r", ns.SM)
        # without stream management the answer to a ping says that all before it was taken
        self._sync += 1
        self._synced = self._outbox.flying
        return Element("iq", ns.CLIENT, Element("ping", ns.PING), type="get",
                       to=self.login.address.domain, id=f"sync-{self._sync}")

    def _on_request(self, element: Element) -> list[events.Event]:
        self._expect(State.READY, State.CLOSING)
        if self.ready:
            self._asked_at = self._received
            self._answered_early = False
            if self._handled >= self._received:
                self.answer()
        return []

    def _on_answer(self, element: Element) -> list[events.Event]:
        self._expect(State.READY, State.CLOSING)
        self._asking = False
        self._answers += 1
        taken, released = self._outbox.acknowledge(parse_h(element.get("h")))
        self._release(released)
        return _taken(taken)

    def _on_stanza(self, stanza: Element) -> list[events.Event]:
        if self.state in (State.READY, State.CLOSING):
            if stanza.name == "iq" and not self.managed and stanza.get("id").startswith("sync-"):
                return self._on_sync(stanza)
            self._received += 1
            return [events.Received(stanza, self.epoch)]
        if stanza.name == "iq" and stanza.get("type") in ("result", "error"):
            if self.state is State.BINDING and stanza.get("id") == "bind":
                return self._on_bound(stanza)
            if self.state is State.REGISTERING and stanza.get("id") == "register":
                return self._on_registration(stanza)
        if self.state in (State.BINDING, State.ENABLING):
            # a server may be early; before counting starts nothing is owed for it
            return [events.Received(stanza, -1)]
        raise WireError("bad-format", f"the server sent a {stanza.name} while we are {self.state.value}")

    def _on_sync(self, iq: Element) -> list[events.Event]:
        if iq.get("id") != f"sync-{self._sync}" or not self._asking:
            return []
        self._asking = False
        self._answers += 1
        taken = self._outbox.take(self._synced)
        self._release(self._outbox.release())
        return _taken(taken)

    _managing = False
    _HANDLERS: dict[tuple[str, str], Callable[[Session, Element], list[events.Event]]] = {
        (ns.FRAMING, "open"): _on_open,
        (ns.FRAMING, "close"): _on_close,
        (ns.STREAMS, "features"): _on_features,
        (ns.STREAMS, "error"): _on_stream_error,
        (ns.SASL, "challenge"): _on_challenge,
        (ns.SASL, "success"): _on_success,
        (ns.SASL, "failure"): _on_failure,
        (ns.SM, "enabled"): _on_enabled,
        (ns.SM, "resumed"): _on_resumed,
        (ns.SM, "failed"): _on_sm_failed,
        (ns.SM, "r"): _on_request,
        (ns.SM, "a"): _on_answer,
    }


_AUTH_REASONS = {
    "not-authorized": "the server does not accept this name and password",
    "account-disabled": "the account is disabled",
    "credentials-expired": "the password has expired",
    "temporary-auth-failure": "the server cannot check passwords at the moment",
    "encryption-required": "the server wants an encrypted connection (wss://)",
}


def _taken(entries: list[Entry]) -> list[events.Event]:
    tags = tuple(entry.tag for entry in entries if entry.tag is not None)
    return [events.Taken(tags)] if tags else []


def _poisonous(entries: list[Entry]) -> list[events.Event]:
    reason = "the server ended the connection over it twice, so it is not sent again"
    return [events.Poisonous(entry.tag, reason) for entry in entries if entry.tag is not None]


def _condition(element: Element, namespace: str) -> tuple[str, str]:
    """The defined condition and the human text of an error element."""
    condition, text = "undefined-condition", ""
    for child in element.children:
        if child.namespace == namespace:
            if child.name == "text":
                text = child.text.strip()[:500]
            else:
                condition = child.name
    return condition, text


def stanza_error(stanza: Element) -> tuple[str, str]:
    """The condition and the human text of a stanza of type error (RFC 6120, section 8.3)."""
    error = stanza.child("error")
    return ("undefined-condition", "") if error is None else _condition(error, ns.STANZAS)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode() or "="


def _unb64(text: str) -> bytes:
    try:
        return b"" if text.strip() in ("", "=") else base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise ScramError("malformed-request", "the server sent what is not base64") from None
