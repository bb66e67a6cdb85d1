"""`tulou open`: the accounts of this machine on one page; each runs in a kernel of its own.

Signing in and registering belong to the account's own page: a new account is an empty profile.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import time
import webbrowser
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs

import trio

from tulou import Composition, Context, Kernel, Level, Plugin, ProfileLocked
from tulou.behalf import named
from tulou.errors import TulouError
from tulou_contracts.identity import Identity
from tulou_contracts.messaging import Messenger
from tulou_contracts.network import HttpHost, Request, Response
from tulou_contracts.ui import Shell
from tulou_shell.demo import told
from tulou_shell.door import Door
from tulou_shell.launcher_page import Account, render
from tulou_shell.handover import PATH, Counter, hand_over, is_address
from tulou_shell.link import NotRunning, entry_link_of
from tulou_shell.opening import LONGEST
from tulou_shell.page import ASSETS
from tulou_shell.places import data_folder, shell_folder
from tulou_shell.remembered import FILE, Remembered
from tulou_shell.running import check_no_demo, demo_hint, launcher_folder, places
from tulou_shell.service import DAY
from tulou_shell.site import HTML, Gate, open_site

ABOUT = (
    "The accounts of this machine; or an address (tulou://...) in the app that runs, the accounts' or else a"
    " demo's; where none runs, one is started. Exit status 1 when the address leads nowhere."
)
_FOLDER = re.compile(r"account-\d{1,6}\Z")
FORM_ACTION = "'self' http://127.0.0.1:*"
"""A form's answer leads on to the account's page, on a port of its own."""


def main(arguments: list[str]) -> int:
    """Run until told to stop; the exit status."""
    parser = argparse.ArgumentParser(prog="tulou open", description=ABOUT)
    parser.add_argument("what", nargs="*", metavar="URL|COMPOSITION",
                        help="an address to open (tulou://...), and what each account runs: a name or a"
                        " file (default: office)")
    parser.add_argument("--account", default="", metavar="ADDRESS",
                        help="whom an address is for, among several accounts, or the demo's two people"
                        " (default: the last one used)")
    parser.add_argument("--profile", type=Path, metavar="FOLDER",
                        help="hand the address to the app that runs on this profile: by `tulou run`, or by"
                        " `tulou demo` in the folders anna and bowen of its data")
    parser.add_argument("--data", type=Path, default=data_folder(), metavar="FOLDER",
                        help="where everything is kept (default: %(default)s)")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    options = parser.parse_intermixed_args(arguments)
    url, name = _sorted_out(parser, options.what)
    folder: Path = options.data.expanduser().resolve()
    browser = not options.no_browser
    if options.profile is not None and not url:
        parser.error("--profile takes an address to hand over; to start a profile there is `tulou run`")
    if options.profile is not None:
        place = shell_folder(options.profile)
        return _handed_over(place, url, options.account, browser, must=True) or 0
    for place, account in places(folder, options.account) if url else ():
        status = _handed_over(place, url, account, browser, must=False)
        if status is not None:
            return status
    try:
        check_no_demo(folder)
        composition = Composition.load(name).with_config("shell", announce="nothing")
        return trio.run(_run, folder, composition, browser, url, options.account)
    except BaseException as error:
        sentences = list(told(error))
        if not sentences:
            raise
        if isinstance(sentences[0], ProfileLocked):
            return _show_running(folder, browser, sentences[0], url, options.account)
        print("\n".join(map(str, sentences)), file=sys.stderr)
        return 1


def _sorted_out(parser: argparse.ArgumentParser, what: list[str]) -> tuple[str, str]:
    """The address and the composition among the arguments, '' and 'office' when not given."""
    urls = [each for each in what if is_address(each)]
    names = [each for each in what if each not in urls]
    if len(urls) > 1 or len(names) > 1:
        parser.error("one address and one composition at most")
    if urls and len(urls[0]) > LONGEST:
        parser.error(f"an address has at most {LONGEST:,} characters, and this one has {len(urls[0]):,}")
    return (urls or [""])[0], (names or ["office"])[0]


def _handed_over(place: Path, url: str, account: str, browser: bool, *, must: bool) -> int | None:
    """Hand an address to the app that runs; the exit status, None when none runs and one should start."""
    try:
        link = hand_over(place, url, account).link
    except NotRunning as error:
        if not must:
            return None
        print(error, file=sys.stderr)
        return 1
    except TulouError as error:
        print(error, file=sys.stderr)
        return 1
    if link:
        _show(link, browser)
    return 0


def _show_running(folder: Path, browser: bool, error: TulouError, url: str, account: str) -> int:
    """Only one launcher runs; a second one leads to it, or hands over to it, as soon as it is up."""
    for _ in range(20 if url else 0):
        status = _handed_over(launcher_folder(folder), url, account, browser, must=False)
        if status is not None:
            return status
        time.sleep(0.5)  # it has the lock and no port yet
    try:
        link = entry_link_of(launcher_folder(folder), folder)
    except TulouError:
        print(error, file=sys.stderr)
        return 1
    _show(link, browser)
    return 0


def _show(link: str, browser: bool) -> None:
    print(f"Tulou: {link}", flush=True)
    if browser:
        with suppress(webbrowser.Error):
            webbrowser.open(link)


async def _run(folder: Path, composition: Composition, browser: bool, url: str, account: str) -> int:
    """Until told to stop, or at once when the address that it starts for leads nowhere; the exit status."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stop_on_signal, nursery.cancel_scope)
        house = Accounts(folder / "accounts", composition, nursery)
        kernel = Kernel(
            Composition.of("net", "launcher")._replace(essential=frozenset({"net", "launcher"})),
            profile=folder / "launcher", plugins=[launcher_plugin(house)],
        )
        async with kernel.running():
            shell = kernel.service(Shell)
            link = await _arrival(shell, url, account, demo_hint(folder, account)) if url else ""
            if link is None:
                nursery.cancel_scope.cancel()
                return 1
            await trio.to_thread.run_sync(_show, link or shell.entry_url(), browser)
            await trio.sleep_forever()
    return 0


