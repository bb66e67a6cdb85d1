"""``tulou sign-in``: sign a profile in without a page, for bots, bridges and servers."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path

import trio

from tulou import Composition, Kernel
from tulou.errors import TulouError
from tulou_contracts.identity import Account, Identity


def main(arguments: list[str]) -> int:
    """Sign in or register; the exit status."""
    parser = argparse.ArgumentParser(
        prog="tulou sign-in",
        description="Sign a profile in without a page. The password is asked for, or read as one line"
        " from standard input; it is kept in the keyring.")
    parser.add_argument("profile", type=Path, help="the profile folder, as for `tulou run --profile`")
    parser.add_argument("address", help="the account, name@domain")
    parser.add_argument("--server", default="", metavar="URL", help="where its server is, e.g. wss://...")
    parser.add_argument("--register", action="store_true", help="create the account first")
    parser.add_argument("-c", "--composition", default="headless", help="default: headless")
    options = parser.parse_args(arguments)
    try:
        kernel = Kernel(Composition.load(options.composition), profile=options.profile)
        account = trio.run(_sign_in, kernel, options.address, _password(), options.server, options.register)
    except TulouError as error:
        print(f"tulou: {error}", file=sys.stderr)
        return 1
    print(f"{options.profile} is signed in as {account.address}")
    return 0


def _password() -> str:
    return getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


async def _sign_in(kernel: Kernel, address: str, password: str, server: str, register: bool) -> Account:
    async with kernel.running():
        identity = kernel.service(Identity)
        ask = identity.register if register else identity.sign_in
        return await ask(address, password, server)
