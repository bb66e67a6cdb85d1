"""One domain: its accounts, its sessions, and where a stanza goes."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from tulou_contracts.identity import AddressInvalid
from tulou_contracts.storage import Database, StorageError, Transaction
from tulou_server import rosters, stanzas
from tulou_server.accounts import Accounts
from tulou_server.courier import Courier
from tulou_server.directory import Directory
from tulou_server.handlers import disco, mam, register, roster, signals, small, vcard
from tulou_server.handlers.request import Request, Scope, Table
from tulou_server.mailroom import Letter
from tulou_server.outbox import Entry, Outbox
from tulou_server.presences import Presences
from tulou_server.session import Link, Session
from tulou_server.signals import Desk
from tulou_server.stream import Rules
from tulou_xmpp.wire import JID, Element, WireError, serialise
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.acks import Inbound

_HANDLERS: Table = {
    **small.TABLE, **disco.TABLE, **roster.TABLE, **vcard.TABLE, **register.TABLE, **mam.TABLE,
    **signals.TABLE,
}

MAX_SESSIONS = 50
"""Sessions of one account, hibernating ones too; one more replaces the oldest."""


class Domain:
    """What all connections share. Methods that are not async do not let anybody else run."""

    def __init__(
        self, rules: Rules, database: Database, accounts: Accounts, *,
        hibernation: float, queue_limit: int, now: Callable[[], int], spawn: Callable[..., Any],
        log: logging.Logger,
    ) -> None:
        self.name = rules.domain
        self.rules = rules
        self.database = database
        self.accounts = accounts
        self.queue_limit = queue_limit
        self.now = now
        self.directory = Directory()
        self.courier = Courier(rules.domain, self.directory, database, now, spawn, log)
        self.presences = Presences(rules.domain, self.directory, database, self.courier)
        self.desk = Desk(log)
        self.log = log
        self._hibernation_time = hibernation
        self._spawn = spawn

    # Sessions

    async def bind(self, name: str, resource: str, link: Link, outbox: Outbox) -> Session | None:
        """A new session; one that has the resource already is replaced. None: no such account."""
        online = self.directory.ensure(name)
        online.binding += 1
        try:
            if not await self.accounts.exists(name):
                return None
            online.learn(await self.database.read(lambda reader: rosters.load(reader, name)))
            resource = resource or secrets.token_urlsafe(9)
            former = online.sessions.get(resource)
            if former is not None:
                self._replace(former, "another device signed in with the same resource")
            elif len(online.sessions) >= MAX_SESSIONS:
                asleep = [each for each in online.sessions.values() if each.link is None]
                self._replace((asleep or [*online.sessions.values()])[0], "too many devices are signed in")
            session = Session(online, JID(name, self.name, resource), outbox, link)
            self.directory.add(session)
            return session
        finally:
            online.binding -= 1
            self.directory.tidy(online)

    def _replace(self, session: Session, why: str) -> None:
        link = session.link
        self.end(session)
        if link is not None:
            link.end_stream("conflict", why)

    def enable(self, session: Session, resumable: bool) -> None:
        """Stream management begins, and both sides count from nought."""
        session.inbound = Inbound()
        enabled = Element("enabled", ns.SM)
        if resumable and self._hibernation_time > 0:
            self.directory.make_resumable(session)
            enabled.attributes = {
                "id": session.token, "resume": "true", "max": str(round(self._hibernation_time)),
            }
        session.send_nonza(enabled, enables=True)

    async def resume(self, name: str, token: str, h: int, link: Link) -> Session | None:
        """Move a session to another connection; None when there is none to resume.

        Raises `WireError` for an `h` that cannot be.
        """
        session = self.directory.find(name, token)
        if session is None:
            return None
        if session.link is not None:
            former = session.link
            former.drop("its session was resumed elsewhere")
            await former.finished.wait()
        async with session.lock:  # what was read before the connection was lost is still being handled
            if session.ended or session.link is not None:
                return None
            taken = session.outbox.acknowledge(h)
            self.courier.took(session, [entry.seq for entry in taken])
            session.outbox.rewind()
            resumed = Element("resumed", ns.SM, h=str(session.inbound.h), previd=token)
            session.outbox.prepend([Entry(serialise(resumed), counted=False)])
            session.link = link
            session.wake.set()
            session.outbox.progress.set()
            return session

    def acknowledge(self, session: Session, h: int) -> None:
        """The client has got what `h` counts. Raises `WireError`."""
        entries = session.outbox.acknowledge(h)
        self.courier.took(session, [entry.seq for entry in entries if entry.seq])

    def lose(self, session: Session) -> None:
        """The connection of a session is gone."""
        session.link = None
        if session.ended:
            return
        if not (session.token and session.outbox.managed):
            self.end(session)
            return
        session.wake = trio.Event()
        self._spawn(self._hibernate, session, session.wake)

    async def _hibernate(self, session: Session, wake: trio.Event) -> None:
        with trio.move_on_after(self._hibernation_time):
            await wake.wait()
        if session.wake is wake and session.link is None:
            self.end(session)

    def end(self, session: Session) -> None:
        """The session is over: others are told, and what it still carried goes back."""
        if session.ended:
            return
        session.ended = True
        session.link = None
        self.presences.withdraw(session)
        self.directory.remove(session)
        self.courier.give_back(session)
        session.wake.set()
        session.outbox.progress.set()

    # Stanzas

    async def letter(self, session: Session, message: Element, to: JID | None) -> Letter | None:
        """A message, ready for the mailroom; None when it was refused (and answered)."""
        target = to or JID(session.jid.local, self.name)
        problem = await self._unreachable(target)
        if problem:
            self.courier.refuse(session, message, *problem)
            return None
        if to is None:
            message.attributes["to"] = str(target)
        return self.courier.letter(session, message, target)

    async def _unreachable(self, to: JID) -> tuple[str, str] | None:
        if to.domain != self.name:
            return "remote-server-not-found", f"{to.domain} is elsewhere, and only {self.name} is here"
        if not to.local:
            return "service-unavailable", "the server itself reads no messages"
        if not await self.accounts.exists(to.local):
            return "service-unavailable", f"nobody is called {to.bare}"
        return None

    async def handle(self, session: Session, stanza: Element, to: JID | None) -> None:
        """A presence or iq stanza."""
        try:
            if stanza.name == "presence":
                await self.presences.handle(session, stanza, to)
            else:
                await self._iq(session, stanza, to)
        except StorageError as error:
            self.log.error("a request of %s failed: %s", session.account, error)
            self.courier.refuse(session, stanza, "internal-server-error", str(error))
        except (trio.Cancelled, KeyboardInterrupt, WireError):
            raise
        except Exception:
            self.log.exception("a request of %s failed", session.account)
            self.courier.refuse(session, stanza, "internal-server-error")

    async def _iq(self, session: Session, iq: Element, to: JID | None) -> None:
        if to is not None and to.domain != self.name:
            self.courier.refuse(session, iq, "remote-server-not-found", f"{to.domain} is elsewhere")
        elif to is not None and to.local and to.resource:
            self._forward(session, iq, to)
        elif iq.get("type") in ("get", "set"):
            answer = await self._answer(session, iq, to)
            if answer is not None:
                session.send(answer)

    def aside(self, work: Callable[[Request], Awaitable[None]], request: Request) -> None:
        """Deal with a request without holding up what comes after it."""
        self._spawn(work, request)

    def _forward(self, session: Session, iq: Element, to: JID) -> None:
        online = self.directory.online(to.local)
        target = online.sessions.get(to.resource) if online is not None else None
        if target is not None:
            target.send(iq)
        else:
            self.courier.refuse(session, iq, "service-unavailable")

    async def _answer(self, session: Session, iq: Element, to: JID | None) -> Element | None:
        scope, account = Scope.SELF, session.account
        if to is not None and not to.local:
            scope, account = Scope.SERVER, ""
        elif to is not None and to.local != session.account:
            scope, account = Scope.CONTACT, to.local
        payload = iq.children[0]
        handler = _HANDLERS.get((scope, payload.name, payload.namespace))
        if handler is None:
            return stanzas.error(iq, "service-unavailable")
        return await handler(Request(self, session, iq, payload, account))

    # Accounts

    async def delete_account(self, name: str) -> None:
        """Remove an account: its contacts lose it, its sessions end."""

        def leave(transaction: Transaction) -> rosters.Outcome:
            changed: list[tuple[str, rosters.Item]] = []
            steps: list[rosters.Step] = []
            for item in rosters.load(transaction, name):
                for kind in ("unsubscribe", "unsubscribed"):
                    outcome = rosters.exchange(transaction, name, item.contact, kind)
                    changed += outcome.changed
                    steps += outcome.steps
            return rosters.Outcome(changed, steps)

        outcome = await self.database.write(leave)
        await self.accounts.delete(name)
        self.presences.apply(outcome)
        for session in self.directory.sessions(name):
            link = session.link
            self.end(session)
            if link is not None:
                link.end_stream("not-authorized", "the account was removed")

    async def befriend(self, one: str, other: str) -> None:
        """Put two accounts on each other's contact list. Raises `AddressInvalid`."""
        one, other = self.accounts.normalise(one), self.accounts.normalise(other)
        if one == other:
            raise AddressInvalid(f"{self.presences.bare(one)} cannot be a contact of itself")
        names = [vcard.display_name(await self._stored_vcard(name)) for name in (one, other)]

        def work(transaction: Transaction) -> rosters.Outcome:
            return rosters.befriend(transaction, one, other, (names[0], names[1]))

        self.presences.apply(await self.database.write(work))
        self.presences.reveal_friends(one, other)

    async def _stored_vcard(self, name: str) -> str:
        stored = await self.accounts.vcard(name)
        if stored is None:
            raise AddressInvalid(f"nobody is called {self.presences.bare(name)}: create the account first")
        return stored
