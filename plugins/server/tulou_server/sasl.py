"""The server's side of signing in, without I/O: SASL with SCRAM (RFC 6120, section 6; RFC 5802)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from tulou_server import actions as act
from tulou_xmpp.wire import JID, Element
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.errors import BadJID
from tulou_xmpp.wire.scram import MECHANISMS, ScramError, ScramServer, StoredKeys

LOGIN_ATTEMPTS = 5
"""How often one connection may try, before its stream is ended."""


class Sasl:
    """One connection's attempts to sign in."""

    def __init__(self, domain: str) -> None:
        self.user = ""
        """Who tries, or has signed in; "" for a name that nobody can have."""
        self.succeeded = False
        self._domain = domain
        self._scram: ScramServer | None = None
        self._challenged = False
        self._failures = 0

    @property
    def exhausted(self) -> bool:
        """Whether it was tried too often."""
        return self._failures >= LOGIN_ATTEMPTS

    def auth(self, element: Element) -> list[act.Action]:
        """The client begins, with the mechanism it chose."""
        mechanism = element.get("mechanism")
        if mechanism not in MECHANISMS:
            return self._failure("invalid-mechanism", f"use one of {', '.join(MECHANISMS)}")
        self._scram, self._challenged = ScramServer(mechanism), False
        return self._step(element, self._first)

    def keys_found(self, keys: StoredKeys) -> list[act.Action]:
        """The keys for `FindKeys`; decoys when there is no such account."""
        assert self._scram is not None
        self._challenged = True
        return [act.Send(_sasl("challenge", self._scram.challenge(keys)))]

    def response(self, element: Element) -> list[act.Action]:
        """The client's proof."""
        if self._scram is None or not self._challenged:
            return self._failure("malformed-request", "there was no challenge to respond to")
        return self._step(element, self._final)

    def abort(self, element: Element) -> list[act.Action]:
        """The client gives up."""
        return self._failure("aborted", "")

    def _first(self, data: bytes) -> list[act.Action]:
        assert self._scram is not None
        name = self._scram.receive_first(data)
        try:
            self.user = JID.parse(f"{name}@{self._domain}").local
        except BadJID:
            self.user = ""  # nobody has this name: goes on with decoy keys
        return [act.FindKeys(self.user, self._scram.mechanism)]

    def _final(self, data: bytes) -> list[act.Action]:
        assert self._scram is not None
        signature = self._scram.receive_final(data)
        self.succeeded, self._scram = True, None
        return [act.Send(_sasl("success", signature))]

    def _step(self, element: Element, step: Callable[[bytes], list[act.Action]]) -> list[act.Action]:
        try:
            return step(base64.b64decode(element.text.strip(), validate=True))
        except (binascii.Error, ValueError):
            return self._failure("incorrect-encoding", "this is not base64")
        except ScramError as error:
            return self._failure(error.condition, str(error))

    def _failure(self, condition: str, text: str) -> list[act.Action]:
        self._scram, self._challenged = None, False
        self._failures += 1
        failure = Element("failure", ns.SASL, Element(condition, ns.SASL))
        if text:
            failure.children.append(Element("text", ns.SASL, text, **{"xml:lang": "en"}))
        return [act.Send(failure)]


def _sasl(name: str, data: bytes) -> Element:
    return Element(name, ns.SASL, base64.b64encode(data).decode() or "=")