async def _arrival(shell: Shell, url: str, account: str, hint: str) -> str | None:
    """A way to what an address shows; None, with a sentence said, when it leads nowhere."""
    try:
        return await shell.arrive(url, account)
    except BaseException as error:
        sentences = list(told(error))
        if not sentences:
            raise
        print("\n".join([*map(str, sentences), *filter(None, [hint])]), file=sys.stderr, flush=True)
        return None


async def _stop_on_signal(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return


class NoSuchAccount(TulouError):
    """An address is for an account that is not here."""


class Accounts:
    """The profiles below a folder, and the kernels that run."""

    def __init__(self, folder: Path, composition: Composition, nursery: trio.Nursery) -> None:
        self._folder = folder
        self._composition = composition
        self._nursery = nursery
        self._running: dict[str, Kernel] = {}
        self._starting = trio.Lock()

    async def all(self) -> list[Account]:
        """Every account, with what is known of it."""
        names = []
        if self._folder.is_dir():
            names = sorted(each.name for each in self._folder.iterdir() if _FOLDER.match(each.name))
        return [await self._account(name) for name in names]

    async def _account(self, name: str) -> Account:
        address = Remembered(shell_folder(self._folder / name)).account
        unread = 0
        kernel = self._running.get(name)
        if kernel is not None:
            with suppress(TulouError):
                account = kernel.service(Identity).account
                address = account.address if account else address
                lines = await kernel.service(Messenger).conversations()
                unread = sum([each.unread for each in lines])
        return Account(name, address, kernel is not None, unread)

    async def arrive(self, url: str, account: str) -> str:
        """Hand an address to the account it is for; its kernel is started when it does not run.

        Without a name: the only one, or the one used last, or a new one where there is none yet.
        Raises `NoSuchAccount`, `RoutingError`, and as `open`.
        """
        known = await self.all()
        fitting = [each for each in known if each.address == account] if account else known
        if account and not fitting:
            raise NoSuchAccount(f"There is no account {account} on this device.")
        name = max(fitting, key=lambda each: self._used(each.name)).name if fitting else self.new_name()
        await self.open(name)
        return await self._running[name].service(Shell).arrive(url, account)

    def _used(self, name: str) -> float:
        try:
            return (shell_folder(self._folder / name) / FILE).stat().st_mtime
        except OSError:
            return 0.0

    def new_name(self) -> str:
        """The name of a profile that is not there yet."""
        number = 1
        while (self._folder / f"account-{number}").exists():
            number += 1
        return f"account-{number}"

    async def open(self, name: str) -> str:
        """A way into an account's page; its kernel is started when it does not run.

        Raises `ProfileLocked`, `PluginFailed`, `CompositionError`.
        """
        async with self._starting:
            if name not in self._running:
                await self._nursery.start(self._keep, name)
        return self._running[name].service(Shell).entry_url()

    async def _keep(self, name: str, *, task_status: trio.TaskStatus[None]) -> None:
        kernel = Kernel(self._composition, profile=self._folder / name)
        async with AsyncExitStack() as stack:
            with named(name):
                await stack.enter_async_context(kernel.running())
            self._running[name] = kernel
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                del self._running[name]


class LauncherPage:
    """The page: a list and two buttons. Provides `Shell` for the launcher's kernel."""

    def __init__(self, accounts: Accounts, door: Door) -> None:
        self._accounts = accounts
        self._door = door
        self.url = ""

    def entry_url(self) -> str:
        """An address that lets one browser in, once."""
        return f"{self.url}/enter?code={self._door.new_code()}"

    async def arrive(self, url: str, account: str = "") -> str:
        """Hand an address from outside to the account it is for."""
        return await self._accounts.arrive(url, account)

    async def list(self, request: Request) -> Response:
        """All accounts."""
        return await self._page(request)

    async def open(self, request: Request) -> Response:
        """Lead to one account, or to a new one."""
        name = parse_qs(request.body.decode("utf-8", "replace")).get("account", [""])[0]
        if name and not _FOLDER.match(name):
            return Response(status=400, body="There is no such account.\n")
        try:
            link = await self._accounts.open(name or self._accounts.new_name())
        except BaseException as error:
            sentences = [str(each) for each in told(error)]
            if not sentences:
                raise
            return await self._page(request, "\n".join(sentences))
        return Response(status=303, headers={"location": link, "cache-control": "no-store"})

    async def _page(self, request: Request, problem: str = "") -> Response:
        chinese = request.headers.get("accept-language", "").lower().startswith("zh")
        body = render(await self._accounts.all(), chinese=chinese, problem=problem)
        return Response(body=body, content_type=HTML, headers={"cache-control": "no-store"})


def launcher_plugin(accounts: Accounts) -> Plugin:
    """The manifest of the launcher's only room besides the net."""

    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        remembered = Remembered(ctx.data)
        door = Door(remembered, time.time, 30 * DAY)
        gate = Gate(door, 30 * DAY, None)
        page = LauncherPage(accounts, door)
        host = ctx.service(HttpHost)
        async with open_site(
            host, gate, remembered, 0, ctx.random, ctx.log, form_action=FORM_ACTION
        ) as site:
            page.url = site.url
            site.assets(ASSETS, "tulou_shell", "web")
            site.route("GET", "/", page.list)
            site.route("POST", "/open", page.open)
            site.route("GET", PATH, Counter(ctx.data, page.arrive).answer)
            ctx.provide(Shell, page)
            yield

    return Plugin(name="launcher", level=Level.SHELL, requires=(HttpHost,), provides=(Shell,), run=run)
