"""The vCard of an account (XEP-0054), kept as it was given."""

from __future__ import annotations

from tulou_server.handlers.request import Request, Scope, Table
from tulou_xmpp.wire import Element, FrameParser, serialise
from tulou_xmpp.wire import namespaces as ns


async def _own(request: Request) -> Element:
    if request.is_set:
        await request.domain.accounts.set_vcard(request.account, serialise(request.payload))
        return request.result()
    return await _read(request)


async def _others(request: Request) -> Element:
    return request.error("forbidden") if request.is_set else await _read(request)


async def _read(request: Request) -> Element:
    stored = await request.domain.accounts.vcard(request.account)
    if not stored and request.account == request.session.account:
        return request.result(Element("vCard", ns.VCARD))
    if not stored:  # the same for nobody and for somebody without one, so that it tells neither
        return request.error("item-not-found")
    return request.result(FrameParser().parse_frame(stored))


def named(display_name: str) -> str:
    """A stored vCard that says nothing but a name."""
    return serialise(Element("vCard", ns.VCARD, Element("FN", ns.VCARD, display_name)))


def display_name(stored: str) -> str:
    """The full name in a stored vCard, or ""."""
    return FrameParser().parse_frame(stored).child_text("FN").strip() if stored else ""


TABLE: Table = {
    (Scope.SELF, "vCard", ns.VCARD): _own,
    (Scope.CONTACT, "vCard", ns.VCARD): _others,
}
