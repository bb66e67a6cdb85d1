"""Proving who we are (RFC 6120, section 6: SASL with SCRAM, or PLAIN where it is allowed)."""

from __future__ import annotations

import base64
import binascii

from tulou_xmpp.session import events
from tulou_xmpp.session.conditions import condition_and_text
from tulou_xmpp.session.login import Login, Purpose
from tulou_xmpp.session.states import State, Step
from tulou_xmpp.session.stream import Stream
from tulou_xmpp.wire import Element, WireError
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.scram import MECHANISMS, Derivation, ScramClient, ScramError

_PERMANENT = frozenset({
    "not-authorized", "account-disabled", "credentials-expired", "invalid-authzid",
})
_REASONS = {
    "not-authorized": "the server does not accept this name and password",
    "account-disabled": "the account is disabled",
    "credentials-expired": "the password has expired",
    "temporary-auth-failure": "the server cannot check passwords at the moment",
    "encryption-required": "the server wants an encrypted connection (wss://, xmpp:// or xmpps://)",
}


class Authentication:
    """The exchange with one login, on any number of streams."""

    def __init__(self, stream: Stream, login: Login) -> None:
        self._stream = stream
        self._login = login
        self._scram: ScramClient | None = None
        self._derived: tuple[Derivation, bytes] | None = None
        self._deriving: Derivation | None = None

    def begin(self, features: Element) -> list[events.Event]:
        """Choose a mechanism of those the server offers: the strongest that both know."""
        offer = features.child("mechanisms", ns.SASL)
        offered = {m.text.strip() for m in offer.children_named("mechanism")} if offer else set()
        login = self._login
        self._scram = None
        for mechanism in MECHANISMS:
            if mechanism in offered:
                self._stream.go(Step.AUTHENTICATE)
                try:
                    self._scram = ScramClient(mechanism, login.address.local, login.password)
                except ScramError as error:
                    return [events.PasswordRefused("not-authorized", str(error), True)]
                self._stream.write(Element("auth", ns.SASL, _b64(self._scram.first()), mechanism=mechanism))
                return []
        if "PLAIN" in offered and (login.plain or self._stream.secure):
            self._stream.go(Step.AUTHENTICATE)
            message = f"\0{login.address.local}\0{login.password}".encode()
            self._stream.write(Element("auth", ns.SASL, _b64(message), mechanism="PLAIN"))
            return []
        listed = ", ".join(sorted(offered)[:10]) or "nothing"
        reason = f"the server offers no way to sign in that is safe here (it offers {listed})"
        return [events.PasswordRefused("invalid-mechanism", reason, False)]

    def on_challenge(self, element: Element) -> list[events.Event]:
        """The server wants a proof."""
        self._stream.expect(State.AUTHENTICATING)
        if self._scram is None:
            raise WireError("bad-format", "the server sent a challenge where there is nothing to answer")
        try:
            derivation = self._deriving = self._scram.challenged(_unb64(element.text))
        except ScramError as error:
            self._stream.write(Element("abort", ns.SASL))
            return [events.PasswordRefused(error.condition, str(error), False)]
        if self._derived is not None and self._derived[0] == derivation:
            # same password, salt and count as last time (RFC 5802, 5.1, allows to remember)
            self.derived(self._derived[1])
            return []
        return [events.Derive(derivation)]

    def derived(self, salted_password: bytes) -> None:
        """The result of `events.Derive`."""
        scram, derivation = self._scram, self._deriving
        if self._stream.state is State.AUTHENTICATING and scram is not None and derivation is not None:
            self._derived = derivation, salted_password
            self._stream.write(Element("response", ns.SASL, _b64(scram.final(salted_password))))

    def on_success(self, element: Element) -> list[events.Event]:
        """The server takes the password; with SCRAM it has to prove that it knows it."""
        self._stream.expect(State.AUTHENTICATING)
        if self._scram is not None:
            try:
                self._scram.verify(_unb64(element.text))
            except ScramError as error:
                return [events.PasswordRefused(error.condition, str(error), False)]
        self._stream.go(Step.AUTHENTICATED)
        self._scram = None
        if self._login.purpose is Purpose.SESSION:
            self._stream.open()
        return [events.PasswordAccepted()]

    def on_failure(self, element: Element) -> list[events.Event]:
        """The server does not let us in."""
        self._stream.expect(State.AUTHENTICATING)
        condition, text = condition_and_text(element, ns.SASL)
        reason = text or _REASONS.get(condition, f"the server refuses to sign us in: {condition}")
        return [events.PasswordRefused(condition, reason, condition in _PERMANENT)]


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode() or "="


def _unb64(text: str) -> bytes:
    try:
        return b"" if text.strip() in ("", "=") else base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise ScramError("malformed-request", "the server sent what is not base64") from None
