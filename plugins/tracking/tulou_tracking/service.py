"""The room in the house: binds it to the kernel."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from tulou import AccountChanged, NetworkChanged, PluginControl
from tulou.app_events import PluginChanged
from tulou.flow import new_id
from tulou_contracts.company import Company, DocumentChanged
from tulou_contracts.identity import Identity
from tulou_contracts.network import HttpClient
from tulou_contracts.network_state import NetworkMonitor
from tulou_contracts.storage import Storage
from tulou_contracts.tracking import (
    Consent, Tracker, TrackingChanged, TrackingControl, Value, contribute_events, process_events,
)
from tulou_contracts.ui import Notices
from tulou_tracking.budget import Budget
from tulou_tracking.control import Control
from tulou_tracking.counts import Counts
from tulou_tracking.declared import Declarations
from tulou_tracking.destination import Destination
from tulou_tracking.pages import Pages
from tulou_tracking.question import Question
from tulou_tracking.queue import Queue
from tulou_tracking.reporter import Reporter
from tulou_tracking.standing import Standing
from tulou_tracking.started import Started
from tulou_tracking.tracker import EventTracker

if TYPE_CHECKING:
    from tulou import Context

KIND = "events"
"""The company's document that is the server's table."""


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Open the queue, then store and report for as long as the plugin runs."""
    config, company, identity = ctx.config, ctx.wanted(Company), ctx.wanted(Identity)
    monitor = ctx.wanted(NetworkMonitor)

    def user() -> str:
        provider = identity.get()
        account = provider.account if provider is not None else None
        return account.address if account is not None else ""

    def metered() -> bool | None:
        provider = monitor.get()
        return provider.state.metered if provider is not None else None

    standing = Standing(config, ctx.data, ctx.log, user)
    queue = await Queue.open(ctx.service(Storage), config.queue, config.queue_kb * 1024)
    state, kept = await queue.load()
    counts = Counts()
    counts.load(kept)
    noted, less = standing.load(state)
    if less:
        counts.note(await queue.clear("withdrawn", noted))
    elif not noted.items() <= state.items():  # a start that changes nothing waits for no disk
        await queue.note(noted)

    declarations = Declarations(ctx.hook(contribute_events), standing)
    tracker = EventTracker(
        standing, queue, counts, now=ctx.now, common=_common(ctx, user),
        process=ctx.hook(process_events), renew=declarations.renew, log=ctx.log, random=ctx.random,
        development=config.development or sys.flags.dev_mode,
    )
    tracker.off = standing.consent is Consent.OFF
    destination = Destination(config, company, ctx.wanted(HttpClient))
    reporter = Reporter(
        standing, queue, counts, destination, Budget(config.metered_kb, metered), now=ctx.now,
        log=ctx.log, random=ctx.random,
    )
    control = Control(standing, queue, counts, tracker, reporter, destination, ctx.now,
                      lambda: ctx.publish(TrackingChanged()))
    tracker.stored = control.changed
    reporter.changed = control.seen_changed
    pages = Pages(control)
    ctx.implement(pages)

    def renew() -> None:
        provider = company.get()
        document = provider.document(KIND) if provider is not None else None
        declarations.server_says(None if document is None else document.content)
        control.changed()  # at least: a way out may have come or gone

    def account_changed(change: AccountChanged) -> None:
        declarations.person_changed()

    def network_changed(change: NetworkChanged) -> None:
        if change.up:
            reporter.network_is_back()

    def document_changed(change: DocumentChanged) -> None:
        if change.kind == KIND:
            renew()

    started = Started(ctx.wanted(PluginControl), tracker)
    ctx.implement(started)
    renew()
    ctx.subscribe(PluginChanged, started.plugin_changed)
    ctx.subscribe(PluginChanged, lambda _: renew())
    ctx.subscribe(AccountChanged, account_changed)
    ctx.subscribe(DocumentChanged, document_changed)
    ctx.subscribe(NetworkChanged, network_changed)
    ctx.provide(Tracker, tracker)
    ctx.provide(TrackingControl, control)
    ctx.spawn(tracker.run, config.flush, name="store")
    ctx.spawn(reporter.run, name="report")
    if config.starts:
        ctx.spawn(started.run, name="started")
    question = Question(control, ctx.wanted(Notices)) if config.ask else None
    if question is not None:
        ctx.subscribe(PluginChanged, question.look)
        ctx.subscribe(TrackingChanged, question.look)
    try:
        yield
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
            await tracker.finish()


def _common(ctx: Context, user: Callable[[], str]) -> Callable[[], Mapping[str, Value]]:
    """What every event carries, as a function of now."""
    import platform

    from tulou import __version__

    fixed: dict[str, Value] = {
        "app": __version__, "device": ctx.device.value, "system": platform.system(),
        "session": new_id(ctx.now(), ctx.random),
    }

    def common() -> Mapping[str, Value]:
        address = user()
        return {**fixed, "user": address} if address else fixed

    return common
