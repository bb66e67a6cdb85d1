"""Changing the password and removing the account, from a session of it (XEP-0077)."""

from __future__ import annotations

from tulou_contracts.identity import AddressInvalid
from tulou_server.handlers.request import Request, Scope, Table
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns


async def _register(request: Request) -> Element | None:
    query, account = request.payload, request.session.account
    if not request.is_set:
        known = Element("query", ns.REGISTER, Element("registered", ns.REGISTER))
        known.children += [Element("username", ns.REGISTER, account), Element("password", ns.REGISTER)]
        return request.result(known)
    if query.child("remove") is not None:
        request.session.send(request.result())
        await request.domain.delete_account(account)
        return None
    try:
        if request.domain.accounts.normalise(query.child_text("username")) != account:
            return request.error("not-allowed", "only your own password can be changed")
        await request.domain.accounts.change_password(account, query.child_text("password"))
    except AddressInvalid as error:
        return request.error("bad-request", str(error))
    return request.result()


TABLE: Table = {
    (Scope.SERVER, "query", ns.REGISTER): _register,
    (Scope.SELF, "query", ns.REGISTER): _register,
}
