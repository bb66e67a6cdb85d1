"""The contract `Signalling` on the account's connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tulou_contracts.transport import Refused, Signal

from tulou_xmpp.stanzas.errors import condition_of, reason_of
from tulou_xmpp.wire import JID
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.errors import BadJID
from tulou_xmpp.wire.signals import decode_signal, encode_signal, misfit, notice

if TYPE_CHECKING:
    from tulou_xmpp.exchange import Exchange

_NOBODY = ("service-unavailable", "feature-not-implemented", "item-not-found", "remote-server-not-found")


class XmppSignalling:
    """Implements `Signalling`; `connected` is the exchange of a live session, or raises `NotConnected`."""

    def __init__(self, connected: Callable[[], Exchange]) -> None:
        self._connected = connected

    async def ask(self, to: str, name: str, content: Signal, *, timeout: float = 15.0) -> Signal:
        """Ask and await the answer. Raises `NotConnected`, `Refused`, `TransportError`."""
        exchange = self._connected()
        address = _address(to) or exchange.session.login.address.domain
        _check(name, content)
        reply = await exchange.ask("get", encode_signal(name, content), timeout, address)
        if reply.get("type") != "result":
            if condition_of(reply) in _NOBODY:
                raise Refused(f"{address} does not answer to {name!r}: {reason_of(reply)}")
            raise Refused(reason_of(reply))
        signal = reply.child("signal", ns.SIGNAL)
        answer = decode_signal(signal) if signal is not None else None
        if answer is None or answer[0] != name:
            raise Refused(f"the answer of {address} to {name!r} is none")
        return answer[1]

    def notify(self, to: str, name: str, content: Signal) -> None:
        """Send a notice. Raises `NotConnected`, `Refused` for one that nobody would take."""
        exchange = self._connected()
        _check(name, content)
        exchange.send(notice(_address(to) or exchange.session.login.address.domain, name, content))


def _address(to: str) -> str:
    try:
        return str(JID.parse(to)) if to else ""
    except BadJID as error:
        raise Refused(f"nobody can be asked there: {error}") from None


def _check(name: str, content: Signal) -> None:
    wrong = misfit(name, content)
    if wrong:
        raise Refused(f"the signal cannot be sent: {wrong}")
