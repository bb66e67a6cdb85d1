"""Hands messages to sessions, live or from the database, each stored one to each session once.

A session that becomes available first catches up: it reads what is pending page by page, as fast as
it takes it, while newer messages only note that there is more. When nothing is left it is live.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tulou_contracts.storage import Database, StorageError
from tulou_server import stanzas
from tulou_server.archive import Copy, Entry, pending
from tulou_server.delivery import (
    Otherwise, carbon, clean, is_stored, plan, wants_carbons, with_stanza_id, without_private,
)
from tulou_server.directory import Directory
from tulou_server.mailroom import Letter, Mailroom
from tulou_server.session import Mail, Session
from tulou_xmpp.wire import JID, Element, serialise
from tulou_xmpp.wire import namespaces as ns
from tulou_xmpp.wire.stamps import format_stamp

_END = "</message>"


class Courier:
    """Delivery for one domain."""

    def __init__(
        self, domain: str, directory: Directory, database: Database, now: Callable[[], int],
        spawn: Callable[..., Any], log: logging.Logger,
    ) -> None:
        self._domain = domain
        self._directory = directory
        self._database = database
        self._spawn = spawn
        self._log = log
        self.mailroom = Mailroom(database, now, self.deliver, self.reject, log)

    def letter(self, sender: Session, message: Element, to: JID) -> Letter:
        """A message of a client, ready for the mailroom."""
        clean(message, self._domain)
        letter = Letter(message, sender, to)
        if is_stored(message):
            letter.text = serialise(without_private(message))
            letter.copies = self._copies(sender.account, to.local, letter.text)
        return letter

    def _copies(self, sender: str, receiver: str, text: str) -> list[Copy]:
        theirs = Copy(owner=receiver, peer=sender, stanza=text, pending=True)
        if sender == receiver:
            return [theirs]
        return [theirs, Copy(owner=sender, peer=receiver, stanza=text, pending=False)]

    # Live

    def deliver(self, letter: Letter) -> None:
        """Hand a committed message to everybody who is to get it now."""
        seq = 0
        if letter.copies:
            entry = letter.entries[0]
            if entry is None:  # the account was removed just now
                self.refuse(letter.sender, letter.message, "service-unavailable")
                return
            seq = entry.seq
        sessions = self._directory.sessions(letter.to.local)
        message = without_private(letter.message)
        planned = plan(letter.message, letter.to.resource, sessions)
        bare = letter.to.bare
        text = with_marks(letter.text, bare, seq) if seq else serialise(message)
        for session in planned.direct:
            if letter.to.resource == session.resource:
                self._hand(session, text, seq)
            else:
                self._hand_by_mail(session, text, seq)
        marked = with_stanza_id(message, bare, seq) if seq else message
        for session in planned.carbons:
            if session is not letter.sender:
                self._hand(session, serialise(carbon(marked, "received", bare, session.address)), seq)
        if not planned.direct and planned.otherwise is Otherwise.REFUSE:
            self.refuse(letter.sender, letter.message, "service-unavailable")
        self._tell_other_devices(letter, message)

    def _tell_other_devices(self, letter: Letter, message: Element) -> None:
        sender = letter.sender
        if sender.account == letter.to.local or not wants_carbons(letter.message):
            return
        bare = sender.jid.bare
        entry = letter.entries[1] if len(letter.entries) > 1 else None
        if entry is not None:
            message = with_stanza_id(message, bare, entry.seq)
        for session in self._directory.sessions(sender.account):
            if session.carbons and session is not sender:
                session.send(carbon(message, "sent", bare, session.address))

    def reject(self, letter: Letter, problem: str) -> None:
        """Tell the sender that a message could not be stored, so was not sent."""
        self.refuse(letter.sender, letter.message, "resource-constraint", problem)

    def refuse(self, session: Session, stanza: Element, condition: str, text: str = "") -> None:
        """Answer a stanza with an error, if it may be answered."""
        if stanzas.may_be_answered(stanza):
            session.send(stanzas.error(stanza, condition, text))

    def _hand(self, session: Session, text: str, seq: int) -> None:
        if seq:
            if seq in session.carrying:
                return
            session.carrying.add(seq)
        session.send_text(text, seq)

    def _hand_by_mail(self, session: Session, text: str, seq: int) -> None:
        if seq and session.mail is Mail.CATCHING_UP:
            if seq > session.fed or seq in session.passed:
                session.missed.append(seq)
            return
        if seq and session.mail is Mail.LIVE:
            if seq <= session.fed:
                return
            session.fed = seq
        self._hand(session, text, seq)

    # Taken or not

    def took(self, session: Session, seqs: Iterable[int]) -> None:
        """The session's client has certainly got these."""
        for seq in seqs:
            if seq in session.carrying:
                session.carrying.discard(seq)
                self.mailroom.taken(session.account, seq)

    def give_back(self, session: Session) -> None:
        """A session is over: what it carried goes to the account's others, or stays pending."""
        session.outbox.drain()
        session.mail = Mail.NONE
        carried, session.carrying = session.carrying, set()
        if carried:
            for other in session.online.sessions.values():
                if other.mail is not Mail.NONE and other is not session:
                    self.catch_up(other, min(min(carried) - 1, other.fed))

    # From the database

    def catch_up(self, session: Session, after: int = 0) -> None:
        """Give the session what is pending beyond a number, then make it live."""
        session.mail = Mail.CATCHING_UP
        session.catch_up_round += 1
        session.fed = after
        self._spawn(self._catch_up, session, session.catch_up_round)

    async def _catch_up(self, session: Session, number: int) -> None:
        size = session.outbox.limit // 4

        def goes_on() -> bool:
            mine = session.catch_up_round == number and session.mail is Mail.CATCHING_UP
            return mine and not session.ended

        try:
            while goes_on():
                if session.link is None or session.outbox.loaded:
                    await session.outbox.progress.wait()
                    continue
                with self.mailroom.looking():
                    fed, missed = session.fed, sorted(session.missed)
                    page = await self._database.read(
                        lambda reader: pending(reader, session.account, fed, size, missed)
                    )
                    if not goes_on():
                        return
                    self._feed(session, page)
                if not page and session.missed == missed:
                    session.missed.clear()  # left are those of an archive that is no more
                    session.passed.clear()
                    session.mail = Mail.LIVE
        except StorageError as error:
            # nothing is lost: it stays pending until the next session
            self._log.error("offline messages of %s cannot be read: %s", session.account, error)

    def _feed(self, session: Session, page: Sequence[Entry]) -> None:
        others = [s for s in session.online.sessions.values() if s is not session and s.link is not None]
        missed = set(session.missed)
        for entry in page:
            session.fed = max(session.fed, entry.seq)
            held = any(entry.seq in other.carrying for other in others)
            if not held and not self.mailroom.is_taken(session.account, entry.seq) or entry.seq in missed:
                missed.discard(entry.seq)
                text = with_marks(entry.stanza, session.jid.bare, entry.seq, self._delay(entry.at))
                self._hand(session, text, entry.seq)
            else:
                session.passed.add(entry.seq)
        session.missed = sorted(missed)

    def _delay(self, at: int) -> str:
        return serialise(Element("delay", ns.DELAY, from_=self._domain, stamp=format_stamp(at)))


def with_marks(stanza: str, by: str, seq: int, more: str = "") -> str:
    """A stored stanza with its archive number (XEP-0359), and whatever else, as last children."""
    mark = serialise(Element("stanza-id", ns.STANZA_IDS, by=by, id=str(seq)))
    return f"{stanza.removesuffix(_END)}{mark}{more}{_END}"
