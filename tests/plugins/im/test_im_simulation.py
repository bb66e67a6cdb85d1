"""People writing to each other over a bad wire, on virtual time; every run can be repeated."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import trio
from im_support import open_room
from tulou_contracts.messaging import MessageState, MessageStored
from tulou_contracts.testing.fakes import FakeServer, FakeTransport, Faults
from tulou_contracts.testing.messaging import Bus, Place, until
from tulou_contracts.transport import ConnectionState

RANK = {
    MessageState.QUEUED: 0, MessageState.SENT: 1, MessageState.DELIVERED: 2, MessageState.READ: 3,
    MessageState.RECEIVED: 0,
}
PEOPLE = ["lin@example.org", "wang@example.org"]


class Device:
    """One installation: it is opened and closed again and again, its profile stays."""

    def __init__(self, server, address, folder, rng, nursery):
        folder.mkdir()
        self.rng = rng
        self.address = address
        self.bus = Bus(nursery)
        faults = Faults(rng, lost=0.06, unacknowledged=0.06, twice=0.06, break_after=0.03, latency=0.3)
        self.transport = FakeTransport(
            server, address, publish=self.bus.publish, faults=faults, reconnect_after=8.0
        )
        nursery.start_soon(self.transport.run)
        self.place = Place(folder, self.transport, self.bus, address)
        self.sent: list[tuple[str, str]] = []
        self.seen: dict[tuple[str, str, str], MessageState] = {}
        self.cursor = 0
        self.calm = False

    async def live(self, peers, messages):
        """Write, read, restart; then stay until everybody has everything."""
        for _ in range(3):
            async with open_room(self.place) as room:
                self.transport.connect()
                for _ in range(messages // 3):
                    await self.act(room.messenger, peers)
            self.bus.close()
        self.calm = True

    async def act(self, messenger, peers):
        await trio.sleep(self.rng.expovariate(1 / 2))
        peer = self.rng.choice(peers)
        message = await messenger.send(peer, f"{self.address} {len(self.sent)}")
        self.sent.append((peer, message.id))
        await self.watch(messenger)
        if self.rng.random() < 0.2 and (page := await messenger.history(peer, limit=5)):
            await messenger.mark_read(peer, self.rng.choice(page).position)
        if self.rng.random() < 0.05:
            self.transport.disconnect()

    async def watch(self, messenger):
        """States never go back, and the cursor brings every message."""
        while True:
            changed, self.cursor = await messenger.since(self.cursor)
            if not changed:
                return
            for message in changed:
                key = (message.conversation, message.sender, message.id)
                assert RANK[message.state] >= RANK[self.seen.get(key, message.state)]
                self.seen[key] = message.state

    async def whole(self, messenger, peer):
        messages = []
        before = None
        while page := await messenger.history(peer, before=before, limit=37):
            messages[:0] = page
            before = page[0].position
        return messages


async def finished(device, devices, messenger):
    """Everything that was written to or by this account is here, and what is ours was taken."""
    wanted = {
        (peer if writer.address == device.address else writer.address, message_id)
        for writer in devices for peer, message_id in writer.sent
        if device.address in (writer.address, peer)
    }
    here = {
        (message.conversation, message.id)
        for line in await messenger.conversations() for message in await device.whole(messenger, line.id)
        if message.state is not MessageState.QUEUED
    }
    return here == wanted and device.transport.state.state is ConnectionState.ONLINE


@pytest.fixture(autouse=True)
def repeatable(monkeypatch, seed):
    """trio shuffles its tasks; Hypothesis has the same two handles to make that repeatable."""
    run = trio._core._run
    monkeypatch.setattr(run, "_ALLOW_DETERMINISTIC_SCHEDULING", True)
    monkeypatch.setattr(run, "_r", random.Random(seed))


@pytest.mark.parametrize("keeps_offline", [True, False])
@pytest.mark.parametrize("seed", range(6))
async def test_nothing_is_lost_doubled_or_turned_round(autojump_clock, tmp_path, seed, keeps_offline):
    rng = random.Random(seed)
    server = FakeServer(keeps_offline=keeps_offline)
    async with trio.open_nursery() as nursery:
        # The first person has two devices.
        addresses = [PEOPLE[0], *PEOPLE]
        devices = [
            Device(server, address, tmp_path / f"{number}", random.Random(rng.random()), nursery)
            for number, address in enumerate(addresses)
        ]
        async with trio.open_nursery() as living:
            for device in devices:
                peers = [address for address in PEOPLE if address != device.address]
                living.start_soon(device.live, peers, 45)
        for device in devices:
            device.transport.faults = Faults(rng, latency=0.3)
        async with trio.open_nursery() as checking:
            for device in devices:
                checking.start_soon(check, device, devices)
        nursery.cancel_scope.cancel()


async def check(device, devices):
    async with open_room(device.place) as room:
        messenger = room.messenger
        device.transport.disconnect()
        await trio.sleep(10)
        device.transport.connect()
        await until(lambda: finished(device, devices, messenger))
        await device.watch(messenger)
        for line in await messenger.conversations():
            messages = await device.whole(messenger, line.id)
            ids = [message.id for message in messages]
            assert len(set(ids)) == len(ids), "a message is shown twice"
            for writer in devices:
                written = [each for peer, each in writer.sent if line.id in (peer, writer.address)]
                assert [each for each in ids if each in set(written)] == written, "order was lost"
            unread = [m for m in messages if not m.outgoing and m.position > line.read_position]
            assert line.unread == len(unread)
        assert len(device.seen) == sum(
            [len(await device.whole(messenger, line.id)) for line in await messenger.conversations()]
        )
        counted = Counter(event.message_id for event in device.bus.of(MessageStored))
        assert set(counted.values()) == {1}
        while not all(other.calm for other in devices):
            await trio.sleep(1)
        await trio.sleep(30)  # the others still need this one's wire
