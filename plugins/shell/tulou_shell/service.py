"""Life of the shell: the site, the socket, the feed, the contributions."""

from __future__ import annotations

import sys
import time
import webbrowser
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial

import trio

from tulou import AccountChanged, Background, Context, Foreground, PluginControl
from tulou.app_events import PluginChanged
from tulou.flow import Signal
from tulou_contracts.identity import Identity
from tulou_contracts.messaging import ConversationChanged, MessageChanged, MessageStored, Messenger
from tulou_contracts.network import HttpHost, Site
from tulou_contracts.network_state import ClockSkewed, NetworkMonitor, NetworkStateChanged
from tulou_contracts.routing import Presenter, Router, RoutesChanged
from tulou_contracts.tracking import Tracker
from tulou_contracts.transport import ConnectionChanged, ContactChanged, Transport
from tulou_contracts.ui import Notices, Shell, contribute_ui
from tulou_shell import handover
from tulou_shell.app import Services, ShellApp
from tulou_shell.arrivals import Arrivals
from tulou_shell.contributions import Catalogue, OwnContributions, collect
from tulou_shell.door import Door
from tulou_shell.feed import Feed
from tulou_shell.notices import NoticeBoard
from tulou_shell.page import ASSETS, index
from tulou_shell.pages import Pages
from tulou_shell.presenting import Screen
from tulou_shell.remembered import Remembered
from tulou_shell.routes import ShellRoutes
from tulou_shell.site import Gate, open_site
from tulou_shell.surroundings import tell_clock
from tulou_shell.tracked import Tracked
from tulou_shell.views import connection_view, contact_view

