"""The contact list (RFC 6121, section 2) and who of it can be reached (section 4)."""

from __future__ import annotations

from tulou_contracts.transport import Contact, ContactChanged, Presence

from tulou_xmpp.stanzas.messages import Own
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.errors import BadJID
from tulou_xmpp.wire.jid import bare

_SHOWN = {"away": Presence.AWAY, "xa": Presence.AWAY, "dnd": Presence.BUSY}
_RANK = {Presence.ONLINE: 3, Presence.BUSY: 2, Presence.AWAY: 1}
_MAX_CONTACTS = 20_000
_MAX_RESOURCES = 50


class Roster:
    """What is known of the account's contacts; each change comes back as the events to publish."""

    def __init__(self, own: Own) -> None:
        self.version: str = ""
        self._own = own
        self._items: dict[str, tuple[str, str, bool]] = {}   # address -> name, subscription, asked
        self._resources: dict[str, dict[str, Presence]] = {}
        self.requests: set[str] = set()
        """Who asked to see our presence and got no answer yet."""

    def contacts(self) -> list[Contact]:
        """Everybody on the list, by address."""
        return [self._contact(address) for address in sorted(self._items)]

    def query(self) -> Element:
        """The question for the list; with a version, the server may answer that nothing changed."""
        return Element("query", ns.ROSTER, ver=self.version)

    def replace(self, iq: Element) -> list[ContactChanged]:
        """The answer to `query`; without a list in it, ours is still right (section 2.6)."""
        query = iq.child("query", ns.ROSTER)
        if query is None:
            return []
        before = {contact.address: contact for contact in self.contacts()}
        self._items.clear()
        self.version = query.get("ver")
        for item in query.children_named("item"):
            self._put(item)
        changed = [ContactChanged(contact=c) for c in self.contacts() if before.pop(c.address, None) != c]
        return changed + [ContactChanged(contact=gone, removed=True) for gone in before.values()]

    def push(self, iq: Element) -> list[ContactChanged]:
        """The server says that one contact changed (section 2.1.6); its sender was checked."""
        query = iq.child("query", ns.ROSTER)
        item = query.child("item") if query is not None else None
        if query is None or item is None:
            return []
        self.version = query.get("ver", self.version)
        if item.get("subscription") == "remove":
            return self._remove(item)
        address = self._put(item)
        return [ContactChanged(contact=self._contact(address))] if address else []

    def added(self, address: str, name: str) -> list[ContactChanged]:
        """We put somebody on the list; the server's own word on it may come later than its consent."""
        if address in self._items and self._items[address][0] == name:
            return []
        _, subscription, _ = self._items.get(address, ("", "none", False))
        self._items[address] = name, subscription, True
        return [ContactChanged(contact=self._contact(address))]

    def _put(self, item: Element) -> str:
        try:
            address = bare(item.get("jid"))
        except BadJID:
            return ""
        if len(self._items) < _MAX_CONTACTS:
            self._items[address] = (
                item.get("name"), item.get("subscription", "none"), item.get("ask") == "subscribe"
            )
        return address if address in self._items else ""

    def _remove(self, item: Element) -> list[ContactChanged]:
        try:
            address = bare(item.get("jid"))
        except BadJID:
            return []
        if address not in self._items:
            return []
        gone = self._contact(address)
        del self._items[address]
        return [ContactChanged(contact=gone, removed=True)]

    def forget_presence(self) -> list[ContactChanged]:
        """A new session begins: nobody's presence is known until the server tells it again."""
        seen = [address for address in self._resources if address in self._items]
        self._resources.clear()
        return [ContactChanged(contact=self._contact(address)) for address in seen]

    def presence(self, stanza: Element) -> list[ContactChanged]:
        """Somebody came, went, or is away."""
        kind = stanza.get("type")
        sender, _, resource = stanza.get("from").partition("/")
        try:
            address = bare(sender)
        except BadJID:
            return []
        if kind not in ("", "unavailable") or address == self._own.bare:
            return []
        before = self._presence(address)
        resources = self._resources.setdefault(address, {})
        if kind == "unavailable":
            resources.pop(resource, None)
            if not resources or not resource:
                self._resources.pop(address, None)
        elif len(resources) < _MAX_RESOURCES and len(self._resources) <= _MAX_CONTACTS:
            resources[resource] = _SHOWN.get(stanza.child_text("show").strip(), Presence.ONLINE)
        if address not in self._items or self._presence(address) is before:
            return []
        return [ContactChanged(contact=self._contact(address))]

    def subscription(self, stanza: Element, accept_all: bool) -> list[Element]:
        """The answer to somebody who wants to see our presence; none when a person has to decide."""
        try:
            address = bare(stanza.get("from"))
        except BadJID:
            return []
        if stanza.get("type") != "subscribe":
            return []
        _, subscription, asked = self._items.get(address, ("", "none", False))
        if accept_all or asked or subscription in ("to", "both"):
            return [Element("presence", ns.CLIENT, to=address, type="subscribed")]
        if len(self.requests) < 1000:
            self.requests.add(address)
        return []

    def _presence(self, address: str) -> Presence:
        resources = self._resources.get(address)
        return max(resources.values(), key=_RANK.__getitem__) if resources else Presence.OFFLINE

    def _contact(self, address: str) -> Contact:
        name, subscription, _ = self._items[address]
        return Contact(
            address=address, name=name, presence=self._presence(address),
            subscribed=subscription in ("to", "both"),
        )
