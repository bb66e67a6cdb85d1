"""What the fake server keeps of a session between its connections."""

from __future__ import annotations

from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.acks import Inbound, Outbound

E = Element
DOMAIN = "example.org"


class ServerSession:
    """What outlives a connection, when stream management is on."""

    def __init__(self, name, resource):
        self.name, self.resource = name, resource
        self.outbound: Outbound[Element] = Outbound()
        self.inbound = Inbound()
        self.connection = None
        self.id = ""
        self.counting = False

    @property
    def full(self):
        return f"{self.name}@{DOMAIN}/{self.resource}"

    async def send(self, stanza):
        if self.counting:
            self.outbound.sent(stanza)
        if self.connection is not None:
            await self.connection.send(stanza)
            if self.counting:
                await self.connection.send(E("r", ns.SM))


def carbon(kind, name, message):
    forwarded = E("forwarded", ns.FORWARD, message.copy())
    return E("message", ns.CLIENT, E(kind, ns.CARBONS, forwarded), from_=f"{name}@{DOMAIN}",
             to=f"{name}@{DOMAIN}", type="chat")
