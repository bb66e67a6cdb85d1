"""Reading and changing the contact list (RFC 6121, section 2)."""

from __future__ import annotations

from tulou_contracts.storage import Transaction
from tulou_server import rosters
from tulou_server.handlers.request import Request, Scope, Table
from tulou_xmpp.wire import JID, Element
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.errors import BadJID

MAX_TEXT = 1023
MAX_GROUPS = 50
MAX_ITEMS = 10_000


async def _roster(request: Request) -> Element | None:
    return await (_change(request) if request.is_set else _read(request))


async def _read(request: Request) -> Element | None:
    session, presences = request.session, request.domain.presences
    items, version = await request.domain.database.read(
        lambda reader: rosters.load_with_version(reader, request.account)
    )
    session.interested = True
    known = request.payload.get("ver")
    if known.isascii() and known.isdigit() and 0 < int(known) <= version:
        session.send(request.result())
        for item in sorted(items, key=lambda item: item.version):
            if item.version > int(known):
                query = Element("query", ns.ROSTER, presences.element(item), ver=str(item.version))
                session.send(Element(
                    "iq", ns.CLIENT, query, type="set", id=f"r{item.version}", to=session.address
                ))
        return None
    listed = [presences.element(item) for item in items if item.listed]
    return request.result(Element("query", ns.ROSTER, *listed, ver=str(version)))


async def _change(request: Request) -> Element:
    items = list(request.payload.children_named("item"))
    if len(items) != 1:
        return request.error("bad-request", "a roster change names one contact")
    try:
        jid = JID.parse(items[0].get("jid"))
    except BadJID as error:
        return request.error("bad-request", str(error))
    if jid.domain != request.domain.name:
        return request.error("remote-server-not-found", f"{jid.domain} is elsewhere, and only we are here")
    if not jid.local or jid.resource or jid.local == request.account:
        return request.error("not-allowed", f"{jid} cannot be a contact")
    if items[0].get("subscription") == "remove":
        return await _remove(request, jid.local)
    return await _put(request, jid.local, items[0])


async def _remove(request: Request, contact: str) -> Element:
    outcome = await request.domain.database.write(
        lambda transaction: rosters.remove(transaction, request.account, contact)
    )
    if outcome is None:
        return request.error("item-not-found")
    request.domain.presences.apply(outcome)
    return request.result()


async def _put(request: Request, contact: str, item: Element) -> Element:
    name = item.get("name")
    groups = tuple(dict.fromkeys(group.text for group in item.children_named("group")))
    if len(name) > MAX_TEXT or len(groups) > MAX_GROUPS or any(len(group) > MAX_TEXT for group in groups):
        return request.error("not-acceptable", "a name or group is too long, or there are too many")
    if "" in groups:
        return request.error("not-acceptable", "a group needs a name")
    if contact not in request.session.online.roster and len(request.session.online.roster) >= MAX_ITEMS:
        return request.error("resource-constraint", f"a contact list holds {MAX_ITEMS} at most")

    def work(transaction: Transaction) -> rosters.Outcome:
        return rosters.put(transaction, request.account, contact, name, groups)

    request.domain.presences.apply(await request.domain.database.write(work))
    return request.result()


TABLE: Table = {(Scope.SELF, "query", ns.ROSTER): _roster}
