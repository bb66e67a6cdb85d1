"""Real rooms, a real server, and people's words: none of them is in any file of the logs, nor in a report."""

from __future__ import annotations

import gzip
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from tulou_log.reading import stored

from tulou import Composition, Kernel, Plugin, implements
from tulou_contracts.identity import Identity, WrongPassword
from tulou_contracts.logs import Logs, Verbosity
from tulou_contracts.messaging import Messenger, incoming_message, outgoing_message
from tulou_contracts.server import ChatServer

ROOMS = ("store", "net", "crypto", "auth", "xmpp", "im", "server")
for each in ROOMS:
    pytest.importorskip(f"tulou_{each}", reason="needs the rooms of a client and a server")

PASSWORD = "Kanarien Passwort 7"
TEXT = "kanarienvogel im dunkeln"
FILE = "Kanarienliste 2026.xlsx"
KEY = "kAnAr1enSchluessel"
PERSON = "kanaria"
CANARIES = (PASSWORD, TEXT, FILE, KEY, PERSON, "Kanarienliste", "kanarien", "Kanarien")


class Clumsy:
    """A plugin that fails over what it is given, and says so."""

    @implements(outgoing_message)
    async def outgoing_message(self, draft: Any) -> Any:
        if draft.kind == "fail":
            raise RuntimeError(f"cannot handle {draft.body} of {draft.data}")
        return draft

    @implements(incoming_message)
    async def incoming_message(self, message: Any) -> Any:
        raise ValueError(message.body)


@asynccontextmanager
async def clumsy(ctx: Any) -> AsyncIterator[None]:
    ctx.implement(Clumsy())

    async def fail() -> None:
        raise KeyError(FILE)

    ctx.log.debug("begun")
    yield


def client(folder: Path) -> Kernel:
    composition = Composition.of("store", "net", "crypto", "auth", "xmpp", "im", "log", "clumsy")
    composition = composition.with_config("log", level="debug")
    return Kernel(composition, profile=folder, plugins=[Plugin(name="clumsy", run=clumsy)])


async def test_what_people_write_is_nowhere(tmp_path: Path) -> None:
    server = Composition.of("store", "server").with_config("server", port=0, domain="office.example",
                                                           registration=True)
    root = logging.getLogger()
    level, root_level = Verbosity.DEBUG, root.level
    root.setLevel(level)  # libraries too may say what they like
    try:
        async with Kernel(server, profile=tmp_path / "server").running() as host:
            endpoint = host.service(ChatServer).endpoint
            async with client(tmp_path / "one").running() as one:
                report = await talk(one, endpoint)
    finally:
        root.setLevel(root_level)
    folder = tmp_path / "one" / "log"
    kept = b"".join(stored(folder))
    everything = b"".join(path.read_bytes() for path in folder.iterdir())
    assert kept.count(b"\n") > 20, "something was logged"
    for canary in CANARIES:
        for form in (canary, canary.lower(), canary.replace(" ", "")):
            assert form.encode() not in everything, form
            assert form.encode() not in report, form


async def talk(kernel: Kernel, endpoint: str) -> bytes:
    """Register, sign in with a wrong password, send, receive, fail, and make a report."""
    identity, messenger = kernel.service(Identity), kernel.service(Messenger)
    address = f"{PERSON}@office.example"
    await identity.register(address, PASSWORD, endpoint)
    data = {"name": FILE, "key": KEY, "url": f"https://files.example/{FILE}?token={KEY}"}
    await messenger.send(address, TEXT, kind="file", data=data)
    with pytest.raises(Exception):
        await messenger.send(address, TEXT, kind="fail", data=data)
    for bad in (f"{PERSON}@nowhere.example/ x", "@"):
        with pytest.raises(Exception):
            await messenger.send(bad, TEXT)
    with trio.fail_after(20):
        while not any(each.state.value in ("sent", "delivered", "read")
                      for each in await messenger.history(address)):
            await trio.sleep(0.05)
    await identity.sign_out()
    with pytest.raises(WrongPassword):
        await identity.sign_in(address, f"{PASSWORD} wrong", endpoint)
    logs = kernel.service(Logs)
    text = b"".join(map(gzip.decompress, (await logs.prepare()).parts))
    return text
