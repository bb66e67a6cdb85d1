"""Presence and contact lists between sessions (RFC 6121, sections 2 to 4)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from tulou_contracts.storage import Database
from tulou_server import rosters, stanzas
from tulou_server.courier import Courier
from tulou_server.directory import Directory, Online
from tulou_server.rosters import Item, Outcome, Step
from tulou_server.session import Mail, Session
from tulou_server.subscription import KINDS
from tulou_xmpp.wire import JID, Element, serialise
from tulou_xmpp.wire import namespaces as ns


class Presences:
    """Who sees whom."""

    def __init__(self, domain: str, directory: Directory, database: Database, courier: Courier) -> None:
        self._domain = domain
        self._directory = directory
        self._database = database
        self._courier = courier

    def bare(self, name: str) -> str:
        """The address of an account."""
        return f"{name}@{self._domain}"

    async def handle(self, session: Session, stanza: Element, to: JID | None) -> None:
        """A presence stanza of a client."""
        kind = stanza.get("type")
        if kind not in ("", "unavailable", "probe", "error", *KINDS):
            session.send(stanzas.error(stanza, "bad-request", f"presence has no type {kind[:40]!r}"))
        elif kind == "error" or (to is None and kind not in ("", "unavailable")):
            pass  # nobody waits for it
        elif to is None:
            if kind == "":
                self.announce(session, stanza)
            else:
                self.withdraw(session, stanza)
        elif to.domain != self._domain:
            session.send(stanzas.error(stanza, "remote-server-not-found", f"{to.domain} is elsewhere"))
        elif kind in KINDS:
            await self._subscription(session, stanza, to)
        elif kind == "probe":
            self._probe(session, to)
        else:
            self._direct(session, stanza, to)

    # Availability

    def announce(self, session: Session, stanza: Element) -> None:
        """A session is available, or changes how."""
        initial = session.presence is None
        session.presence = stanza
        session.priority = priority = _priority(stanza)
        self._broadcast(session, stanza)
        if initial:
            self._welcome(session)
        if priority < 0:
            session.mail = Mail.NONE
        elif session.mail is Mail.NONE:
            self._courier.catch_up(session)

    def withdraw(self, session: Session, stanza: Element | None = None) -> None:
        """A session is not available any more; harmless when it never was."""
        if stanza is None:
            stanza = Element("presence", ns.CLIENT, type="unavailable", from_=session.address)
        if session.presence is not None:
            self._broadcast(session, stanza)
        for address in session.directed:
            self._deliver_to(JID.parse(address), stanza)
        session.directed.clear()
        session.presence = session.priority = None
        session.mail = Mail.NONE

    def _broadcast(self, session: Session, stanza: Element) -> None:
        for name in self._watchers(session.online):
            for other in self._available(name):
                self._show(other, stanza)

    def _watchers(self, online: Online) -> list[str]:
        seen_by = [item.contact for item in online.roster.values() if item.state.shows]
        return [*seen_by, online.name]

    def _welcome(self, session: Session) -> None:
        """What a session that has just become available is told."""
        roster = session.online.roster
        for name in [*(item.contact for item in roster.values() if item.state.sees), session.account]:
            for other in self._available(name):
                if other is not session:
                    self._show(session, other.presence)
        for item in roster.values():
            if item.state.asked and item.request:
                session.send_text(item.request)

    def _available(self, name: str) -> Iterator[Session]:
        online = self._directory.online(name)
        return online.available() if online is not None else iter(())

    def _show(self, session: Session, presence: Element | None) -> None:
        if presence is not None:
            session.send(_addressed(presence, session.jid.bare))

    def _direct(self, session: Session, stanza: Element, to: JID) -> None:
        if stanza.get("type") == "unavailable":
            session.directed.discard(str(to))
        else:
            session.directed.add(str(to))
        self._deliver_to(to, stanza)

    def _deliver_to(self, to: JID, stanza: Element) -> None:
        for other in list(self._available(to.local)):
            if not to.resource or to.resource == other.resource:
                other.send(_addressed(stanza, str(to)))

    def _probe(self, session: Session, to: JID) -> None:
        item = session.online.roster.get(to.local)
        if to.local == session.account or (item is not None and item.state.sees):
            for other in self._available(to.local):
                self._show(session, other.presence)

    # Subscriptions and contact lists

    async def _subscription(self, session: Session, stanza: Element, to: JID) -> None:
        if not to.local or to.local == session.account:
            return
        kind = stanza.get("type")
        request = ""
        if kind == "subscribe":
            stanza.attributes["from"] = session.jid.bare
            request = serialise(_addressed(stanza, to.bare))
        outcome = await self._database.write(
            lambda transaction: rosters.exchange(transaction, session.account, to.local, kind, request)
        )
        self.apply(outcome)

    def apply(self, outcome: Outcome) -> None:
        """Tell everybody concerned what a committed change of contact lists means for them."""
        for owner, item in outcome.changed:
            online = self._directory.online(owner)
            if online is not None:
                self._push(online, item)
        for step in outcome.steps:
            self._step(step, outcome)

    def _push(self, online: Online, item: Item) -> None:
        known = online.roster.get(item.contact)
        was_listed = known is not None and known.listed
        online.learn([item])
        if not item.listed and not was_listed:
            return
        query = Element("query", ns.ROSTER, self.element(item), ver=str(item.version))
        for session in online.sessions.values():
            if session.interested:
                session.send(Element(
                    "iq", ns.CLIENT, query, type="set", id=secrets.token_hex(6), to=session.address
                ))

    def element(self, item: Item) -> Element:
        """An item as clients see it (RFC 6121, section 2.1.2)."""
        element = Element("item", ns.ROSTER, jid=self.bare(item.contact))
        if not item.listed:
            element.attributes["subscription"] = "remove"
            return element
        if item.name:
            element.attributes["name"] = item.name
        element.attributes["subscription"] = item.state.subscription
        if item.state.asking:
            element.attributes["ask"] = "subscribe"
        element.children = [Element("group", ns.ROSTER, group) for group in item.groups]
        return element

    def _step(self, step: Step, outcome: Outcome) -> None:
        online = self._directory.online(step.receiver)
        if online is not None:
            text = self._subscription_text(step, online)
            for session in online.sessions.values():
                if session.interested or session.presence is not None:
                    session.send_text(text)
        if step.kind == "subscribed":
            self._reveal(step.sender, step.receiver)
        elif step.kind == "unsubscribed":
            self._hide(step.sender, step.receiver)
        elif step.kind == "unsubscribe":
            self._hide(step.receiver, step.sender)

    def _subscription_text(self, step: Step, receiver: Online) -> str:
        item = receiver.roster.get(step.sender)
        if step.kind == "subscribe" and item is not None and item.request:
            return item.request
        return serialise(Element(
            "presence", ns.CLIENT,
            type=step.kind, from_=self.bare(step.sender), to=self.bare(step.receiver),
        ))

    def _reveal(self, seen: str, viewer: str) -> None:
        for session in self._available(seen):
            for other in self._available(viewer):
                self._show(other, session.presence)

    def _hide(self, seen: str, viewer: str) -> None:
        for session in self._available(seen):
            gone = Element("presence", ns.CLIENT, type="unavailable", from_=session.address)
            for other in self._available(viewer):
                self._show(other, gone)

    def reveal_friends(self, one: str, other: str) -> None:
        """Two accounts have just been made to see each other."""
        self._reveal(one, other)
        self._reveal(other, one)


def _addressed(stanza: Element, to: str) -> Element:
    twin = Element(stanza.name, stanza.namespace, stanza.text)
    twin.attributes = {**stanza.attributes, "to": to}
    twin.children = stanza.children
    return twin


def _priority(stanza: Element) -> int:
    """RFC 6121, section 4.7.2.3; what is no number in range counts as 0."""
    text = stanza.child_text("priority").strip()
    try:
        value = int(text) if text.isascii() and len(text) <= 5 else 0
    except ValueError:
        return 0
    return value if -128 <= value <= 127 else 0
