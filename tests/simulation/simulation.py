"""One run: people write while the gremlin is about; then everything heals and is examined."""

from __future__ import annotations

import logging
from pathlib import Path

import sim_checks as checks
import trio
from sim_gremlin import Gremlin
from sim_people import Device
from sim_trace import Complaints, Trace
from sim_world import Server, World

PEOPLE = {"lin": "林小雨", "wang": "王大明", "chen": "陈静"}
ACTIVE = 60.0
"""Seconds of virtual time in which things happen."""
PATIENCE = 600.0
"""Seconds in which everything must have arrived after the network is whole again."""


class Simulation:
    """Three people, four devices, one server. `problems` has one sentence for each broken promise.

    With `wrong_clocks` each device's clock is up to 40 seconds wrong. Order is then not examined: `im`
    places a live message by our clock and a late one by the server's stamp, which then disagree.
    """

    def __init__(self, seed: int, folder: Path, active: float = ACTIVE, wrong_clocks: bool = False) -> None:
        self.seed = seed
        self.trace = Trace(f"simulation with seed {seed}")
        self.problems: list[str] = []
        self._folder = folder
        self._active = active
        self._wrong_clocks = wrong_clocks

    async def run(self) -> None:
        """The whole story."""
        complaints = Complaints(self.trace)
        logger = logging.getLogger("tulou")
        logger.addHandler(complaints)
        try:
            async with trio.open_nursery() as nursery:
                world = World(self.seed, self._folder, nursery, self.trace)
                server = Server(world, PEOPLE)
                devices = [self._device(world, person, n) for person, n in
                           (("lin", 1), ("lin", 2), ("wang", 1), ("chen", 1))]
                try:
                    await self._story(world, server, devices)
                finally:
                    nursery.cancel_scope.cancel()
        finally:
            logger.removeHandler(complaints)
            self.problems += complaints.errors

    def _device(self, world: World, person: str, number: int) -> Device:
        device = Device(world, person, number, [other for other in PEOPLE if other != person])
        if self._wrong_clocks:
            device.skew = round(1e6 * world.random(f"clock of {device.name}").choice([0, -3, 3, -40, 40]))
        return device

    async def _story(self, world: World, server: Server, devices: list[Device]) -> None:
        everybody = [server, *devices]
        server.start()
        assert server.life is not None
        await server.life.ready.wait()
        for device in devices:
            device.start()
            await device.alive()
        await trio.sleep(3)
        until = self.trace.time + self._active
        gremlin = Gremlin(world, server, devices)
        async with trio.open_nursery() as busy:
            busy.start_soon(gremlin.run, until)
            for device in devices:
                busy.start_soon(device.converse, until)
        for device in devices:
            device.talkative = False
        found = await self._settled(devices)
        await self._examine(devices, found)
        await self._say_goodbye(devices)
        await trio.sleep(1)
        for each in reversed(everybody):
            await each.stop()
        for each in everybody:
            self.problems += each.problems

    async def _settled(self, devices: list[Device]) -> checks.Histories:
        end = self.trace.time + PATIENCE
        while True:
            await trio.sleep(5)
            found = await checks.histories(devices)
            missing = checks.still_missing(devices, found)
            if not missing:
                self.trace.note("everybody", "has everything")
                return found
            if self.trace.time > end:
                self.problems += missing
                return found

    async def _examine(self, devices: list[Device], found: checks.Histories) -> None:
        for device in devices:
            await device.catch_up(await device.alive())
        self.problems += checks.doubled(found)
        if not self._wrong_clocks:
            self.problems += checks.disordered(devices, found)
        self.problems += checks.altered(devices, found)
        self.problems += checks.unmoved(found)
        self.problems += await checks.miscounted(devices, found)
        self.problems += checks.unseen(devices, found)

    async def _say_goodbye(self, devices: list[Device]) -> None:
        """On the whole network now: one more message each, read by everybody."""
        for device in devices:
            for peer in device.others:
                await device.say(peer, "再见")
        await self._settled(devices)
        for device in devices:
            for peer in device.others:
                await device.read(peer, lambda page: page[-1])
        await trio.sleep(30)
        found = await checks.histories(devices)
        await self._examine(devices, found)
        self.problems += checks.unread_by_now(devices, found)
        for device in devices:
            self.problems += [f"{device.name} still has {line.unread} unread of {line.id}"
                              for line in (await device.lines()).values() if line.unread]
