"""The agreement on TLS before anything else is said (RFC 6120, section 5), sans-IO."""

from __future__ import annotations

from enum import Enum

from tulou_contracts.network import NetworkError

from tulou_xmpp.session.conditions import condition_and_text
from tulou_xmpp.wire import Element, StreamClosed, StreamOpened, StreamParser, WireError, serialise
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.serialiser import escape_attribute

_LONGEST = 1 << 16
"""Bytes that a server may say before TLS; features are a few hundred."""


class Stage(Enum):
    """How far the agreement is."""

    GREETED = "greeted"      # our header is on its way
    ASKED = "asked"          # <starttls/> is on its way
    AGREED = "agreed"        # TLS begins with the next byte


def stream_header(domain: str) -> str:
    """The beginning of a stream to `domain` (RFC 6120, section 4.7)."""
    return (
        f"<?xml version='1.0'?><stream:stream xmlns=\"{ns.CLIENT}\" xmlns:stream=\"{ns.STREAMS}\""
        f" to=\"{escape_attribute(domain)}\" version=\"1.0\" xml:lang=\"en\">"
    )


class TlsRefused(NetworkError):
    """The server does not begin TLS, so nothing is said to it."""


class StartTls:
    """Give it what came; write what it answers; begin TLS when `stage` is AGREED.

    Nothing about the account is ever written here.
    """

    def __init__(self, domain: str, where: str) -> None:
        self.stage = Stage.GREETED
        self._where = where
        self._domain = domain
        self._parser = StreamParser(_LONGEST)
        self._fed = 0

    def begin(self) -> bytes:
        """What to write first."""
        return stream_header(self._domain).encode()

    def receive(self, data: bytes) -> bytes:
        """What to write next. Raises `TlsRefused`."""
        self._fed += len(data)
        if not data or self._fed > _LONGEST:
            raise self._refused("ended the conversation" if not data else "talks without end")
        try:
            events = self._parser.feed(data)
            if self._parser.failed is not None:
                raise self._parser.failed
        except WireError as error:
            raise TlsRefused(f"{self._where} does not speak XMPP: {error}") from error
        answer = b""
        for event in events:
            if self.stage is Stage.AGREED:
                # it would be read as if it had come under TLS
                raise TlsRefused(
                    f"{self._where} sent more in clear after it had agreed on TLS; somebody in between may"
                    " have put it there, so the connection is not used"
                )
            answer += self._on(event)
        return answer

    def _on(self, event: StreamOpened | Element | StreamClosed) -> bytes:
        if isinstance(event, StreamOpened):
            return b""
        if isinstance(event, StreamClosed):
            raise self._refused("ended the conversation")
        if event.is_("error", ns.STREAMS):
            condition, text = condition_and_text(event, ns.STREAM_ERRORS)
            raise TlsRefused(f"{self._where} refuses to talk to us: {text or condition}")
        if self.stage is Stage.GREETED and event.is_("features", ns.STREAMS):
            return self._on_features(event)
        if self.stage is Stage.ASKED and event.is_("proceed", ns.TLS):
            self.stage = Stage.AGREED
            return b""
        if self.stage is Stage.ASKED and event.is_("failure", ns.TLS):
            raise self._refused("offered TLS and refuses it now")
        raise self._refused(f"answered <{event.name}> where TLS should begin")

    def _on_features(self, features: Element) -> bytes:
        if features.child("starttls", ns.TLS) is None:
            raise TlsRefused(
                f"{self._where} offers no encryption (STARTTLS), or somebody in between has removed the"
                " offer; without it the password is not sent. If the server really has none, ask who runs it"
            )
        self.stage = Stage.ASKED
        return serialise(Element("starttls", ns.TLS)).encode()

    def _refused(self, what: str) -> TlsRefused:
        return TlsRefused(f"{self._where} {what}; without encryption nothing is sent to it")
