"""The archive as clients see it (XEP-0313 with XEP-0059): forms in, pages out."""

from __future__ import annotations

from dataclasses import replace

from tulou_server.archive import Entry, Page, Query, UnknownArchiveId, select
from tulou_server.handlers.request import Request, Scope, Table
from tulou_xmpp.wire import JID, Element, serialise
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.errors import BadJID, BadStamp
from tulou_xmpp.wire.serialiser import escape_attribute
from tulou_xmpp.wire.stamps import format_stamp, parse_stamp

DEFAULT_PAGE = 50
MAX_PAGE = 250


class _BadQuery(Exception):
    def __init__(self, condition: str, text: str) -> None:
        self.condition = condition
        super().__init__(text)


async def _archive(request: Request) -> Element:
    if not request.is_set:
        return request.result(Element("query", ns.MAM, _form()))
    try:
        query = parse(request.payload, request.domain.name)
        page = await request.domain.database.read(lambda reader: select(reader, request.account, query))
    except _BadQuery as error:
        return request.error(error.condition, str(error))
    except UnknownArchiveId as error:
        return request.error("item-not-found", f"the archive has no message {error}")
    query_id = request.payload.get("queryid")
    session = request.session
    for entry in page.entries:
        session.send_text(forwarded(entry, query_id, session.address, session.jid.bare))
    return request.result(_fin(page))


async def _preferences(request: Request) -> Element:
    if request.is_set and request.payload.get("default") != "always":
        return request.error("feature-not-implemented", "everything is archived here")
    return request.result(Element(
        "prefs", ns.MAM, Element("always", ns.MAM), Element("never", ns.MAM), default="always"
    ))


def _form() -> Element:
    kinds = {"FORM_TYPE": "hidden", "with": "jid-single", "start": "text-single", "end": "text-single"}
    fields = [Element("field", ns.DATA_FORMS, var=name, type=kind) for name, kind in kinds.items()]
    fields[0].children.append(Element("value", ns.DATA_FORMS, ns.MAM))
    return Element("x", ns.DATA_FORMS, *fields, type="form")


def parse(payload: Element, domain: str) -> Query:
    """A query element into what is asked of the archive. Raises `_BadQuery`."""
    query = Query(limit=DEFAULT_PAGE)
    form = payload.child("x", ns.DATA_FORMS)
    if form is not None:
        query = _filters(form, domain, query)
    paging = payload.child("set", ns.RSM)
    return query if paging is None else _paging(paging, query)


def _filters(form: Element, domain: str, query: Query) -> Query:
    for field in form.children_named("field"):
        name, value = field.get("var"), field.child_text("value")
        try:
            if name == "with":
                jid = JID.parse(value)
                # nobody elsewhere has ever written: an empty name matches nothing
                query = replace(query, peer=jid.local if jid.domain == domain else "")
            elif name == "start":
                query = replace(query, start=parse_stamp(value))
            elif name == "end":
                query = replace(query, end=parse_stamp(value))
            elif name != "FORM_TYPE":
                raise _BadQuery("feature-not-implemented", f"the archive cannot be filtered by {name[:80]!r}")
        except (BadJID, BadStamp) as error:
            raise _BadQuery("bad-request", str(error)) from None
    return query


def _paging(paging: Element, query: Query) -> Query:
    if paging.child("index") is not None:
        raise _BadQuery("feature-not-implemented", "the archive is not paged by index")
    limit = paging.child_text("max").strip()
    if limit:
        if not (limit.isascii() and limit.isdigit()):
            raise _BadQuery("bad-request", f"{limit[:20]!r} is not a number of messages")
        query = replace(query, limit=min(int(limit[:9]), MAX_PAGE))
    after, before = paging.child("after"), paging.child("before")
    if after is not None and after.text:
        query = replace(query, after=_number(after.text))
    if before is not None:
        query = replace(query, backwards=True, before=_number(before.text) if before.text else None)
    return query


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise _BadQuery("item-not-found", f"the archive has no message {text[:40]!r}")
    return int(text)


def forwarded(entry: Entry, query_id: str, to: str, account: str) -> str:
    """One archived stanza as it goes to the client; text, for it is stored as text."""
    delay = serialise(Element("delay", ns.DELAY, stamp=format_stamp(entry.at)))
    mark = f' queryid="{escape_attribute(query_id)}"' if query_id else ""
    return (
        f'<message xmlns="{ns.CLIENT}" from="{escape_attribute(account)}" to="{escape_attribute(to)}">'
        f'<result xmlns="{ns.MAM}"{mark} id="{entry.seq}"><forwarded xmlns="{ns.FORWARD}">'
        f"{delay}{entry.stanza}</forwarded></result></message>"
    )


def _fin(page: Page) -> Element:
    paging = Element("set", ns.RSM)
    if page.entries:
        paging.children += [
            Element("first", ns.RSM, str(page.entries[0].seq), index=str(page.index)),
            Element("last", ns.RSM, str(page.entries[-1].seq)),
        ]
    paging.children.append(Element("count", ns.RSM, str(page.count)))
    return Element("fin", ns.MAM, paging, complete="true" if page.complete else None)


TABLE: Table = {
    (Scope.SELF, "query", ns.MAM): _archive,
    (Scope.SELF, "prefs", ns.MAM): _preferences,
}
