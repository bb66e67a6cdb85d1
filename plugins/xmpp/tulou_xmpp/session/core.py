"""A client's session with its server (RFC 6120, 7395; XEP-0198, 0077), sans-IO.

Give it the elements that come in; take the frames to write from `take_output`. One `Session` lives
through many connections: `connected` and `lost` tell it of them. States are in `states.TABLE`.
"""

from __future__ import annotations

from collections.abc import Callable

from tulou_xmpp.session import events, registration
from tulou_xmpp.session.authentication import Authentication
from tulou_xmpp.session.conditions import condition_and_text, stanza_error
from tulou_xmpp.session.login import Login, Purpose
from tulou_xmpp.session.management import Management
from tulou_xmpp.session.outbox import POISON, Entry
from tulou_xmpp.session.states import State, Step
from tulou_xmpp.session.stream import Stream
from tulou_xmpp.wire import JID, Element, WireError, serialise
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.errors import BadJID

_STREAM_LIMITS = "urn:xmpp:stream-limits:0"    # XEP-0478
_STANZA_NAMES = frozenset({"message", "presence", "iq"})
_BIND = "bind"
"""The id of the request for a resource."""


class NotReady(Exception):
    """There is no session to send through now."""


class TooLarge(Exception):
    """The stanza is above the size that is safe to send; the message says so in numbers."""


