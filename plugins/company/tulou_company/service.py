"""The plugin's life: what was kept holds from the first moment; the service is asked in the background."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from tulou import AccountChanged
from tulou.context import Context
from tulou.flow import Signal as Wake
from tulou_contracts.company import Company, DocumentChanged, Flags
from tulou_contracts.crypto import SignedTexts
from tulou_contracts.identity import Identity
from tulou_contracts.network import HttpClient
from tulou_contracts.storage import Storage
from tulou_contracts.transport import ConnectionChanged, ConnectionState, Signalling, SignalReceived

from tulou_company.asking import MOST, Service
from tulou_company.client import CompanyClient
from tulou_company.clock import Clock
from tulou_company.config import Config
from tulou_company.flags import CompanyFlags
from tulou_company.pages import Pages
from tulou_company.passes import Passes
from tulou_company.reading import Reader, pinned
from tulou_company.shelf import Shelf
from tulou_company.status import FILE, status_of, write

CHANGED = "company.document"


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Provide `Company` and `Flags`; without root keys they say that there is no company."""
    room = _Room(ctx)
    if ctx.config.root_keys:
        await room.open()
        ctx.spawn(room.client.keep_up, name="documents")
        ctx.spawn(room.client.watch, name="validity")
    ctx.provide(Company, room.client)
    ctx.provide(Flags, room.flags)
    ctx.implement(Pages(room.client, ctx.config))
    ctx.spawn(room.write_status, name="status")
    yield


class _Room:
    """Wires the parts to the house."""

    def __init__(self, ctx: Context) -> None:
        config: Config = ctx.config
        self._ctx = ctx
        self._config = config
        self._signalling = ctx.wanted(Signalling)
        self._identity = ctx.wanted(Identity)
        self._status = ctx.data / FILE
        self._clock = Clock(ctx.now, trio.current_time)
        passes = Passes(self._signalling.get, config.service, config.url, config.timeout)
        http = Service(
            ctx.service(HttpClient), passes, audience=config.audience, timeout=config.timeout,
            max_answer=min(4 * config.max_document, 16 << 20) + MOST,
        )
        reader = Reader(
            ctx.service(SignedTexts), pinned(config.root_keys), config.audience, config.max_document)
        self._shelf = Shelf(reader, self._clock)
        self.client = CompanyClient(
            config, self._shelf, http, passes, publish=ctx.publish, now=self._clock, rng=ctx.random,
            log=ctx.log,
        )
        self.flags = CompanyFlags(self.client.document, ctx.publish)

    async def open(self) -> None:
        """Take out what was kept, and listen."""
        ctx = self._ctx
        ctx.subscribe(DocumentChanged, self.flags.changed)
        await self._shelf.open(await ctx.service(Storage).documents("company"))
        await self._account_changed()
        ctx.subscribe(AccountChanged, self._account_changed)
        ctx.subscribe(ConnectionChanged, self._connection_changed)
        ctx.subscribe(SignalReceived, self._signal_received)
        ctx.spawn(self._follow_identity, name="account")
        if self._signalling:
            self.client.online()

    async def _follow_identity(self) -> None:
        """Who knows whose profile this is may come later than we do."""
        changed = Wake()
        unwatch = self._identity.watch(changed.set)
        try:
            while True:
                await changed.wait()
                await self._account_changed()
        finally:
            unwatch()

    async def _account_changed(self, event: AccountChanged | None = None) -> None:
        identity = self._identity.get()
        account = identity.account if identity is not None else None
        if account is not None:
            await self.client.belongs_to(account.address)
        elif not self._shelf.account:
            # a profile belongs to one account for ever; who knows which one starts after us
            await self.client.belongs_to(self._shelf.former_account if identity is None else "")

    def _connection_changed(self, event: ConnectionChanged) -> None:
        if event.state is ConnectionState.ONLINE and not event.resumed:
            self.client.online()

    def _signal_received(self, event: SignalReceived) -> None:
        if event.name == CHANGED and event.sender == self._who_may_say_so():
            self.client.notified()

    def _who_may_say_so(self) -> str:
        """The component, or our own server: nobody else's word makes us ask."""
        return self._config.service or self._shelf.account.partition("@")[2]

    async def write_status(self) -> None:
        """Keep the status file up to date; it is for people, so a full disk is no matter."""
        while True:
            status = status_of(self.client, self._config)
            try:
                if self._config.threads:
                    await trio.to_thread.run_sync(write, self._status, status)
                else:
                    write(self._status, status)
            except OSError as error:
                self._ctx.log.info("the status file cannot be written: %s", error)
            await self.client.changed.wait()
