"""What the server and its accounts can do (XEP-0030)."""

from __future__ import annotations

from tulou_server.handlers.request import Request, Scope, Table
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

SERVER_FEATURES = (
    ns.DISCO_INFO, ns.DISCO_ITEMS, ns.PING, ns.VERSION, ns.CARBONS, ns.VCARD, ns.STANZA_IDS, ns.SIGNAL,
    ns.TIME, "msgoffline",
)
ACCOUNT_FEATURES = (ns.DISCO_INFO, ns.DISCO_ITEMS, ns.MAM, ns.STANZA_IDS, ns.VCARD)


async def _server(request: Request) -> Element:
    features = list(SERVER_FEATURES)
    if request.domain.rules.registration:
        features.append(ns.REGISTER)
    identity = Element("identity", ns.DISCO_INFO, category="server", type="im", name="Tulou")
    return _info(request, identity, features)


async def _account(request: Request) -> Element:
    identity = Element("identity", ns.DISCO_INFO, category="account", type="registered")
    return _info(request, identity, ACCOUNT_FEATURES)


async def _contact(request: Request) -> Element:
    # whoever is not let in on their presence is not told that an account exists
    item = request.session.online.roster.get(request.account)
    if item is None or not item.state.sees:
        return request.error("service-unavailable")
    return await _account(request)


async def _items(request: Request) -> Element:
    if request.payload.get("node"):
        return request.error("item-not-found")
    return request.result(Element("query", ns.DISCO_ITEMS))


def _info(request: Request, identity: Element, features: list[str] | tuple[str, ...]) -> Element:
    if request.payload.get("node"):
        return request.error("item-not-found")
    known = [Element("feature", ns.DISCO_INFO, var=feature) for feature in sorted(features)]
    return request.result(Element("query", ns.DISCO_INFO, identity, *known))


TABLE: Table = {
    (Scope.SERVER, "query", ns.DISCO_INFO): _server,
    (Scope.SELF, "query", ns.DISCO_INFO): _account,
    (Scope.CONTACT, "query", ns.DISCO_INFO): _contact,
    (Scope.SERVER, "query", ns.DISCO_ITEMS): _items,
    (Scope.SELF, "query", ns.DISCO_ITEMS): _items,
}
