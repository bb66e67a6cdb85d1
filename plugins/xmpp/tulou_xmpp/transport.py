"""The account's connection as the rest of the app uses it: connects, waits and reconnects."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import trio
from tulou import AccountChanged, NetworkChanged
from tulou.flow import Signal, backoff
from tulou_contracts.identity import Credential, Credentials
from tulou_contracts.network import NetworkError, WebSocketConnector
from tulou_contracts.transport import (
    ArchivePage, ConnectionChanged, ConnectionState, Contact, Inbox, NotConnected, Outgoing,
    ReceiptKind, Refused,
)

from tulou_xmpp.config import Config
from tulou_xmpp.exchange import Exchange
from tulou_xmpp.inflow import Inflow
from tulou_xmpp.link import Derive, End, Link, derive_in_thread
from tulou_xmpp.reach.endpoint import Endpoint
from tulou_xmpp.reach.opener import Opener
from tulou_xmpp.session import Login
from tulou_xmpp.stanzas.messages import encode_receipt
from tulou_xmpp.submission import PendingSubmission
from tulou_xmpp.wire import JID
from tulou_xmpp.wire.errors import BadJID

STEADY = 30.0
"""Seconds online after which the next loss begins with short waits again."""
DRAIN = 5.0
"""Seconds to finish storing what came in before a session is resumed."""
CLOSING_DRAIN = 1.0
"""The same before the app ends; what is not stored then, the server keeps."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What to do after a connection; only while WAITING we try again by ourselves."""

    state: ConnectionState
    reason: str


