"""Notices that come as messages of type headline: to the contract's event."""

from __future__ import annotations

from tulou_contracts.transport import SignalReceived

from tulou_xmpp.wire import JID, Element
from tulou_xmpp.wire.errors import BadJID
from tulou_xmpp.wire.signals import notice_of


def received(message: Element) -> SignalReceived | None:
    """The event that a message is, when it is a notice; its sender is whom the server stamped."""
    found = notice_of(message)
    if found is None:
        return None
    try:
        sender = JID.parse(message.get("from")).bare
    except BadJID:
        return None
    return SignalReceived(sender=sender, name=found[0], content=found[1])