DAY = 86400.0


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Serve the pages for as long as the plugin runs."""
    config = ctx.config
    remembered = Remembered(ctx.data)
    life = config.session_days * DAY
    door = Door(remembered, time.time, life)
    gate = Gate(door, life, partial(index, config.language))
    host = ctx.service(HttpHost)
    async with open_site(host, gate, remembered, config.port, ctx.random, ctx.log) as site:
        services = Services(
            identity=ctx.wanted(Identity), messenger=ctx.wanted(Messenger),
            transport=ctx.wanted(Transport), control=ctx.wanted(PluginControl),
            router=ctx.wanted(Router), network=ctx.wanted(NetworkMonitor),
        )
        shell = ShellApp(
            services, door, lambda: site.url, server=config.server, device=_device_name(ctx)
        )
        pages = Pages(shell, ctx.log)
        shell.board = NoticeBoard(pages.push)
        shell.screen = Screen(pages.open, lambda name: name in shell.catalogue.pages, trio.current_time)
        pages.came = shell.screen.came
        with ExitStack() as watches:
            _wire(ctx, site, shell, pages, remembered, watches)
            ctx.provide(Shell, shell)
            ctx.provide(Notices, shell.board)
            ctx.provide(Presenter, shell.screen)
            ctx.spawn(_announce, shell, config.announce, name="announce")
            yield


def _wire(
    ctx: Context, site: Site, shell: ShellApp, pages: Pages, remembered: Remembered, watches: ExitStack
) -> None:
    """Connect events, hook and sockets with each other."""
    feed = Feed(ctx.wanted(Messenger).get, pages.push, ctx.log)
    contributions = ContributionKeeper(ctx, site, shell, pages)
    ctx.implement(OwnContributions())
    ctx.implement(ShellRoutes(contributions.known))
    watches.callback(contributions.collected.set)  # who waits for it waits no longer
    ctx.subscribe(MessageStored, feed.on_stored)
    ctx.subscribe(MessageChanged, feed.on_changed)
    ctx.subscribe(ConversationChanged, feed.on_conversation)

    def push_state(_: object = None) -> None:
        pages.push("state", shell.state())

    def on_connection(event: ConnectionChanged) -> None:
        pages.push("connection", connection_view(event))

    def on_contact(event: ContactChanged) -> None:
        pages.push("contact", {**contact_view(event.contact), "removed": event.removed})

    def on_messenger() -> None:
        feed.restart()
        push_state()
        pages.push("resync", None)

    def on_plugin(event: PluginChanged) -> None:
        contributions.look_again.set()

    def on_account(event: AccountChanged) -> None:
        push_state()
        if event.account and event.account != remembered.account:
            remembered.account = event.account
            remembered.save()

    def on_watched(watched: bool) -> None:
        ctx.publish(Foreground() if watched else Background())

    def on_fault(module: str, error: str) -> None:
        ctx.log.error("the contributed module %s has a fault: %s", module, error)
        pages.push("plugins", shell.plugins())

    def on_clock(event: ClockSkewed) -> None:
        tell_clock(shell.board, event)

    tracked = Tracked(ctx.wanted(Tracker))
    ctx.implement(tracked)
    shell.opened_told = tracked.opened
    pages.watched = on_watched
    shell.fault_told = on_fault
    ctx.subscribe(AccountChanged, on_account)
    ctx.subscribe(ClockSkewed, on_clock)
    ctx.subscribe(NetworkStateChanged, push_state)
    ctx.subscribe(ConnectionChanged, on_connection)
    ctx.subscribe(ContactChanged, on_contact)
    ctx.subscribe(PluginChanged, on_plugin)
    watches.callback(ctx.wanted(Messenger).watch(on_messenger))
    watches.callback(ctx.wanted(Identity).watch(push_state))
    watches.callback(ctx.wanted(Transport).watch(push_state))
    watches.callback(ctx.wanted(Router).watch(push_state))
    watches.callback(ctx.wanted(NetworkMonitor).watch(push_state))
    shell.following = Arrivals(ctx, shell).follow
    ctx.spawn(feed.run, name="feed")
    ctx.spawn(contributions.run, name="contributions")
    site.assets(ASSETS, "tulou_shell", "web")
    site.socket("/socket", pages.serve)
    site.route("GET", handover.PATH, handover.Counter(ctx.data, shell.arrive).answer)


class ContributionKeeper:
    """Asks for contributions again whenever a plugin comes or goes, and serves their files."""

    def __init__(self, ctx: Context, site: Site, shell: ShellApp, pages: Pages) -> None:
        self._ctx = ctx
        self._site = site
        self._shell = shell
        self._pages = pages
        self._served = {"tulou_shell"}
        self._reported: set[str] = set()
        self.collected = trio.Event()
        self.look_again = Signal()
        self.look_again.set()

    async def known(self) -> Catalogue:
        """The catalogue, once it was collected for the first time."""
        await self.collected.wait()
        return self._shell.catalogue

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look_again.wait()
            catalogue = collect(await self._ctx.hook(contribute_ui)())
            for problem in catalogue.problems:
                if problem not in self._reported:
                    self._ctx.log.error("a contribution to the pages is passed over: %s", problem)
            self._reported.update(catalogue.problems)
            self._serve(catalogue.packages | {"tulou_shell"})
            before, self._shell.catalogue = self._shell.catalogue, catalogue
            self.collected.set()
            self._pages.review()
            if before.pages != catalogue.pages:
                self._ctx.publish(RoutesChanged())
            if before.view() != catalogue.view():
                self._pages.push("contributions", catalogue.view())
            self._pages.push("plugins", self._shell.plugins())

    def _serve(self, packages: set[str]) -> None:
        for package in sorted(packages - self._served):
            self._site.assets(f"/plugins/{package}", package, "web")
        for package in sorted(self._served - packages):
            self._site.remove(f"/plugins/{package}")
        self._served = packages


def _device_name(ctx: Context) -> str:
    device = ctx.device
    return str(getattr(device, "value", getattr(device, "name", device)))


async def _announce(shell: ShellApp, how: str) -> None:
    """Show the way in. The code works once, so it does no harm in a terminal's memory."""
    if how == "print":
        print(f"Tulou: {shell.entry_url()}", file=sys.stderr, flush=True)
    elif how == "browser":
        await trio.to_thread.run_sync(webbrowser.open, shell.entry_url())
