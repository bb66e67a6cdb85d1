"""kill -9 at every point where something is written or handed over; then everything is there once."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import asdict, replace

import pytest
import trio
from im_support import open_room
from tulou_contracts.messaging import MessageState
from tulou_contracts.testing.fakes import FakeServer, FakeTransport
from tulou_contracts.testing.messaging import LIN, WANG, Bus, Place, until
from tulou_contracts.transport import IncomingMessage, Outgoing
from tulou_im import room as room_module

COUNT = 3
START = 1_800_000_000_000_000

pytest.importorskip("tulou_store", reason="needs store, where a crash leaves something")


class Deadline:
    """Counts the points of a run and ends the process, without any goodbye, at one of them."""

    def __init__(self, at):
        self.at = at
        self.passed = 0

    def point(self):
        self.passed += 1
        if self.passed == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


class DeadlyDatabase:
    """A namespace with a point before and after every commit."""

    def __init__(self, database, deadline):
        self.database = database
        self.deadline = deadline
        self.repair = None

    async def read(self, work):
        return await self.database.read(work)

    async def write(self, work):
        def deadly(tx):
            result = work(tx)
            self.deadline.point()  # all is written, nothing is committed
            return result

        result = await self.database.write(deadly)
        self.deadline.point()
        return result


class LastingServer(FakeServer):
    """A server that another process can go on with: what it took and what was acknowledged are files."""

    def __init__(self, folder, deadline):
        super().__init__(now=lambda: START + len(self.taken), keeps_offline=True)
        self.folder = folder
        self.deadline = deadline
        self.quiet = True
        for line in self.lines("taken"):
            super().take(LIN, Outgoing(**line))
        self.offers = [
            IncomingMessage(
                id=f"in-{number}", archive_id=f"offer-{number}", conversation=WANG, sender=WANG,
                body=f"in {number}", at=START - COUNT + number,
            )
            for number in range(COUNT)
        ]
        account = self.account(LIN)
        account.archive[:0] = [replace(offer, live=False) for offer in self.offers]
        account.offline = self.offers[len(self.lines("acknowledged")):]

    def lines(self, name):
        path = self.folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def note(self, name, line):
        with open(self.folder / name, "a") as file:
            file.write(json.dumps(line) + "\n")

    def take(self, sender, message, session=None):
        self.deadline.point()  # it is on the wire
        super().take(sender, message, session)
        self.note("taken", asdict(message))
        self.deadline.point()  # the server has it, nobody here knows


class LastingTransport(FakeTransport):
    """Notes acknowledgements of what was delivered."""

    def deliver_to(self, inbox):
        async def deadly(batch):
            self.server.deadline.point()
            await inbox(batch)
            self.server.deadline.point()  # stored, not acknowledged
            for item in batch:
                self.server.note("acknowledged", item.id)
            self.server.deadline.point()

        super().deliver_to(deadly)


async def life(folder, deadline, monkeypatch):
    """Send what is not there yet, receive what comes, until all is done."""
    opened = room_module.Room.__init__

    def deadly_init(self, database, *others):
        opened(self, DeadlyDatabase(database, deadline), *others)

    monkeypatch.setattr(room_module.Room, "__init__", deadly_init)
    server = LastingServer(folder, deadline)
    async with trio.open_nursery() as nursery:
        bus = Bus(nursery)
        transport = LastingTransport(server, LIN, publish=bus.publish)
        nursery.start_soon(transport.run)
        place = Place(folder, transport, bus, LIN)
        async with open_room(place, threads=True) as room:
            messenger = room.messenger
            transport.connect()
            for number in range(COUNT):
                there = [message.body for message in await messenger.history(WANG)]
                if f"out {number}" not in there:
                    await messenger.send(WANG, f"out {number}")
            await until(lambda: complete(messenger), 30)
            await until(lambda: acknowledged(server), 30)
        nursery.cancel_scope.cancel()


async def complete(messenger):
    states = [message.state for message in await messenger.history(WANG)]
    return states.count(MessageState.SENT) >= COUNT and states.count(MessageState.RECEIVED) >= COUNT


async def acknowledged(server):
    await trio.lowlevel.checkpoint()
    return len(server.lines("acknowledged")) >= COUNT


def in_child(folder, kill_at, monkeypatch):
    """Live in a process of its own; how it ended, as `os.waitstatus_to_exitcode` says."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            trio.run(life, folder, Deadline(kill_at), monkeypatch)
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_every_message_is_found_exactly_once_after_a_kill_at_any_point(tmp_path, monkeypatch):
    killed = 0
    for kill_at in range(1, 200):
        folder = tmp_path / f"{kill_at}"
        folder.mkdir()
        ended = in_child(folder, kill_at, monkeypatch)
        if ended == -signal.SIGKILL:
            killed += 1
            assert in_child(folder, 0, monkeypatch) == 0
        else:
            assert ended == 0
        trio.run(check, folder)
        if ended == 0:
            break
    assert killed > 15


async def check(folder):
    async with trio.open_nursery() as nursery:
        bus = Bus(nursery)
        place = Place(folder, FakeTransport(FakeServer(), LIN), bus, LIN)
        async with open_room(place) as room:
            history = await room.messenger.history(WANG)
    ours = [message for message in history if message.outgoing]
    assert [message.body for message in ours] == [f"out {number}" for number in range(COUNT)]
    assert {message.state for message in ours} == {MessageState.SENT}
    theirs = [message.id for message in history if not message.outgoing]
    assert theirs == [f"in-{number}" for number in range(COUNT)]
    taken = [json.loads(line)["id"] for line in (folder / "taken").read_text().splitlines()]
    assert list(dict.fromkeys(taken)) == [message.id for message in ours]
