"""Questions to the account's archive (XEP-0313) in pages (XEP-0059), and their answers."""

from __future__ import annotations

from tulou_contracts.transport import ArchivePage, IncomingMessage

from tulou_xmpp.stanzas.messages import Own, decode_archived
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.jid import bare


def archive_query(
    query_id: str, *, conversation: str | None, after: str | None, before: str | None, limit: int
) -> Element:
    """The <query/>. Raises `BadJID`."""
    form = Element("x", ns.DATA_FORMS, _field("FORM_TYPE", ns.MAM, "hidden"), type="submit")
    if conversation is not None:
        form.children.append(_field("with", bare(conversation)))
    rsm = Element("set", ns.RSM, Element("max", ns.RSM, str(limit)))
    if after is not None:
        rsm.children.append(Element("after", ns.RSM, after))
    if before is not None:
        rsm.children.append(Element("before", ns.RSM, before))
    return Element("query", ns.MAM, form, rsm, queryid=query_id)


def _field(var: str, value: str, kind: str | None = None) -> Element:
    return Element("field", ns.DATA_FORMS, Element("value", ns.DATA_FORMS, value), var=var, type=kind)


class ArchiveAnswer:
    """Collects the results of one query until its end comes."""

    def __init__(self, query_id: str, own: Own) -> None:
        self.query_id = query_id
        self._own = own
        self._messages: list[IncomingMessage] = []

    def add(self, result: Element) -> None:
        """A <result/> with our query's id."""
        for item in decode_archived(result, self._own):
            if isinstance(item, IncomingMessage):
                self._messages.append(item)

    def finish(self, iq: Element) -> ArchivePage:
        """The page, when the server has answered the query itself."""
        fin = iq.child("fin", ns.MAM)
        rsm = fin.child("set", ns.RSM) if fin is not None else None
        return ArchivePage(
            messages=tuple(self._messages),
            first=(rsm.child_text("first") or None) if rsm is not None else None,
            last=(rsm.child_text("last") or None) if rsm is not None else None,
            complete=fin is not None and fin.get("complete") in ("true", "1"),
        )


def result_of(stanza: Element, own: Own) -> Element | None:
    """The archive's <result/> in a message; None when it is none or not from our own archive."""
    if not own.speaks(stanza.get("from")):
        return None
    return stanza.child("result", ns.MAM)
