"""A server in memory: accounts, their archives, and what waits for them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

import trio

from tulou_contracts.transport import (
    ArchivePage,
    Incoming,
    IncomingMessage,
    IncomingReceipt,
    Outgoing,
    ReceiptKind,
    Refused,
    UnknownArchiveId,
)

_ADDRESS = re.compile(r"[^@/\s\x00-\x1f]+@[^@/\s\x00-\x1f]+")
_UNCARRIED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 has no way to write, so that no XMPP server passes it on."""


def check_address(address: str) -> None:
    """Raises `Refused` for what is not name@domain."""
    if not _ADDRESS.fullmatch(address):
        raise Refused(f"{address!r} is no address; one looks like name@example.org")


class Session(Protocol):
    """A device of an account that is online."""

    address: str

    def arrive(self, item: Incoming) -> None:
        """Something for this device reached it."""


@dataclass
class _Account:
    archive: list[IncomingMessage] = field(default_factory=list)
    offline: list[Incoming] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)


class FakeServer:
    """Accounts with an archive each; `refuse` may name a reason to turn a message down."""

    def __init__(
        self, now: Callable[[], int] | None = None, *, keeps_offline: bool = True, max_message: int = 250_000
    ) -> None:
        self._accounts: dict[str, _Account] = {}
        self._ids = itertools.count(1)
        self._now = now or (lambda: int(trio.current_time() * 1e6) + 1_700_000_000_000_000)
        self._keeps_offline = keeps_offline
        self._max_message = max_message
        self.taken: list[tuple[str, Outgoing]] = []
        """Every message the server took, with its sender, resent ones again."""
        self.receipts: list[tuple[str, str, str, ReceiptKind]] = []
        """(from, to, message id, kind) of every receipt."""
        self.refuse: Callable[[Outgoing], str | None] = lambda message: None

    def account(self, address: str) -> _Account:
        """An account's state, made when asked for first."""
        return self._accounts.setdefault(address, _Account())

    def now(self) -> int:
        """The server's clock, microseconds since 1970."""
        return self._now()

    def take(self, sender: str, message: Outgoing, session: Session | None = None) -> None:
        """Archive a message for both sides and deliver it. Raises `Refused`."""
        check_address(message.to)
        size = sum(len(text.encode("utf-8", "replace")) for text in (message.body, *message.data.values()))
        if size > self._max_message:
            raise Refused(f"the message has {size:,} bytes; the server takes {self._max_message:,} at most")
        reason = self.refuse(message)
        if reason is not None:
            raise Refused(reason)
        self.taken.append((sender, message))
        copy = self._archive(sender, message, sender, message.to, outgoing=True)
        for other in self.account(sender).sessions:
            if other is not session:
                other.arrive(copy)
        if message.to != sender:
            self.deliver(message.to, self._archive(sender, message, message.to, sender, outgoing=False))

    def _archive(
        self, sender: str, message: Outgoing, owner: str, conversation: str, *, outgoing: bool
    ) -> IncomingMessage:
        copy = IncomingMessage(
            id=message.id, archive_id=f"archive-{next(self._ids)}", conversation=conversation,
            sender=sender, body=_UNCARRIED.sub("\N{REPLACEMENT CHARACTER}", message.body),
            kind=message.kind, data=message.data, at=self._now(), outgoing=outgoing,
        )
        self.account(owner).archive.append(replace(copy, live=False))
        return copy

    def deliver(self, address: str, item: Incoming) -> None:
        """Hand something to every session of an account, or keep it when there is none."""
        account = self.account(address)
        for session in account.sessions:
            session.arrive(item)
        if not account.sessions and self._keeps_offline and isinstance(item, IncomingMessage):
            account.offline.append(item)

    def receipt(self, session: Session, to: str, message_id: str, kind: ReceiptKind) -> None:
        """Pass a receipt on, and tell the sender's other devices."""
        self.receipts.append((session.address, to, message_id, kind))
        self.deliver(
            to, IncomingReceipt(kind=kind, message_id=message_id, conversation=session.address)
        )
        for other in self.account(session.address).sessions:
            if other is not session:
                other.arrive(
                    IncomingReceipt(kind=kind, message_id=message_id, conversation=to, own=True)
                )

    def page(
        self, address: str, conversation: str | None, after: str | None, before: str | None, limit: int
    ) -> ArchivePage:
        """See `Transport.archive`."""
        held = [
            message for message in self.account(address).archive
            if conversation is None or message.conversation == conversation
        ]
        ids = [message.archive_id for message in held]
        for mark in (after, before):
            if mark and mark not in ids:
                raise UnknownArchiveId(f"the archive knows no {mark!r}")
        if before is not None:
            end = ids.index(before) if before else len(held)
            start = max(0, end - limit)
            found, complete = held[start:end], start == 0
        else:
            start = ids.index(after) + 1 if after else 0
            found, complete = held[start:start + limit], start + limit >= len(held)
        return ArchivePage(
            messages=found, first=found[0].archive_id if found else None,
            last=found[-1].archive_id if found else None, complete=complete,
        )
