"""Questions to services behind the server. They are answered aside: one may take its time."""

from __future__ import annotations

from tulou_server.handlers.request import Request, Scope, Table
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns


async def _ask(request: Request) -> Element | None:
    request.domain.aside(_answer, request)
    return None


async def _answer(request: Request) -> None:
    request.session.send(await request.domain.desk.reply(request.iq))


TABLE: Table = {(Scope.SERVER, "signal", ns.SIGNAL): _ask}