class Session:
    """See the module."""

    def __init__(self, login: Login, max_stanza: int = 250_000) -> None:
        self.login = login
        self.address = login.address
        self.max_stanza = max_stanza
        self._own_limit = max_stanza
        self._stream = stream = Stream(login.address.domain)
        self._authentication = Authentication(stream, login)
        self._management = Management(stream)
        self._managing = False
        self._handlers: dict[tuple[str, str], Callable[[Element], list[events.Event]]] = {
            (ns.FRAMING, "open"): self._on_open,
            (ns.FRAMING, "close"): self._on_close,
            (ns.STREAMS, "features"): self._on_features,
            (ns.STREAMS, "error"): self._on_stream_error,
            (ns.SASL, "challenge"): self._authentication.on_challenge,
            (ns.SASL, "success"): self._authentication.on_success,
            (ns.SASL, "failure"): self._authentication.on_failure,
            (ns.SM, "enabled"): self._on_enabled,
            (ns.SM, "resumed"): self._on_resumed,
            (ns.SM, "failed"): self._on_sm_failed,
            (ns.SM, "r"): self._management.on_request,
            (ns.SM, "a"): self._management.on_answer,
        }

    # ---- what the driver asks ----

    @property
    def state(self) -> State:
        """Where the session stands."""
        return self._stream.state

    @property
    def ready(self) -> bool:
        """Whether stanzas may be sent."""
        return self._stream.ready

    @property
    def managed(self) -> bool:
        """Stream management is on."""
        return self._management.enabled

    @property
    def epoch(self) -> int:
        """See `Management`."""
        return self._management.epoch

    @property
    def waiting(self) -> int:
        """Stanzas that were written and that the server has not been heard to have taken."""
        return self._management.waiting

    @property
    def asking(self) -> bool:
        """Whether an acknowledgement was asked for and has not come."""
        return self._management.asking

    @property
    def questions_answered(self) -> int:
        """Grows with each acknowledgement of the server's."""
        return self._management.answers

    @property
    def answer_due(self) -> bool:
        """Whether the server has asked what was handled, and waits."""
        return self._management.answer_due

    # ---- what the driver calls ----

    def connected(self, *, secure: bool = False) -> None:
        """A connection is open: begin. `secure`: nobody in between can read what is said."""
        self._stream.secure = secure
        self._stream.go(Step.CONNECT)
        self._stream.clear()
        self._management.connected()
        self._stream.open()

    def lost(self, *, poisonous: bool = False) -> list[events.Event]:
        """The connection is gone. `poisonous`: the server ended it over what we sent."""
        if poisonous:
            self._management.strike()
        self._stream.go(Step.LOSE)
        self._stream.clear()
        return [] if self._management.resumable else self._management.forget()

    def abandon(self) -> list[events.Event]:
        """Forget the session: the next connection binds anew."""
        return self._management.forget()

    def derived(self, salted_password: bytes) -> None:
        """The result of `events.Derive`."""
        self._authentication.derived(salted_password)

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
        self._management.send(Entry(frame, stanza.get("id") or frame, tag))

    def handled(self, count: int, epoch: int) -> None:
        """So many more of the received stanzas are safe; they may be acknowledged."""
        self._management.handled(count, epoch)

    def answer(self) -> None:
        """Tell the server what was handled so far. See `Management`."""
        self._management.answer()

    def ask(self) -> None:
        """Make the server say something, whatever it is."""
        self._management.ask()

    def fail(self, error: WireError) -> None:
        """End the stream because of what the server sent."""
        if not self._stream.ended:
            self._stream.write(Element("error", ns.STREAMS, Element(error.condition, ns.STREAM_ERRORS)))
            self._stream.close()

    def close(self) -> None:
        """End the stream in order: acknowledge, say good-bye, close."""
        if self._stream.ended:
            return
        if self.ready:
            self.answer()
            self._stream.write(Element("presence", ns.CLIENT, type="unavailable"))
        self._stream.close()

    def take_output(self) -> list[str]:
        """The frames to write now, in order; asks for an acknowledgement when one is owed."""
        if self.waiting and not self.asking:
            self.ask()
        return self._stream.take()

    def receive(self, element: Element) -> list[events.Event]:
        """Take one element. Raises `WireError` when the server breaks the protocol."""
        handler = self._handlers.get((element.namespace, element.name))
        if handler is not None:
            return handler(element)
        if element.namespace == ns.CLIENT and element.name in _STANZA_NAMES:
            return self._on_stanza(element)
        if self.state is State.CLOSING:
            return []
        raise WireError("unsupported-stanza-type", f"the server sent <{element.name}>, unknown to us")

    # ---- the stream ----

    def _on_open(self, element: Element) -> list[events.Event]:
        self._stream.expect(State.OPENING, State.REOPENING, State.CLOSING)
        return []

    def _on_close(self, element: Element) -> list[events.Event]:
        if self.state is not State.CLOSING:
            self._stream.close()
        # a stream closed in order cannot be resumed (XEP-0198, section 5)
        return [*self._management.forget(), events.Ended("", "the server closed the stream")]

    def _on_stream_error(self, element: Element) -> list[events.Event]:
        condition, text = condition_and_text(element, ns.STREAM_ERRORS)
        if condition in POISON:
            self._management.strike()
        gone = self._management.forget() if condition == "conflict" else []
        if self.state is not State.CLOSING:
            self._stream.close()
        return [*gone, events.Ended(condition, text or f"the server ended the stream: {condition}")]

    def _on_features(self, features: Element) -> list[events.Event]:
        limit = features.find(("limits", _STREAM_LIMITS), ("max-bytes", _STREAM_LIMITS))
        if limit is not None and limit.text.isascii() and limit.text.isdigit():
            self.max_stanza = min(self._own_limit, max(10_000, int(limit.text[:9])))
        if self.state is not State.OPENING:
            return self._begin_session(features)
        if self.login.purpose is Purpose.REGISTER:
            registration.register(self._stream, self.login)
            return []
        return self._authentication.begin(features)

    # ---- the session: resumed, or a new resource ----

    def _begin_session(self, features: Element) -> list[events.Event]:
        self._stream.expect(State.REOPENING)
        self._managing = features.child("sm", ns.SM) is not None
        if self._managing and self._management.resumable:
            self._stream.go(Step.RESUME)
            self._management.resume()
            return []
        gone = self._management.forget()
        self._bind(Step.BIND)
        return gone

    def _bind(self, step: Step) -> None:
        self._stream.go(step)
        resource = Element("resource", ns.BIND, self.login.resource)
        self._stream.write(
            Element("iq", ns.CLIENT, Element("bind", ns.BIND, resource), type="set", id=_BIND)
        )

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
            self._stream.go(Step.ENABLE)
            self._management.enable()
            return []
        return self._become_ready(resumed=False)

    def _on_enabled(self, element: Element) -> list[events.Event]:
        self._stream.expect(State.ENABLING)
        self._management.on_enabled(element)
        return self._become_ready(resumed=False)

    def _on_resumed(self, element: Element) -> list[events.Event]:
        self._stream.expect(State.RESUMING)
        return [*self._management.on_resumed(element), *self._become_ready(resumed=True)]

    def _on_sm_failed(self, element: Element) -> list[events.Event]:
        if self.state is State.ENABLING:
            return self._become_ready(resumed=False)
        self._stream.expect(State.RESUMING)
        gone = self._management.on_refused(element)
        self._bind(Step.RESUME_REFUSED)
        return gone

    def _become_ready(self, resumed: bool) -> list[events.Event]:
        self._stream.go(Step.RESUMED if resumed else Step.READY)
        self._management.release()
        return [events.Ready(self.address, resumed)]

    # ---- stanzas ----

    def _on_stanza(self, stanza: Element) -> list[events.Event]:
        if self.state in (State.READY, State.CLOSING):
            return self._management.on_stanza(stanza)
        if stanza.name == "iq" and stanza.get("type") in ("result", "error"):
            if self.state is State.BINDING and stanza.get("id") == _BIND:
                return self._on_bound(stanza)
            if self.state is State.REGISTERING and stanza.get("id") == registration.REQUEST:
                return [registration.registered(stanza)]
        if self.state in (State.BINDING, State.ENABLING):
            # a server may be early; before counting starts nothing is owed for it
            return [events.Received(stanza, -1)]
        raise WireError("bad-format", f"the server sent a {stanza.name} while we are {self.state.value}")
