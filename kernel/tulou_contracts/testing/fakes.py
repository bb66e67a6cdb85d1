"""A server in memory and transports to it, with every fault a real wire has.

    server = FakeServer()
    lin = FakeTransport(server, "lin@example.org", publish=events.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lin.run)
        lin.connect()

The server never drops what it has taken: what a session did not acknowledge is delivered again at
the next one, also as a duplicate, as servers with offline storage and an archive (XEP-0313) do. It
does not know that two messages of one id are the same: that is the reader's part.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

import trio

from tulou.errors import TulouError
from tulou.flow import Signal
from tulou_contracts.transport import (
    ArchivePage,
    ConnectionChanged,
    ConnectionState,
    Contact,
    ContactChanged,
    Inbox,
    Incoming,
    IncomingMessage,
    IncomingReceipt,
    NotAccepted,
    NotConnected,
    Outgoing,
    ReceiptKind,
    Refused,
    TransportError,
    UnknownArchiveId,
)


class Fate(Enum):
    """What becomes of one thing on the wire."""

    FINE = auto()
    LOST = auto()
    """The connection breaks before it arrives."""
    UNACKNOWLEDGED = auto()
    """It arrives, and the connection breaks before the acknowledgement does."""
    TWICE = auto()
    BREAK_AFTER = auto()
    """It arrives, is acknowledged, then the connection breaks."""


@dataclass
class Faults:
    """How often which fate strikes; seeded, so that a run can be repeated."""

    rng: random.Random = field(default_factory=lambda: random.Random(0))
    lost: float = 0.0
    unacknowledged: float = 0.0
    twice: float = 0.0
    break_after: float = 0.0
    latency: float = 0.0
    """Longest delay of a message in either direction, seconds."""

    def fate(self) -> Fate:
        """Draw one."""
        roll = self.rng.random()
        for share, fate in (
            (self.lost, Fate.LOST), (self.unacknowledged, Fate.UNACKNOWLEDGED),
            (self.twice, Fate.TWICE), (self.break_after, Fate.BREAK_AFTER),
        ):
            if roll < share:
                return fate
            roll -= share
        return Fate.FINE


@dataclass
class _Account:
    archive: list[IncomingMessage] = field(default_factory=list)
    offline: list[Incoming] = field(default_factory=list)
    sessions: list[FakeTransport] = field(default_factory=list)


class FakeServer:
    """Accounts with an archive each; `refuse` may name a reason to turn a message down."""

    def __init__(self, now: Callable[[], int] | None = None, *, keeps_offline: bool = True) -> None:
        self._accounts: dict[str, _Account] = {}
        self._ids = itertools.count(1)
        self._now = now or (lambda: int(trio.current_time() * 1e6) + 1_700_000_000_000_000)
        self._keeps_offline = keeps_offline
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

    def take(self, sender: str, message: Outgoing, session: FakeTransport | None = None) -> None:
        """Archive a message for both sides and deliver it. Raises `Refused`."""
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
            sender=sender, body=message.body, kind=message.kind, data=message.data, at=self._now(),
            outgoing=outgoing,
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

    def receipt(self, session: FakeTransport, to: str, message_id: str, kind: ReceiptKind) -> None:
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


class FakeSubmission:
    """A `Submission` whose outcome the wire decides."""

    def __init__(self, message: Outgoing) -> None:
        self.message = message
        self._landed = trio.Event()
        self._error: TransportError | None = None

    def land(self, error: TransportError | None = None) -> None:
        """The outcome is known; the first one counts."""
        if not self._landed.is_set():
            self._error = error
            self._landed.set()

    async def accepted(self) -> None:
        """See `Submission`."""
        await self._landed.wait()
        if self._error is not None:
            raise self._error


class FakeTransport:
    """A `Transport` of one device. Its wire works while `run` runs; tests connect and disconnect it."""

    def __init__(
        self, server: FakeServer, address: str, *, publish: Callable[[object], object] | None = None,
        faults: Faults | None = None, reconnect_after: float | None = None,
    ) -> None:
        self.server = server
        self.address = address
        self.faults = faults or Faults()
        self.hold = False
        """While true, what is submitted stays on the wire."""
        self.contact_list: list[Contact] = []
        self._publish = publish or (lambda event: None)
        self._reconnect_after = reconnect_after
        self._state = ConnectionChanged(state=ConnectionState.OFFLINE)
        self._inbox: Inbox | None = None
        self._wire: list[FakeSubmission] = []
        self._arrived: list[Incoming] = []
        self._signal = trio.Event()
        self._lost = Signal()

    # -- what tests do -----------------------------------------------------------------------

    def connect(self, *, resumed: bool = False) -> None:
        """Be online, in a new session or (after `disconnect(resumable=True)`) in the former one."""
        if self._online:
            return
        account = self.server.account(self.address)
        if not resumed:
            self._break_session()
            account.sessions.append(self)
            self._arrived, account.offline = account.offline, []
        self._change(ConnectionChanged(state=ConnectionState.ONLINE, resumed=resumed))

    def disconnect(self, *, resumable: bool = False) -> None:
        """Lose the connection."""
        if not self._online:
            return
        self._change(ConnectionChanged(state=ConnectionState.WAITING, reason="the connection broke"))
        if not resumable:
            self._break_session()
        self._lost.set()

    def arrive(self, item: Incoming) -> None:
        """Something for this device reached it."""
        self._arrived.append(item)
        self._wake()

    @property
    def on_wire(self) -> list[Outgoing]:
        """What was submitted and has no answer yet, in order."""
        return [submission.message for submission in self._wire]

    @property
    def idle(self) -> bool:
        """Nothing is on the wire in either direction."""
        return not self._wire and not self._arrived

    async def run(self) -> None:
        """Move what is on the wire."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._sending)
            nursery.start_soon(self._receiving)
            if self._reconnect_after is not None:
                nursery.start_soon(self._reconnecting, self._reconnect_after)

    # -- the contract ------------------------------------------------------------------------

    @property
    def state(self) -> ConnectionChanged:
        """See `Transport`."""
        return self._state

    def deliver_to(self, inbox: Inbox) -> None:
        """See `Transport`."""
        self._inbox = inbox
        self._wake()

    def submit(self, message: Outgoing) -> FakeSubmission:
        """See `Transport`."""
        self._check()
        submission = FakeSubmission(message)
        self._wire.append(submission)
        self._wake()
        return submission

    def send_receipt(self, to: str, message_id: str, kind: ReceiptKind) -> None:
        """See `Transport`."""
        self._check()
        self.server.receipt(self, to, message_id, kind)

    async def archive(
        self, *, conversation: str | None = None, after: str | None = None,
        before: str | None = None, limit: int = 50,
    ) -> ArchivePage:
        """See `Transport`."""
        state = self._state
        await self._delay()
        self._check()
        if state is not self._state and not self._state.resumed:
            raise NotConnected("the connection broke during the query")
        return self.server.page(self.address, conversation, after, before, limit)

    async def contacts(self) -> Sequence[Contact]:
        """See `Transport`."""
        await trio.lowlevel.checkpoint()
        return tuple(self.contact_list)

    async def add_contact(self, address: str, name: str = "") -> None:
        """See `Transport`."""
        await trio.lowlevel.checkpoint()
        self._check()
        contact = Contact(address=address, name=name, subscribed=True)
        self.contact_list = [other for other in self.contact_list if other.address != address]
        self.contact_list.append(contact)
        self._publish(ContactChanged(contact=contact))

    def retry_now(self) -> None:
        """See `Transport`."""

    def probe(self) -> None:
        """See `Transport`."""

    # -- the wire ----------------------------------------------------------------------------

    @property
    def _online(self) -> bool:
        return self._state.state is ConnectionState.ONLINE

    def _check(self) -> None:
        if not self._online:
            raise NotConnected("there is no connection to the server")

    def _change(self, state: ConnectionChanged) -> None:
        self._state = state
        self._publish(state)
        self._wake()

    def _wake(self) -> None:
        self._signal.set()
        self._signal = trio.Event()

    async def _until(self, ready: Callable[[], bool]) -> None:
        while not ready():
            await self._signal.wait()

    async def _delay(self) -> None:
        await trio.sleep(self.faults.rng.uniform(0, self.faults.latency))

    def _break_session(self) -> None:
        """The session is over: the server keeps what it got no acknowledgement for."""
        account = self.server.account(self.address)
        if self in account.sessions:
            account.sessions.remove(self)
            back = [item for item in self._arrived if isinstance(item, IncomingMessage)]
            account.offline[:0] = back
        self._arrived = []
        wire, self._wire = self._wire, []
        for submission in wire:
            submission.land(NotAccepted("the connection broke before the server answered"))

    async def _sending(self) -> None:
        while True:
            await self._until(lambda: bool(self._wire) and self._online and not self.hold)
            submission = self._wire[0]
            await self._delay()
            if not self._online or self.hold or self._wire[:1] != [submission]:
                continue
            fate = self.faults.fate()
            if fate is Fate.LOST:
                self.disconnect()
                continue
            error = self._pass(submission.message, times=2 if fate is Fate.TWICE else 1)
            if fate is Fate.UNACKNOWLEDGED:
                self.disconnect()
                continue
            self._wire.remove(submission)
            submission.land(error)
            if fate is Fate.BREAK_AFTER:
                self.disconnect()

    def _pass(self, message: Outgoing, times: int) -> Refused | None:
        try:
            for _ in range(times):
                self.server.take(self.address, message, self)
        except Refused as refusal:
            return refusal
        return None

    async def _receiving(self) -> None:
        while True:
            await self._until(lambda: bool(self._arrived) and self._online and self._inbox is not None)
            await self._delay()
            if not self._arrived or not self._online or self._inbox is None:
                continue
            batch = self._arrived[: self.faults.rng.randint(1, len(self._arrived))]
            fate = self.faults.fate()
            if fate is Fate.LOST:
                self.disconnect()
                continue
            arrived = self._arrived
            try:
                await self._inbox(batch * 2 if fate is Fate.TWICE else batch)
            except TulouError:
                await trio.sleep(1)  # not stored, so not acknowledged: it is handed over again
                continue
            if fate is Fate.UNACKNOWLEDGED:
                self.disconnect()
            elif arrived is self._arrived:
                del arrived[: len(batch)]
                if fate is Fate.BREAK_AFTER:
                    self.disconnect()

    async def _reconnecting(self, seconds: float) -> None:
        while True:
            await self._lost.wait()
            await trio.sleep(self.faults.rng.uniform(0, seconds))
            self.connect()
