"""All that is said in one account's session: stanzas out, stanzas in, and who waits for what."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from tulou_contracts.transport import (
    ArchivePage, Contact, ContactChanged, Incoming, IncomingRefusal, NotAccepted, NotConnected,
    Outgoing, Refused, TransportError, UnknownArchiveId,
)

from tulou_xmpp.config import Config
from tulou_xmpp.inflow import Inflow
from tulou_xmpp.requests import Requests
from tulou_xmpp.session import Login, NotReady, Session, TooLarge, events
from tulou_xmpp.stanzas.answers import answer, result
from tulou_xmpp.stanzas.archive import ArchiveAnswer, archive_query, result_of
from tulou_xmpp.stanzas.errors import condition_of, reason_of
from tulou_xmpp.stanzas.messages import Own, decode_message, encode_message
from tulou_xmpp.stanzas.payload import fits
from tulou_xmpp.stanzas.roster import Roster
from tulou_xmpp.stanzas.signals import received
from tulou_xmpp.submission import PendingSubmission
from tulou_xmpp.wire import JID, Element
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.errors import BadJID

MAX_PAGE = 500
"""Messages of the archive in one answer."""


class Line(Protocol):
    """What the exchange needs of the connection."""

    @property
    def ready(self) -> bool:
        """Whether stanzas can be sent."""

    def wake(self) -> None:
        """There may be something to write."""

    def settle(self) -> None:
        """What the connection is for has begun."""

    def give_up(self, reason: str) -> None:
        """End the connection."""


class Exchange:
    """The stanzas of one account; lives through connections, as its `session` does."""

    def __init__(
        self, login: Login, config: Config, inflow: Inflow, *,
        publish: Callable[[object], None],
        now: Callable[[], int],
        on_ready: Callable[[bool], None],
        prefix: str,
        log: logging.Logger,
    ) -> None:
        self.session = Session(login, config.max_stanza)
        self.line: Line | None = None
        self.refusal: events.PasswordRefused | None = None
        """Why the server did not let us in, the last time it did not."""
        self._config = config
        self._inflow = inflow
        self._publish = publish
        self._now = now
        self._on_ready = on_ready
        self._prefix = prefix
        self._log = log
        self._own = Own.of(login.address)
        self._roster = Roster(self._own)
        self._requests = Requests(self.send, prefix)
        self._archives: dict[str, ArchiveAnswer] = {}
        self._queries = 0
        self._pending: dict[str, PendingSubmission] = {}

    # ---- out ----

    def send(self, stanza: Element, tag: object = None) -> None:
        """Send a stanza. Raises `NotConnected`, `Refused` when it is too large."""
        line = self._ready_line()
        try:
            self.session.send(stanza, tag)
        except NotReady:
            raise NotConnected("there is no connection with the server now") from None
        except TooLarge as error:
            raise Refused(f"it is too large for the server: {error}") from None
        line.wake()

    def submit(self, message: Outgoing) -> PendingSubmission:
        """Send a message. Raises `NotConnected`."""
        self._ready_line()
        submission = PendingSubmission(message.id)
        wrong = fits(message.kind, message.data)
        try:
            if wrong:
                raise Refused(f"the message cannot be sent: {wrong}")
            self.send(encode_message(message), submission)
            self._pending[message.id] = submission
        except BadJID as error:
            submission.fail(Refused(f"the message cannot be sent: {error}"))
        except Refused as error:
            submission.fail(error)
        return submission

    async def archive(
        self, conversation: str | None, after: str | None, before: str | None, limit: int
    ) -> ArchivePage:
        """A page of the archive. Raises `TransportError`, `NotConnected`."""
        self._ready_line()
        self._queries += 1
        query_id = f"{self._prefix}-archive-{self._queries}"
        try:
            query = archive_query(query_id, conversation=conversation, after=after, before=before,
                                  limit=max(1, min(limit, MAX_PAGE)))
        except BadJID as error:
            raise TransportError(f"the archive cannot be asked: {error}") from None
        collected = self._archives[query_id] = ArchiveAnswer(query_id, self._own)
        try:
            reply = await self._requests.ask("set", query, self._config.request_timeout)
        finally:
            del self._archives[query_id]
        if condition_of(reply) == "item-not-found" and (after or before):
            raise UnknownArchiveId(f"the server's archive has no such message: {reason_of(reply)}")
        if reply.get("type") != "result":
            raise TransportError(f"the server's archive does not answer: {reason_of(reply)}")
        return collected.finish(reply)

    def contacts(self) -> list[Contact]:
        """The contact list as it is known now."""
        return self._roster.contacts()

    async def add_contact(self, address: str, name: str) -> None:
        """Put somebody on the list and ask to see their presence. Raises `NotConnected`, `Refused`."""
        self._ready_line()
        try:
            contact = JID.parse(address).bare
        except BadJID as error:
            raise Refused(str(error)) from None
        item = Element("item", ns.ROSTER, jid=contact, name=name or None)
        query = Element("query", ns.ROSTER, item)
        reply = await self._requests.ask("set", query, self._config.request_timeout)
        if reply.get("type") != "result":
            raise Refused(f"{contact} cannot be added: {reason_of(reply)}")
        for change in self._roster.added(contact, name):
            self._publish(change)
        self.send(Element("presence", ns.CLIENT, to=contact, type="subscribe"))
        if contact in self._roster.requests:
            self._roster.requests.discard(contact)
            self.send(Element("presence", ns.CLIENT, to=contact, type="subscribed"))

    async def ask(self, kind: str, content: Element, timeout: float, to: str) -> Element:
        """An iq and its answer. Raises `NotConnected`, `Refused`, `TransportError`."""
        self._ready_line()
        return await self._requests.ask(kind, content, timeout, to)

    def handled(self, count: int, epoch: int) -> None:
        """So many received stanzas are safe."""
        self.session.handled(count, epoch)
        if self.line is not None:
            self.line.wake()

    def drop(self, reason: str) -> None:
        """The account is not ours any more, or the app ends: nobody waits any longer."""
        self.on_events(self.session.abandon())
        for submission in list(self._pending.values()):
            self._fail(submission, NotAccepted(reason))

    def forget_contacts(self) -> None:
        """Tell everybody that the contacts are gone."""
        for contact in self._roster.contacts():
            self._publish(ContactChanged(contact=contact, removed=True))

    def _ready_line(self) -> Line:
        if self.line is None or not self.line.ready:
            raise NotConnected("there is no connection with the server now")
        return self.line

    # ---- what the session says ----

    def on_events(self, happened: Sequence[events.Event]) -> None:
        """Act on what the session made of the server's words."""
        for event in happened:
            match event:
                case events.Received():
                    self._inflow.put(self._receive(event.stanza), event.epoch)
                case events.Taken():
                    self._take(event.tags)
                case events.Ready():
                    self._ready(event)
                case events.Lost():
                    self._lost(event.tags)
                case events.Poisonous():
                    self._fail(event.tag, Refused(f"the server does not take the message: {event.reason}"))
                case events.PasswordRefused():
                    self.refusal = event
                    if self.line is not None:
                        self.line.give_up(event.reason)

    def _ready(self, event: events.Ready) -> None:
        if self.line is not None:
            self.line.settle()
        if not event.resumed:
            for change in self._roster.forget_presence():
                self._publish(change)
            self._requests.send("get", self._roster.query(), self._on_roster)
            self._requests.send("set", Element("enable", ns.CARBONS), self._on_carbons)
            self.send(Element("presence", ns.CLIENT))
        self._on_ready(event.resumed)

    def _on_roster(self, iq: Element | None) -> None:
        if iq is not None and iq.get("type") == "result":
            for change in self._roster.replace(iq):
                self._publish(change)

    def _on_carbons(self, iq: Element | None) -> None:
        if iq is not None and iq.get("type") != "result":
            self._log.info("the server does not copy messages of our other devices: %s", reason_of(iq))

    def _take(self, tags: Sequence[object]) -> None:
        for tag in tags:
            if isinstance(tag, PendingSubmission):
                tag.take()
                self._forget(tag)

    def _lost(self, tags: Sequence[object]) -> None:
        self._requests.fail_all()
        for tag in tags:
            self._fail(tag, NotAccepted(
                "the session was lost before the server said that it has the message"
            ))

    def _fail(self, tag: object, error: TransportError) -> None:
        if isinstance(tag, PendingSubmission):
            tag.fail(error)
            self._forget(tag)

    def _forget(self, submission: PendingSubmission) -> None:
        if self._pending.get(submission.message_id) is submission:
            del self._pending[submission.message_id]

    # ---- in ----

    def _receive(self, stanza: Element) -> Sequence[Incoming]:
        """What a stanza holds for the inbox; the rest is dealt with here."""
        try:
            if stanza.name == "message":
                return self._on_message(stanza)
            if stanza.name == "presence":
                self._on_presence(stanza)
            else:
                self._on_iq(stanza)
        except TransportError:
            pass    # our answer has no way to go; whoever asked will ask again
        return ()

    def _on_message(self, stanza: Element) -> Sequence[Incoming]:
        archived = result_of(stanza, self._own)
        if archived is not None:
            collecting = self._archives.get(archived.get("queryid"))
            if collecting is not None:
                collecting.add(archived)
            return ()
        signal = received(stanza)
        if signal is not None:
            self._publish(signal)
            return ()
        items = decode_message(stanza, self._own, self._now())
        for item in items:
            if isinstance(item, IncomingRefusal) and item.message_id in self._pending:
                self._fail(self._pending[item.message_id], Refused(item.reason))
        return items

    def _on_presence(self, stanza: Element) -> None:
        if stanza.get("type") in ("subscribe", "subscribed", "unsubscribe", "unsubscribed"):
            for reply in self._roster.subscription(stanza, self._config.accept_contact_requests):
                self.send(reply)
            return
        for change in self._roster.presence(stanza):
            self._publish(change)

    def _on_iq(self, iq: Element) -> None:
        if iq.get("type") in ("result", "error"):
            self._requests.answer(iq, self._own, str(self.session.address))
            return
        if iq.get("type") == "set" and iq.child("query", ns.ROSTER) and self._own.speaks(iq.get("from")):
            for change in self._roster.push(iq):
                self._publish(change)
            self.send(result(iq))
            return
        reply = answer(iq)
        if reply is not None:
            self.send(reply)
