"""The plugin's life: connect, and on the way out store, acknowledge and say good-bye."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio
from tulou import AccountChanged, Context, NetworkChanged
from tulou_contracts.identity import Authenticator, Credentials
from tulou_contracts.network import HttpClient, WebSocketConnector
from tulou_contracts.network_state import NetworkClock
from tulou_contracts.tcp import Resolver, TcpConnector
from tulou_contracts.tracking import Tracker
from tulou_contracts.transport import ConnectionChanged, Signalling, Transport

from tulou_xmpp.authenticator import XmppAuthenticator
from tulou_xmpp.link import derive_in_thread, derive_inline
from tulou_xmpp.reach.opener import Opener
from tulou_xmpp.signalling import XmppSignalling
from tulou_xmpp.timekeeping import Timekeeper
from tulou_xmpp.tracked import Tracked
from tulou_xmpp.transport import XmppTransport


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Provide the transport and the authenticator for as long as the plugin runs."""
    connector = ctx.service(WebSocketConnector)
    threads = ctx.config.threads
    derive = derive_in_thread if threads else derive_inline
    prefix, suffix = ctx.config.resource, f"{ctx.random.getrandbits(40):010x}"
    find = partial(_resource, ctx.data, prefix, suffix)
    resource = await trio.to_thread.run_sync(find) if threads else find()
    opener = Opener(
        connector, ctx.config, tcp=ctx.wanted(TcpConnector).get, resolver=ctx.wanted(Resolver).get,
        http=ctx.wanted(HttpClient).get, rng=ctx.random, log=ctx.log,
    )
    transport = XmppTransport(
        connector, ctx.service(Credentials), ctx.config,
        resource=resource, publish=ctx.publish, now=ctx.now, rng=ctx.random, log=ctx.log,
        derive=derive, opener=opener,
    )
    ctx.subscribe(AccountChanged, transport.account_changed)
    ctx.subscribe(NetworkChanged, transport.network_changed)
    ctx.provide(Transport, transport)
    ctx.provide(Signalling, XmppSignalling(transport.exchange))
    ctx.provide(Authenticator, XmppAuthenticator(connector, ctx.config, derive, opener))
    timekeeper = Timekeeper(transport.exchange, ctx.wanted(NetworkClock))
    ctx.subscribe(ConnectionChanged, timekeeper.connection_changed)
    ctx.spawn(timekeeper.run, name="timekeeping")
    tracked = Tracked(ctx.wanted(Tracker), ctx.now)
    ctx.implement(tracked)
    ctx.subscribe(ConnectionChanged, tracked.connection_changed)
    ctx.spawn(transport.run, name="connection")
    yield
    await transport.close()


def _resource(folder: Path, prefix: str, suffix: str) -> str:
    """The device's name among the account's others: the same for ever, so that a crash leaves
    no ghost of us behind at the server."""
    file = folder / "resource"
    try:
        kept = file.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        kept = ""
    if kept.startswith(f"{prefix}-") and len(kept) <= 200 and kept.isprintable():
        return kept
    made = f"{prefix}-{suffix}"
    file.write_text(made, encoding="utf-8")
    return made
