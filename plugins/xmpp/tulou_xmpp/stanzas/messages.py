"""One-to-one messages, receipts, carbons: stanzas to and from the contract's data classes.

RFC 6121 section 5; XEP-0184 receipts, 0203 delay, 0280 carbons, 0333 markers, 0334 hints,
0359 stable ids.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tulou_contracts.transport import (
    Incoming, IncomingMessage, IncomingReceipt, IncomingRefusal, Outgoing, ReceiptKind,
)

from tulou_xmpp.stanzas.errors import reason_of
from tulou_xmpp.stanzas.payload import decode_payload, encode_payload
from tulou_xmpp.wire import JID, Element
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.errors import BadJID, BadStamp
from tulou_xmpp.wire.jid import bare
from tulou_xmpp.wire.stamps import parse_stamp

RECEIPT_PREFIX = "receipt-"
"""Ids of our receipts begin so: nobody has to hear that one could not be delivered."""


@dataclass(frozen=True, slots=True)
class Own:
    """Whose client this is: what only our own server may say, must come from here."""

    bare: str
    domain: str

    @staticmethod
    def of(address: JID) -> Own:
        """From an address, with or without resource."""
        return Own(address.bare, address.domain)

    def speaks(self, sender: str) -> bool:
        """Whether a stanza from `sender` is our own account's word (RFC 6120, 8.1.2.1: or none)."""
        return sender == "" or sender == self.bare


def encode_message(message: Outgoing) -> Element:
    """The stanza. Raises `BadJID`."""
    return Element(
        "message", ns.CLIENT,
        Element("body", ns.CLIENT, message.body) if message.body else None,
        encode_payload(message.kind, message.data),
        Element("request", ns.RECEIPTS),
        Element("markable", ns.MARKERS),
        Element("origin-id", ns.STANZA_IDS, id=message.id),
        # a message of a kind of our own is one to be kept even when it has no words
        None if message.body else Element("store", ns.HINTS),
        type="chat", to=bare(message.to), id=message.id,
    )


def encode_receipt(to: str, message_id: str, kind: ReceiptKind) -> Element:
    """The stanza that tells a sender what became of their message. Raises `BadJID`."""
    said = (
        Element("received", ns.RECEIPTS, id=message_id)
        if kind is ReceiptKind.DELIVERED
        else Element("displayed", ns.MARKERS, id=message_id)
    )
    # the hint makes servers keep it for a sender who is offline
    return Element("message", ns.CLIENT, said, Element("store", ns.HINTS),
                   type="chat", to=bare(to), id=f"{RECEIPT_PREFIX}{kind.value}-{message_id}")


def decode_message(stanza: Element, own: Own, now: int) -> list[Incoming]:
    """What a message stanza means; nothing, when it is not for people or cannot be trusted.

    `now`: microseconds since 1970, for messages that carry no time of the server's.
    """
    if own.speaks(stanza.get("from")):
        for child in stanza.children:
            if child.namespace == ns.CARBONS and child.name in ("sent", "received"):
                return _decode_carbon(child, own, now)
    return _decode(stanza, own, now, archive_id=None, live=True)


def _decode_carbon(carbon: Element, own: Own, now: int) -> list[Incoming]:
    forwarded = carbon.child("forwarded", ns.FORWARD)
    message = forwarded.child("message", ns.CLIENT) if forwarded is not None else None
    if forwarded is None or message is None:
        return []
    at = delay_of(forwarded, own)
    return _decode(message, own, now if at is None else at, archive_id=None, live=True)


def decode_archived(result: Element, own: Own) -> list[Incoming]:
    """What a <result/> of the archive holds (XEP-0313)."""
    forwarded = result.child("forwarded", ns.FORWARD)
    message = forwarded.child("message", ns.CLIENT) if forwarded is not None else None
    if forwarded is None or message is None:
        return []
    at = delay_of(forwarded, own, anybody=True)
    return _decode(message, own, 0 if at is None else at, archive_id=result.get("id") or None, live=False)


def delay_of(holder: Element, own: Own, *, anybody: bool = False) -> int | None:
    """When the server says it was sent (XEP-0203); a delay that somebody else wrote is not believed."""
    for child in holder.children:
        if child.name == "delay" and child.namespace == ns.DELAY:
            said_by = child.get("from")
            if anybody or said_by == own.domain or own.speaks(said_by):
                try:
                    return parse_stamp(child.get("stamp"))
                except BadStamp:
                    continue
    return None


def _decode(
    stanza: Element, own: Own, now: int, *, archive_id: str | None, live: bool
) -> list[Incoming]:
    kind = stanza.get("type")
    if kind == "groupchat":
        return []
    try:
        sender = bare(stanza.get("from") or own.bare)
        recipient = bare(stanza.get("to") or own.bare)
    except BadJID:
        return []
    outgoing = sender == own.bare
    conversation = recipient if outgoing else sender
    if kind == "error":
        return _decode_refusal(stanza, conversation)
    return _decode_content(stanza, own, sender, conversation, outgoing, now, archive_id, live)


def _decode_refusal(stanza: Element, conversation: str) -> list[Incoming]:
    message_id = stanza.get("id")
    if not message_id or message_id.startswith(RECEIPT_PREFIX):
        return []
    return [IncomingRefusal(message_id=message_id, conversation=conversation, reason=reason_of(stanza))]


def _decode_content(
    stanza: Element, own: Own, sender: str, conversation: str, outgoing: bool, now: int,
    archive_id: str | None, live: bool,
) -> list[Incoming]:
    found: list[Incoming] = []
    bodies: list[Element] = []
    payload: tuple[str, dict[str, str]] | None = None
    message_id = stanza.get("id")
    origin_id = ""
    at = now
    for child in stanza.children:
        namespace, name = child.namespace, child.name
        if namespace == ns.CLIENT:
            if name == "body":
                bodies.append(child)
        elif namespace == ns.STANZA_IDS:
            if name == "origin-id":
                origin_id = child.get("id")
            elif name == "stanza-id" and archive_id is None and child.get("by") == own.bare:
                archive_id = child.get("id") or None
        elif namespace == ns.TULOU_MESSAGE and name == "payload":
            payload = decode_payload(child)
        elif namespace == ns.DELAY and live:
            delayed = delay_of(stanza, own)
            at = now if delayed is None else delayed
        elif (said := _RECEIPTS.get((namespace, name))) is not None and child.get("id"):
            found.append(IncomingReceipt(
                kind=said, message_id=child.get("id"), conversation=conversation, own=outgoing,
            ))
    body = _body(bodies)
    if not bodies and payload is None:
        return found
    what, data = payload or ("text", {})
    message_id = message_id or origin_id or _made_id(sender, conversation, body, archive_id or str(at))
    found.insert(0, IncomingMessage(
        id=message_id, archive_id=archive_id, conversation=conversation, sender=sender, body=body,
        kind=what, data=data, at=at, outgoing=outgoing, live=live,
    ))
    return found


_RECEIPTS = {
    (ns.RECEIPTS, "received"): ReceiptKind.DELIVERED,
    (ns.MARKERS, "received"): ReceiptKind.DELIVERED,
    (ns.MARKERS, "displayed"): ReceiptKind.READ,
}


def _body(bodies: list[Element]) -> str:
    """The body without a language of its own, else the first (RFC 6121, section 5.2.3)."""
    for body in bodies:
        if "xml:lang" not in body.attributes:
            return body.text
    return bodies[0].text if bodies else ""


def _made_id(*parts: str) -> str:
    """An id for a message whose sender gave none; the same each time it is seen."""
    return "anonymous-" + hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
