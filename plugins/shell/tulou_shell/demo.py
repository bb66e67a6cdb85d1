"""`tulou demo`: a chat server and two people on this machine, in one process and one folder."""

from __future__ import annotations

import argparse
import secrets
import shutil
import signal
import sys
import webbrowser
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trio

from tulou import Composition, Kernel
from tulou.behalf import named
from tulou.errors import ServiceGone, TulouError
from tulou.flow import leaves
from tulou.profile import lock_profile
from tulou_contracts.company import CompanyService
from tulou_contracts.crypto import Keyring
from tulou_contracts.identity import AccountTaken, Identity, WrongPassword
from tulou_contracts.server import ChatServer
from tulou_contracts.ui import Shell
from tulou_shell.added import idle, with_added
from tulou_shell.link import entry_link
from tulou_shell.places import data_folder

SERVER = Path(__file__).parent / "compositions" / "demo-server.toml"
SECRET = "demo-password"
"""Name in a person's keyring. Nobody types these passwords, so nobody needs to know them."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who takes part."""

    name: str
    shown: str


PEOPLE = (Person("anna", "安娜"), Person("bowen", "博文"))


def main(arguments: list[str]) -> int:
    """Run the demo until it is told to stop; the exit status."""
    options = _parser().parse_args(arguments)
    folder: Path = options.data.expanduser().resolve()
    try:
        if options.links:
            for person in PEOPLE:
                print(f"{person.shown}  {entry_link(folder / person.name)}")
            return 0
        if options.reset:
            reset(folder)
        composition = with_added(Composition.load("demo"), options.added)
        trio.run(demo, folder, composition, options.server_port, not options.no_browser)
    except BaseException as error:
        sentences = [str(each) for each in told(error)]
        if not sentences:
            raise
        print("\n".join(sentences), file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tulou demo", description="Try Tulou: a chat server and two people on this machine."
    )
    parser.add_argument("--data", type=Path, default=data_folder() / "demo", metavar="FOLDER",
                        help="where everything is kept (default: %(default)s)")
    parser.add_argument("--reset", action="store_true", help="forget an earlier demo first")
    parser.add_argument("--no-browser", action="store_true", help="only print the addresses")
    parser.add_argument("--links", action="store_true",
                        help="print fresh addresses of a demo that is running, and end")
    parser.add_argument("--with", action="append", default=[], dest="added", metavar="PLUGIN",
                        help="give both people an installed plugin more, or the plugins of a composition"
                        " FILE.toml; may be given several times")
    parser.add_argument("--server-port", type=int, default=0, metavar="PORT",
                        help="port of the chat server (default: any free one)")
    return parser


def told(error: BaseException) -> Iterator[TulouError]:
    """The errors meant for people inside an exception; nothing when there is any other one."""
    errors = list(leaves(error))
    if all(isinstance(each, TulouError) for each in errors):
        yield from (each for each in errors if isinstance(each, TulouError))


class DemoIncomplete(TulouError):
    """A part of the demo's folder was removed by hand."""


class NotADemo(TulouError):
    """The folder to be reset holds something else."""


def reset(folder: Path) -> None:
    """Remove what an earlier demo made, and only that. Raises `NotADemo`, `ProfileLocked`."""
    parts = [folder / name for name in ("server", *(person.name for person in PEOPLE))]
    if folder.is_dir():
        strange = sorted(each.name for each in folder.iterdir() if each not in parts)
        if strange:
            raise NotADemo(f"{folder} is not reset: it holds {strange[0]!r}, which no demo made.")
    for part in parts:
        if part.is_dir():
            with lock_profile(part):
                pass
            shutil.rmtree(part)


async def demo(folder: Path, composition: Composition, server_port: int, browser: bool) -> None:
    """Everything up, wait, everything down in order."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stop_on_signal, nursery.cancel_scope)
        async with _office(folder, composition, server_port) as people:
            for sentence in idle(people[PEOPLE[0]]):  # both run the same
                print(sentence, file=sys.stderr)
            _show(people, folder)
            if browser:
                nursery.start_soon(_open_browser, people)
            nursery.start_soon(_show_on_enter, people, folder)
            await trio.sleep_forever()


async def _stop_on_signal(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            print("\nStopping ...", flush=True)
            scope.cancel()
            return


@asynccontextmanager
async def _office(
    folder: Path, composition: Composition, server_port: int
) -> AsyncIterator[dict[Person, Kernel]]:
    """The server and the people, started in this order and stopped in reverse."""
    alone = Composition.load(SERVER).with_config("server", port=server_port)
    server_kernel = Kernel(alone, profile=folder / "server")
    async with AsyncExitStack() as stack:
        with named("server"):
            await stack.enter_async_context(server_kernel.running())
        server = server_kernel.service(ChatServer)
        composition = composition.with_config("xmpp", endpoint=server.endpoint)
        composition = composition.with_config("shell", server=server.endpoint)
        with suppress(ServiceGone):  # people can talk without a company
            root_key = server_kernel.service(CompanyService).root_key
            composition = composition.with_config("company", root_keys=[root_key])
        people = {}
        for person in PEOPLE:
            kernel = people[person] = Kernel(composition, profile=folder / person.name)
            with named(person.name):
                await stack.enter_async_context(kernel.running())
        for person, kernel in people.items():
            await _settle_in(server_kernel, person, kernel)
        one, other = PEOPLE
        with server_kernel.acting():
            await server.befriend(one.name, other.name)
        yield people


async def _settle_in(server_kernel: Kernel, person: Person, kernel: Kernel) -> None:
    """Sign a person in who is not, with an account made at the first start.

    The password is in the keyring before the account is made, so a crash in between harms nothing,
    and somebody who signed out comes back at the next start.
    """
    identity = kernel.service(Identity)
    if identity.signed_in:
        return
    server = server_kernel.service(ChatServer)
    keyring = kernel.service(Keyring)
    with kernel.acting():
        password = await keyring.get(SECRET)
        if password is None:
            password = secrets.token_urlsafe(24)
            await keyring.set(SECRET, password)
    with server_kernel.acting(), suppress(AccountTaken):
        await server.create_account(person.name, password, person.shown)
    try:
        with kernel.acting():
            await identity.sign_in(f"{person.name}@{server.domain}", password)
    except WrongPassword:
        raise DemoIncomplete(
            f"The folder of the demo is not whole any more: its server knows {person.shown} by a password"
            f" that {person.shown}'s part has lost. `tulou demo --reset` makes a new one, without the"
            " old messages."
        ) from None


def _show(people: dict[Person, Kernel], folder: Path) -> None:
    lines = [f"{person.shown}  {kernel.service(Shell).entry_url()}" for person, kernel in people.items()]
    print(
        f"Tulou demo: two people on this machine. Their data: {folder}\n\n  "
        + "\n  ".join(lines)
        + "\n\nEach address lets one browser in, once; after that the browser is known and the plain"
        + "\naddress (without /enter...) works, also after a restart."
        + "\nEnter: fresh addresses. Ctrl+C: stop.\n",
        flush=True,
    )


async def _show_on_enter(people: dict[Person, Kernel], folder: Path) -> None:
    if not sys.stdin or not sys.stdin.readable():
        return
    while await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
        _show(people, folder)


async def _open_browser(people: dict[Person, Kernel]) -> None:
    with suppress(webbrowser.Error):
        for kernel in people.values():
            await trio.to_thread.run_sync(webbrowser.open, kernel.service(Shell).entry_url())


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
