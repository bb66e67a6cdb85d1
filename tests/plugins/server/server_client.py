"""A tiny scripted XMPP client: it says what a test tells it to, and hands over what comes."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio
from trio_websocket import ConnectionClosed, connect_websocket_url
from tulou_xmpp.wire import Element, FrameParser, serialise
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.scram import ScramClient

PATIENCE = 20.0


class Gone(Exception):
    """The server closed the connection."""


class Refused(Exception):
    """Signing in failed; `args[0]` is the condition."""


def is_message(body: str | None = None) -> Callable[[Element], bool]:
    def test(element: Element) -> bool:
        if element.name != "message" or element.get("type") == "error":
            return False
        return body is None or element.child_text("body") == body

    return test


def named(name: str) -> Callable[[Element], bool]:
    return lambda element: element.name == name


class Client:
    """Frames that nobody expected yet stay in `inbox`, in order."""

    def __init__(self, websocket) -> None:
        self.websocket = websocket
        self.parser = FrameParser()
        self.inbox: list[Element] = []
        self.handled = 0
        self.counting = False
        self.acking = True
        self.jid = ""
        self.domain = "tulou.localhost"
        self.token = ""
        self._ids = 0

    # frames

    async def send(self, *elements: Element | str) -> None:
        for element in elements:
            text = element if isinstance(element, str) else serialise(element)
            await self.websocket.send_message(text)

    async def receive(self) -> Element:
        try:
            element = self.parser.parse_frame(await self.websocket.get_message())
        except ConnectionClosed:
            raise Gone(self.inbox) from None
        if element.is_("r", ns.SM):
            if self.acking:
                await self.ack()
            return await self.receive()
        if self.counting and element.namespace == ns.CLIENT:
            self.handled += 1
        return element

    async def ack(self) -> None:
        await self.send(Element("a", ns.SM, h=str(self.handled)))

    async def expect(self, wanted: Callable[[Element], bool]) -> Element:
        """The first element, come or to come, that fits; others are kept."""
        for element in self.inbox:
            if wanted(element):
                self.inbox.remove(element)
                return element
        with trio.fail_after(PATIENCE):
            while True:
                element = await self.receive()
                if wanted(element):
                    return element
                self.inbox.append(element)

    async def gather(self, wanted: Callable[[Element], bool]) -> list[Element]:
        """All that fits and has arrived, proven by a ping that was answered after it."""
        await self.sync()
        found = [element for element in self.inbox if wanted(element)]
        self.inbox = [element for element in self.inbox if not wanted(element)]
        return found

    async def bodies(self) -> list[str]:
        return [m.child_text("body") for m in await self.gather(is_message())]

    async def sync(self) -> None:
        await self.iq("get", Element("ping", ns.PING), to=self.domain)

    async def gone(self) -> list[Element]:
        """Read until the connection is closed; what came."""
        with trio.fail_after(PATIENCE):
            try:
                while True:
                    self.inbox.append(await self.receive())
            except Gone:
                return self.inbox

    # stanzas

    async def iq(self, kind: str, payload: Element, to: str | None = None) -> Element:
        self._ids += 1
        number = f"q{self._ids}"
        await self.send(Element("iq", ns.CLIENT, payload, type=kind, id=number, to=to))
        return await self.expect(lambda e: e.name == "iq" and e.get("id") == number)

    async def message(self, to: str, body: str, *extra: Element, kind: str = "chat", id: str = "m") -> None:
        await self.send(Element(
            "message", ns.CLIENT, Element("body", ns.CLIENT, body), *extra, type=kind, to=to, id=id
        ))

    async def presence(self, kind: str | None = None, to: str | None = None, priority: int = 0) -> None:
        content = Element("priority", ns.CLIENT, str(priority)) if priority else None
        await self.send(Element("presence", ns.CLIENT, content, type=kind, to=to))

    # a session

    async def open(self, domain: str | None = None) -> Element:
        await self.send(Element("open", ns.FRAMING, to=domain or self.domain, version="1.0"))
        await self.expect(named("open"))
        return await self.expect(lambda e: e.is_("features", ns.STREAMS) or e.is_("error", ns.STREAMS))

    async def register(self, name: str, password: str) -> Element:
        fields = [Element("username", ns.REGISTER, name), Element("password", ns.REGISTER, password)]
        return await self.iq("set", Element("query", ns.REGISTER, *fields))

    async def login(self, name: str, password: str = "secret", mechanism: str = "SCRAM-SHA-256") -> None:
        await self.open()
        await self.authenticate(name, password, mechanism)
        await self.open()

    async def authenticate(self, name: str, password: str, mechanism: str = "SCRAM-SHA-256") -> None:
        scram = ScramClient(mechanism, name, password)
        await self.send(Element("auth", ns.SASL, _encode(scram.first()), mechanism=mechanism))
        challenge = await self.expect(lambda e: e.namespace == ns.SASL)
        if challenge.name == "failure":
            raise Refused(challenge.children[0].name)
        answer = scram.final(scram.challenged(base64.b64decode(challenge.text)).run())
        await self.send(Element("response", ns.SASL, _encode(answer)))
        outcome = await self.expect(lambda e: e.namespace == ns.SASL)
        if outcome.name == "failure":
            raise Refused(outcome.children[0].name)
        scram.verify(base64.b64decode(outcome.text))

    async def bind(self, resource: str = "") -> str:
        part = Element("resource", ns.BIND, resource) if resource else None
        answer = await self.iq("set", Element("bind", ns.BIND, part))
        self.jid = answer.find(("bind", ns.BIND), ("jid", ns.BIND)).text
        return self.jid

    async def enable(self, resume: bool = True) -> None:
        await self.send(Element("enable", ns.SM, resume="true" if resume else None))
        enabled = await self.expect(named("enabled"))
        self.token = enabled.get("id")
        self.counting, self.handled = True, 0

    async def resume(self, former: Client) -> Element:
        """Go on as `former`; the answer, <resumed/> or <failed/>."""
        await self.send(Element("resume", ns.SM, previd=former.token, h=str(former.handled)))
        answer = await self.expect(lambda e: e.namespace == ns.SM)
        if answer.name == "resumed":
            self.counting, self.handled = True, former.handled
            self.token, self.jid = former.token, former.jid
        return answer

    async def carbons(self) -> None:
        await self.iq("set", Element("enable", ns.CARBONS))

    async def archive(
        self, *, peer: str | None = None, start: str | None = None, end: str | None = None,
        after: str | None = None, before: str | None = None, limit: int | None = None,
    ) -> tuple[list[Element], Element]:
        """A page of the archive: the results, and the <fin/> (or the error's iq)."""
        filters = {"FORM_TYPE": ns.MAM, "with": peer, "start": start, "end": end}
        fields = [
            Element("field", ns.DATA_FORMS, Element("value", ns.DATA_FORMS, value), var=name)
            for name, value in filters.items() if value is not None
        ]
        paging = {"max": None if limit is None else str(limit), "after": after, "before": before}
        steps = [Element(name, ns.RSM, value) for name, value in paging.items() if value is not None]
        answer = await self.iq("set", Element(
            "query", ns.MAM, Element("x", ns.DATA_FORMS, *fields, type="submit"),
            Element("set", ns.RSM, *steps), queryid="q",
        ))
        results = [e for e in self.inbox if e.child("result", ns.MAM)]
        self.inbox = [e for e in self.inbox if not e.child("result", ns.MAM)]
        return [e.child("result", ns.MAM) for e in results], answer.child("fin", ns.MAM) or answer

    def cut(self) -> None:
        """The cable is pulled: no goodbye."""
        self.websocket._stream.socket.close()

    async def close(self) -> None:
        await self.send(Element("close", ns.FRAMING))


def archived(result: Element) -> Element:
    """The message inside a result of the archive."""
    return result.find(("forwarded", ns.FORWARD), ("message", ns.CLIENT))


def condition(stanza: Element) -> str:
    """Why a stanza or stream failed."""
    error = stanza if stanza.is_("error", ns.STREAMS) else stanza.child("error", ns.CLIENT)
    return error.children[0].name


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


@asynccontextmanager
async def connected(endpoint: str) -> AsyncIterator[Client]:
    """A client with a socket and no stream yet."""
    failure = None
    async with trio.open_nursery() as nursery:
        with trio.fail_after(PATIENCE):
            websocket = await connect_websocket_url(
                nursery, endpoint, subprotocols=["xmpp"], message_queue_size=100,
            )
        try:
            yield Client(websocket)
        except Exception as error:  # raised again outside of the nursery, which would wrap it
            failure = error
        finally:
            websocket._stream.socket.close()
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


@asynccontextmanager
async def signed_in(
    endpoint: str, name: str, resource: str = "", *, password: str = "secret", present: bool = True,
    manage: bool = False,
) -> AsyncIterator[Client]:
    """A client with a bound resource, as most tests need it."""
    async with connected(endpoint) as client:
        await client.login(name, password)
        await client.bind(resource)
        if manage:
            await client.enable()
        if present:
            await client.presence()
            await client.expect(named("presence"))
        yield client
