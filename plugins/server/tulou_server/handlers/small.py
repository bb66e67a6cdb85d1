"""Requests that take a line each: ping (0199), carbons (0280), the old session request, version,
time (0202)."""

from __future__ import annotations

from tulou_server.handlers.request import Request, Scope, Table
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.stamps import format_stamp


async def _yes(request: Request) -> Element:
    return request.result()


async def _enable_carbons(request: Request) -> Element:
    request.session.carbons = True
    return request.result()


async def _disable_carbons(request: Request) -> Element:
    request.session.carbons = False
    return request.result()


async def _version(request: Request) -> Element:
    name = Element("name", ns.VERSION, "Tulou")
    return request.result(Element("query", ns.VERSION, name, Element("version", ns.VERSION, "0.1.0")))


async def _time(request: Request) -> Element:
    utc = Element("utc", ns.TIME, format_stamp(request.domain.now()))
    return request.result(Element("time", ns.TIME, Element("tzo", ns.TIME, "+00:00"), utc))


TABLE: Table = {
    (Scope.SERVER, "ping", ns.PING): _yes,
    (Scope.SELF, "ping", ns.PING): _yes,
    (Scope.SERVER, "session", ns.SESSION): _yes,
    (Scope.SELF, "session", ns.SESSION): _yes,
    (Scope.SELF, "enable", ns.CARBONS): _enable_carbons,
    (Scope.SELF, "disable", ns.CARBONS): _disable_carbons,
    (Scope.SERVER, "query", ns.VERSION): _version,
    (Scope.SERVER, "time", ns.TIME): _time,
}
