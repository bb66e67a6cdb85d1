"""A small XMPP server in memory, and ways to make it misbehave."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from fake_xmpp_connection import Connection
from fake_xmpp_session import DOMAIN, ServerSession, carbon
from tulou_xmpp.wire import JID, Element
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.scram import derive_keys

E = Element


class FakeXmpp:
    """Accounts, archives and the sessions on them."""

    def __init__(self):
        self.keys = {}
        self.sessions: dict[str, ServerSession] = {}    # by id
        self.live: dict[str, ServerSession] = {}        # by full JID
        self.archives: dict[str, list[tuple[str, Element]]] = {}
        self.rosters: dict[str, dict[str, dict[str, str]]] = {}
        self.offline: dict[str, list[Element]] = {}
        self.mechanisms = ["SCRAM-SHA-1", "SCRAM-SHA-256"]
        self.sm = True
        self.silent = False
        """Answer nothing at all any more."""
        self.ack = True
        """Answer requests for acknowledgement."""
        self.poison: Callable[[Element], str] = lambda stanza: ""
        """The stream error with which a stanza is answered, or ""."""
        self.seen: list[Element] = []
        self.registration = True
        self.connections: list[Connection] = []
        self.numbers = itertools.count(1)

    def add(self, name, password):
        self.keys[name] = {m: derive_keys(m, password, b"salt-" + name.encode(), 4096)
                           for m in ("SCRAM-SHA-1", "SCRAM-SHA-256")}
        self.archives[name] = []
        self.rosters[name] = {}

    async def serve(self, socket):
        connection = Connection(self, socket)
        self.connections.append(connection)
        await connection.run()

    def forget_sessions(self):
        """As after a restart of the server."""
        for session in self.sessions.values():
            self._to_offline(session)
        self.sessions.clear()
        self.live.clear()

    def _to_offline(self, session):
        for stanza in session.outbound.take_back():
            if stanza.name == "message":
                self.offline.setdefault(session.name, []).append(stanza)

    async def end_session(self, session):
        self.live.pop(session.full, None)
        self.sessions.pop(session.id, None)
        self._to_offline(session)

    async def route(self, stanza, sender: ServerSession):
        stanza = stanza.copy()
        stanza.attributes["from"] = sender.full
        try:
            to = JID.parse(stanza.get("to"))
        except ValueError:
            return
        if to.domain != DOMAIN or to.local not in self.keys:
            error = E("error", ns.CLIENT, E("item-not-found", ns.STANZAS), type="cancel")
            await sender.send(E("message", ns.CLIENT, error, type="error", id=stanza.get("id"),
                                from_=stanza.get("to"), to=sender.full))
            return
        if stanza.name == "message":
            await self._deliver(stanza, to, sender)

    async def _deliver(self, stanza, to, sender):
        for owner in dict.fromkeys((sender.name, to.local)):
            archive = self.archives[owner]
            archive.append((f"{owner}-{len(archive) + 1}", stanza.copy()))
        copy = stanza.copy()
        copy.children.append(E("stanza-id", ns.STANZA_IDS, by=to.bare, id=self.archives[to.local][-1][0]))
        for session in list(self.live.values()):
            if session is not sender and session.name == sender.name:
                await session.send(carbon("sent", sender.name, stanza))
        targets = [s for s in self.live.values() if s.name == to.local]
        if not targets:
            self.offline.setdefault(to.local, []).append(copy)
        for session in targets:
            await session.send(copy)
