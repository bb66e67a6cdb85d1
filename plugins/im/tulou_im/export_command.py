"""``tulou export``: the conversations of a profile in one file, without connecting to the server."""

from __future__ import annotations

import argparse
import locale
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from tulou import Composition, Context, Kernel, Level, Plugin
from tulou.discovery import installed
from tulou.errors import ServiceGone, TulouError
from tulou_contracts.crypto import Cipher, Keyring
from tulou_contracts.identity import Identity
from tulou_contracts.messaging import MessageInvalid, Messenger, MessagingError
from tulou_contracts.storage import Storage
from tulou_contracts.transport import ConnectionChanged, ConnectionState, Contact, NotConnected, Transport

from tulou_im.export import Html, Json, Writer, export


def main(arguments: list[str]) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(
        prog="tulou export", description="Write the conversations of a profile to one file. The app that"
        " uses the profile has to be closed; nothing is sent or received.")
    parser.add_argument("profile", type=Path, help="the profile folder, as for `tulou run --profile`")
    parser.add_argument("out", type=Path, help="the file to make")
    parser.add_argument("--conversation", default="", metavar="ADDRESS", help="only the one with this party")
    parser.add_argument("--format", choices=("html", "json"), default="html", help="default: html")
    parser.add_argument("-c", "--composition", default="headless", help="default: headless")
    options = parser.parse_args(arguments)
    try:
        count = trio.run(_export, options)
    except TulouError as error:
        print(f"tulou: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"tulou: {options.out} could not be written: {error.strerror or error}", file=sys.stderr)
        return 1
    print(f"{options.out}: {count} messages; it is not encrypted")
    return 0


async def _export(options: argparse.Namespace) -> int:
    if not (options.profile / "store").is_dir():
        raise MessagingError(f"{options.profile} is no profile: there is nothing to export")
    if options.out.exists():
        raise MessagingError(f"{options.out} is there already: give the file another name")
    kernel = Kernel(_small(options.composition), profile=options.profile, plugins=(_offline(),))
    async with kernel.running():
        try:
            messenger = kernel.service(Messenger)
        except ServiceGone:
            reasons = "; ".join(each.reason for each in kernel.status() if each.reason)
            raise MessagingError(reasons or "the messages cannot be read") from None
        if options.conversation:
            found = {each.id for each in await messenger.conversations(1000)}
            if options.conversation not in found:
                raise MessageInvalid(f"there is no conversation with {options.conversation}")
        return await _write(messenger, _account(kernel), options)


async def _write(messenger: Messenger, account: str, options: argparse.Namespace) -> int:
    chinese = (locale.getlocale()[0] or "").startswith(("zh", "Chinese"))
    writer: Writer = Json() if options.format == "json" else Html(chinese=chinese)
    draft = options.out.with_name(options.out.name + ".part")
    try:
        private = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(private, "w", encoding="utf-8") as file:
            count = await export(messenger, writer, file.write, account=account, only=options.conversation)
        os.replace(draft, options.out)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return count


def _account(kernel: Kernel) -> str:
    try:
        account = kernel.service(Identity).account
    except ServiceGone:
        return ""
    return account.address if account is not None else ""


def _small(which: str) -> Composition:
    """Only who keeps data and secrets, and knows whose they are; set as the composition says."""
    composition = Composition.load(which)
    plugins = installed().plugins
    needed: set[type] = {Storage, Keyring, Cipher, Identity, Messenger}
    kept = {name: settings for name, settings in composition.plugins.items()
            if name in plugins and needed.intersection(plugins[name].load().provides)}
    small = composition._replace(plugins=kept, essential=frozenset(), discover_all=False)
    return small.with_plugin("offline")


def _offline() -> Plugin:
    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        ctx.provide(Transport, _Offline())
        yield

    return Plugin(name="offline", run=run, provides=(Transport,), level=Level.BASE)


class _Offline:
    """A `Transport` that never connects: reading what is kept must not send what is queued."""

    state = ConnectionChanged(state=ConnectionState.OFFLINE)

    def deliver_to(self, inbox: Any) -> None:
        """Nothing comes."""

    def submit(self, message: Any) -> Any:
        """Nothing goes."""
        raise NotConnected("offline")

    def send_receipt(self, to: str, message_id: str, kind: Any) -> None:
        """Nothing goes."""
        raise NotConnected("offline")

    async def archive(
        self, *, conversation: str | None = None, after: str | None = None, before: str | None = None,
        limit: int = 50,
    ) -> Any:
        """Nobody answers."""
        raise NotConnected("offline")

    async def contacts(self) -> Sequence[Contact]:
        """Nobody is known."""
        return ()

    async def add_contact(self, address: str, name: str = "") -> None:
        """Nobody answers."""
        raise NotConnected("offline")

    def retry_now(self) -> None:
        """There is nothing to retry."""

    def probe(self) -> None:
        """There is nothing to find out."""
