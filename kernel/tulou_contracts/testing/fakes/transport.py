"""A `Transport` to a server in memory, whose wire tests cut and mend."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio

from tulou.flow import Signal
from tulou_contracts.testing.fakes.faults import Fate, Faults
from tulou_contracts.testing.fakes.server import FakeServer, check_address
from tulou_contracts.transport import (
    ArchivePage,
    ConnectionChanged,
    ConnectionState,
    Contact,
    ContactChanged,
    Inbox,
    Incoming,
    IncomingMessage,
    NotAccepted,
    NotConnected,
    Outgoing,
    ReceiptKind,
    Refused,
    TransportError,
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
        self._hurry = trio.Event()

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
        self._hurry = trio.Event()
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
        check_address(address)
        contact = Contact(address=address, name=name, subscribed=True)
        self.contact_list = [other for other in self.contact_list if other.address != address]
        self.contact_list.append(contact)
        self._publish(ContactChanged(contact=contact))

    def retry_now(self) -> None:
        """See `Transport`. Without `reconnect_after` there is no attempt that could come sooner."""
        self._hurry.set()

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
            except Exception:  # whatever it was: not stored, so not acknowledged; it comes again
                await trio.sleep(1)
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
            with trio.move_on_after(self.faults.rng.uniform(0, seconds)):
                await self._hurry.wait()
            self.connect()