class XmppTransport:
    """Implements the contract `Transport`."""

    def __init__(
        self, connector: WebSocketConnector, credentials: Credentials, config: Config, *,
        resource: str,
        publish: Callable[[object], None],
        now: Callable[[], int],
        rng: random.Random | None = None,
        log: logging.Logger | None = None,
        derive: Derive = derive_in_thread,
        opener: Opener | None = None,
    ) -> None:
        self._opener = opener or Opener(connector, config)
        self._credentials = credentials
        self._config = config
        self._resource = resource
        self._publish = publish
        self._now = now
        self._rng = rng or random.Random()
        self._log = log or logging.getLogger("tulou.xmpp")
        self._derive = derive
        self._state = ConnectionChanged(state=ConnectionState.OFFLINE)
        self._inflow = Inflow(self._handled, self._log)
        self._again = Signal()
        self._stopping = False
        self._stale = False
        self._credential: Credential | None = None
        self._exchange: Exchange | None = None
        self._link: Link | None = None
        self._way: Endpoint | None = None

    # ---- the contract ----

    @property
    def state(self) -> ConnectionChanged:
        """The newest state."""
        return self._state

    def deliver_to(self, inbox: Inbox) -> None:
        """Hand everything that comes in to `inbox`, in order; it replaces the former one."""
        self._inflow.deliver_to(inbox)

    def submit(self, message: Outgoing) -> PendingSubmission:
        """Put a message on the wire. Raises `NotConnected`."""
        return self._connected().submit(message)

    def send_receipt(self, to: str, message_id: str, kind: ReceiptKind) -> None:
        """Tell the sender that a message was delivered or read. Raises `NotConnected`."""
        exchange = self._connected()
        try:
            exchange.send(encode_receipt(to, message_id, kind))
        except (BadJID, Refused) as error:
            self._log.warning("a receipt cannot be sent: %s", error)

    async def archive(
        self, *, conversation: str | None = None, after: str | None = None,
        before: str | None = None, limit: int = 50,
    ) -> ArchivePage:
        """A page of the archive. Raises `TransportError`, `NotConnected`."""
        return await self._connected().archive(conversation, after, before, limit)

    async def contacts(self) -> Sequence[Contact]:
        """The contact list as it is known now."""
        return self._exchange.contacts() if self._exchange is not None else ()

    async def add_contact(self, address: str, name: str = "") -> None:
        """Put somebody on the list and ask to see their presence. Raises `NotConnected`, `Refused`."""
        await self._connected().add_contact(address, name)

    def retry_now(self) -> None:
        """Do not wait for the next attempt."""
        if self._state.state in (ConnectionState.WAITING, ConnectionState.REPLACED):
            self._again.set()

    def probe(self) -> None:
        """Find out at once whether the connection is still alive."""
        if self._link is not None and self._link.ready:
            self._link.probe()
        else:
            self.retry_now()

    def exchange(self) -> Exchange:
        """The live session's. Raises `NotConnected`."""
        return self._connected()

    def _connected(self) -> Exchange:
        if self._exchange is None or self._link is None or not self._link.ready:
            raise NotConnected(f"there is no connection with the server now ({self._state.state.value})")
        return self._exchange

    # ---- what the plugin's `run` uses ----

    async def run(self) -> None:
        """Connect, wait and reconnect until `close`."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._inflow.run)
            await self._reconnect()
            nursery.cancel_scope.cancel()

    async def close(self) -> None:
        """Store what came in, acknowledge it, say good-bye; takes some seconds at most."""
        self._stopping = True
        if self._link is not None:
            with trio.move_on_after(CLOSING_DRAIN):
                await self._inflow.drained()
        if self._link is not None:
            await self._link.close()
        self._again.set()
        if self._exchange is not None:
            self._exchange.drop("the app was closed before the server said that it has the message")

    async def account_changed(self, event: AccountChanged) -> None:
        """Somebody signed in or out."""
        if await self._credentials.current() != self._credential:
            self._stale = True
            if self._link is not None:
                await self._link.close()
        self._again.set()

    def network_changed(self, event: NetworkChanged) -> None:
        """The machine's network is another one."""
        if event.up:
            self.probe()

    # ---- connecting ----

    async def _reconnect(self) -> None:
        config = self._config
        delays = backoff(config.retry_base, config.retry_cap, self._rng)
        while not self._stopping:
            self._stale = False
            self._credential = credential = await self._credentials.current()
            if credential is None:
                self._forget_account()
                await self._rest(_Verdict(ConnectionState.OFFLINE, "nobody is signed in"), delays)
                continue
            began = trio.current_time()
            verdict = await self._attempt(credential)
            if self._stopping or self._stale or verdict is None:
                continue
            steady = trio.current_time() - began >= STEADY
            if verdict.state is not ConnectionState.WAITING or steady:
                delays = backoff(config.retry_base, config.retry_cap, self._rng)
            await self._rest(verdict, delays)

    async def _rest(self, verdict: _Verdict, delays: Iterator[float]) -> None:
        delay = next(delays) if verdict.state is ConnectionState.WAITING else None
        self._set(verdict.state, verdict.reason, retry_in=delay)
        with trio.move_on_after(float("inf") if delay is None else delay):
            await self._again.wait()

    def _set(
        self, state: ConnectionState, reason: str = "", *,
        retry_in: float | None = None, resumed: bool = False,
    ) -> None:
        self._state = ConnectionChanged(state=state, reason=reason, retry_in=retry_in, resumed=resumed)
        self._publish(self._state)

    async def _attempt(self, credential: Credential) -> _Verdict | None:
        """One connection from start to end; None: look at the credential again at once."""
        try:
            exchange = self._exchange_for(credential)
        except BadJID as error:
            return _Verdict(ConnectionState.REFUSED, str(error))
        self._set(ConnectionState.CONNECTING)
        with trio.move_on_after(DRAIN):
            # what is stored before the session is resumed is not sent again
            await self._inflow.drained()
        try:
            end = await self._connect(self._endpoint(credential), exchange)
        except NetworkError as error:
            return _Verdict(ConnectionState.WAITING, str(error))
        return await self._judge(end, exchange)

    async def _connect(self, endpoint: str, exchange: Exchange) -> End:
        config = self._config
        exchange.refusal = None
        domain = exchange.session.login.address.domain
        async with self._opener.open(domain, endpoint, config.heartbeat) as channel:
            if self._stale or self._stopping:
                return End("nobody needs this connection any more", in_order=True)
            link = Link(
                channel, exchange.session, exchange.on_events, derive=self._derive,
                room=self._inflow.room, login_timeout=config.login_timeout,
                probe_timeout=config.probe_timeout, heartbeat=config.heartbeat,
            )
            self._link = exchange.line = link
            if self._way is not None and self._way.is_stream != channel.way.is_stream:
                # servers resume such a session and then take one's bytes for the other's (Prosody)
                exchange.on_events(exchange.session.abandon())
            self._way = channel.way
            poisonous = False
            try:
                end = await link.run()
                poisonous = end.poisonous
            finally:
                self._link = exchange.line = None
                exchange.on_events(exchange.session.lost(poisonous=poisonous))
            if link.settled:
                self._opener.worked(domain, channel.way)
            elif exchange.refusal is None and not end.in_order:
                self._opener.failed(domain, channel.way)
        return end

    async def _judge(self, end: End, exchange: Exchange) -> _Verdict | None:
        refusal = exchange.refusal
        if refusal is not None and refusal.permanent:
            await self._credentials.rejected(refusal.reason)
            return _Verdict(ConnectionState.REFUSED, refusal.reason)
        if refusal is not None:
            return _Verdict(ConnectionState.WAITING, refusal.reason)
        if end.condition == "conflict":
            return _Verdict(ConnectionState.REPLACED, "another device took over this session")
        if end.in_order:
            return None
        return _Verdict(ConnectionState.WAITING, end.reason)

    # ---- the account ----

    def _endpoint(self, credential: Credential) -> str:
        return credential.account.endpoint or self._config.endpoint

    def _exchange_for(self, credential: Credential) -> Exchange:
        login = Login(
            address=JID.parse(credential.account.address), password=credential.password,
            resource=self._resource, plain=self._config.allow_plain,
        )
        if self._exchange is None or self._exchange.session.login != login:
            self._forget_account()
            self._exchange = Exchange(
                login, self._config, self._inflow, publish=self._publish, now=self._now,
                on_ready=self._ready, prefix=f"t{self._rng.getrandbits(40):010x}", log=self._log,
            )
        return self._exchange

    def _forget_account(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.drop("the account was changed before the server said that it has the message")
            exchange.forget_contacts()

    def _ready(self, resumed: bool) -> None:
        self._set(ConnectionState.ONLINE, resumed=resumed)

    def _handled(self, count: int, epoch: int) -> None:
        if self._exchange is not None:
            self._exchange.handled(count, epoch)
