"""What we answer when somebody asks our client something."""

from __future__ import annotations

from tulou_xmpp.stanzas.errors import error_reply
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

FEATURES = (
    ns.DISCO_INFO, ns.PING, ns.RECEIPTS, ns.MARKERS, ns.CARBONS, ns.STANZA_IDS, ns.TULOU_MESSAGE,
)


def answer(iq: Element) -> Element | None:
    """The reply to an iq of type get or set that nobody else handles; None when there is none due.

    XEP-0030 (disco#info), XEP-0199 (ping); everything else is service-unavailable (RFC 6120, 8.4).
    """
    if iq.get("type") not in ("get", "set") or not iq.get("id"):
        return None
    if iq.get("type") == "get":
        if iq.child("ping", ns.PING) is not None:
            return result(iq)
        info = iq.child("query", ns.DISCO_INFO)
        if info is not None and not info.get("node"):
            return result(iq, _information())
    return error_reply(iq, "cancel", "service-unavailable")


def result(iq: Element, content: Element | None = None) -> Element:
    """The reply that all is well."""
    return Element("iq", ns.CLIENT, content, type="result", id=iq.get("id"),
                   to=iq.attributes.get("from"))


def _information() -> Element:
    return Element(
        "query", ns.DISCO_INFO,
        Element("identity", ns.DISCO_INFO, category="client", type="pc", name="Tulou"),
        *(Element("feature", ns.DISCO_INFO, var=feature) for feature in FEATURES),
    )
