"""One connection of the fake server's: what it answers to each stanza."""

from __future__ import annotations

import base64

import trio
from tulou_contracts.network import ConnectionLost

from fake_xmpp_session import DOMAIN, ServerSession
from xmpp_network import MemorySocket
from tulou_xmpp.wire import JID, Element, FrameParser, serialise
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.acks import parse_h
from tulou_xmpp.wire.scram import ScramError, ScramServer

E = Element


class Stop(Exception):
    """The server ends this connection."""


class Connection:
    """One connection of the server's."""

    def __init__(self, server, socket: MemorySocket):
        self.server, self.socket = server, socket
        self.parser = FrameParser()
        self.scram: ScramServer | None = None
        self.name = ""
        self.authenticated = False
        self.session: ServerSession | None = None

    async def send(self, element):
        # no checkpoint in here: a server's replies must not overtake each other
        if not self.server.silent and not self.socket.dead:
            try:
                self.socket._send.send_nowait(serialise(element))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass

    async def send_text(self, text):
        await self.socket.send(text)

    async def run(self):
        try:
            while True:
                element = self.parser.parse_frame(await self.socket.receive())
                self.server.seen.append(element)
                if not self.server.silent:
                    await self.handle(element)
        except (ConnectionLost, Stop):
            pass
        finally:
            await self.gone()
            await self.socket.close()

    async def gone(self):
        session = self.session
        if session is not None and session.connection is self:
            session.connection = None
            if not session.id:
                await self.server.end_session(session)

    async def error(self, condition):
        await self.send(E("error", ns.STREAMS, E(condition, ns.STREAM_ERRORS)))
        await self.send(E("close", ns.FRAMING))
        raise Stop

    async def handle(self, element):
        name = element.name
        if name == "open":
            await self.on_open()
        elif name == "close":
            if self.session is not None:
                await self.server.end_session(self.session)
                self.session = None
            await self.send(E("close", ns.FRAMING))
            raise Stop
        elif element.namespace == ns.SASL:
            await self.on_sasl(element)
        elif element.namespace == ns.SM:
            await self.on_sm(element)
        else:
            await self.on_stanza(element)

    async def on_open(self):
        await self.send(E("open", ns.FRAMING, from_=DOMAIN, version="1.0", id="x"))
        if self.authenticated:
            inside = [E("bind", ns.BIND)] + ([E("sm", ns.SM)] if self.server.sm else [])
        else:
            offer = (E("mechanism", ns.SASL, m) for m in self.server.mechanisms)
            inside = [E("mechanisms", ns.SASL, *offer)]
        await self.send(E("features", ns.STREAMS, *inside))

    async def on_sasl(self, element):
        data = base64.b64decode(element.text) if element.text.strip("=") else b""
        try:
            if element.name == "auth":
                self.scram = ScramServer(element.get("mechanism"))
                self.name = self.scram.receive_first(data)
                keys = self.server.keys.get(self.name)
                if keys is None:
                    raise ScramError("not-authorized", "nobody")
                answer = self.scram.challenge(keys[element.get("mechanism")])
                await self.send(E("challenge", ns.SASL, base64.b64encode(answer).decode()))
            elif element.name == "response":
                final = base64.b64encode(self.scram.receive_final(data)).decode()
                self.authenticated = True
                await self.send(E("success", ns.SASL, final))
        except ScramError as error:
            await self.send(E("failure", ns.SASL, E(error.condition, ns.SASL)))

    async def on_sm(self, element):
        session = self.session
        if element.name == "enable":
            session.counting = True
            session.id = f"sm-{next(self.server.numbers)}"
            self.server.sessions[session.id] = session
            await self.send(E("enabled", ns.SM, id=session.id, resume="true", max="300"))
        elif element.name == "resume":
            await self.on_resume(element)
        elif element.name == "r" and self.server.ack:
            await self.send(E("a", ns.SM, h=str(session.inbound.h)))
        elif element.name == "a":
            session.outbound.acknowledge(parse_h(element.get("h")))

    async def on_resume(self, element):
        session = self.server.sessions.get(element.get("previd"))
        if session is None or session.name != self.name:
            await self.send(E("failed", ns.SM, E("item-not-found", ns.STANZAS)))
            return
        session.outbound.acknowledge(parse_h(element.get("h")))
        self.session = session
        session.connection = self
        await self.send(E("resumed", ns.SM, previd=session.id, h=str(session.inbound.h)))
        for stanza in session.outbound.unacknowledged():
            await self.send(stanza)
        if session.outbound:
            await self.send(E("r", ns.SM))

    async def on_stanza(self, stanza):
        if self.session is None:
            await self.on_early_iq(stanza)
            return
        condition = self.server.poison(stanza)
        if condition:
            await self.error(condition)
        session = self.session
        if session.counting:
            session.inbound.handled()
        if stanza.name == "iq":
            await self.on_iq(stanza)
        elif stanza.name == "message":
            await self.server.route(stanza, session)
        elif stanza.name == "presence" and not stanza.get("to") and not stanza.get("type"):
            for waiting in self.server.offline.pop(session.name, []):
                await session.send(waiting)

    async def on_early_iq(self, iq):
        registering = iq.child("query", ns.REGISTER)
        if registering is not None:
            await self.on_register(iq, registering)
            return
        resource = iq.child("bind", ns.BIND).child_text("resource")
        self.session = session = ServerSession(self.name, resource)
        session.connection = self
        old = self.server.live.get(session.full)
        if old is not None:
            await self.server.end_session(old)
        self.server.live[session.full] = session
        jid = E("jid", ns.BIND, session.full)
        await self.send(E("iq", ns.CLIENT, E("bind", ns.BIND, jid), type="result", id=iq.get("id")))

    async def on_register(self, iq, query):
        name = query.child_text("username")
        problem = "" if self.server.registration else "not-allowed"
        if name in self.server.keys:
            problem = "conflict"
        if problem:
            error = E("error", ns.CLIENT, E(problem, ns.STANZAS), type="cancel")
            await self.send(E("iq", ns.CLIENT, error, type="error", id=iq.get("id")))
            return
        self.server.add(name, query.child_text("password"))
        await self.send(E("iq", ns.CLIENT, type="result", id=iq.get("id")))

    async def on_iq(self, iq):
        session = self.session
        if iq.get("type") not in ("get", "set"):
            return
        query = iq.child("query", ns.MAM)
        content = None
        if query is not None:
            content = await self.on_archive(iq, query)
            if content is None:
                error = E("error", ns.CLIENT, E("item-not-found", ns.STANZAS), type="cancel")
                await session.send(E("iq", ns.CLIENT, error, type="error", id=iq.get("id")))
                return
        roster = iq.child("query", ns.ROSTER)
        if roster is not None:
            content = await self.on_roster(iq, roster)
        await session.send(E("iq", ns.CLIENT, content, type="result", id=iq.get("id"), to=session.full,
                             from_=iq.attributes.get("to")))

    async def on_roster(self, iq, query):
        roster = self.server.rosters[self.session.name]
        if iq.get("type") == "get":
            items = (E("item", ns.ROSTER, **item) for item in roster.values())
            return E("query", ns.ROSTER, *items, ver="1")
        item = query.child("item")
        roster[item.get("jid")] = {**item.attributes, "subscription": "none"}
        pushed = E("query", ns.ROSTER, E("item", ns.ROSTER, **roster[item.get("jid")]))
        await self.session.send(E("iq", ns.CLIENT, pushed, type="set", id="push1", to=self.session.full))
        return None

    async def on_archive(self, iq, query):
        archive = self.server.archives[self.session.name]
        rsm = query.child("set", ns.RSM)
        size = int(rsm.child_text("max"))
        chosen = list(archive)
        for field in query.child("x", ns.DATA_FORMS).children_named("field"):
            if field.get("var") == "with":
                who = field.child_text("value")
                chosen = [each for each in chosen
                          if who in (JID.parse(each[1].get("to")).bare, JID.parse(each[1].get("from")).bare)]
        ids = [each[0] for each in chosen]
        after, before = rsm.child("after", ns.RSM), rsm.child("before", ns.RSM)
        if after is not None:
            if after.text not in ids:
                return None
            chosen = chosen[ids.index(after.text) + 1:]
        if before is not None and before.text:
            if before.text not in ids:
                return None
            chosen = chosen[:ids.index(before.text)]
        page = chosen[-size:] if before is not None else chosen[:size]
        for archive_id, message in page:
            delay = E("delay", ns.DELAY, stamp="2026-07-14T09:30:00Z")
            result = E("result", ns.MAM, E("forwarded", ns.FORWARD, delay, message.copy()),
                       id=archive_id, queryid=query.get("queryid"))
            await self.session.send(E("message", ns.CLIENT, result, to=self.session.full,
                                      from_=f"{self.session.name}@{DOMAIN}"))
        edges = [E("first", ns.RSM, page[0][0]), E("last", ns.RSM, page[-1][0])] if page else []
        complete = "true" if len(page) == len(chosen) else None
        return E("fin", ns.MAM, E("set", ns.RSM, *edges), complete=complete)
