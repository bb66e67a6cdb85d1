"""Breaks things at times that the seed knows."""

from __future__ import annotations

from functools import partial

import trio
from sim_people import Device
from sim_world import Installation, Server, World


class Gremlin:
    """Every few seconds it does one harm."""

    def __init__(self, world: World, server: Server, devices: list[Device], every: float = 3.0) -> None:
        self._world = world
        self._server = server
        self._devices = devices
        self._every = every
        self._rng = world.random("gremlin")
        self._note = world.trace.note

    async def run(self, until: float) -> None:
        """Do harm until a time; then everything heals."""
        rng, world = self._rng, self._world
        harms = [
            (self._cut, 6), (self._swallow, 4), (self._refuse, 3), (self._vanish, 2), (self._slow, 2),
            (self._restart_server, 1), (self._crash_server, 2), (self._restart_client, 2),
            (self._crash_client, 3),
        ]
        world.weather.calm = False
        async with trio.open_nursery() as nursery:
            while world.trace.time < until:
                await trio.sleep(rng.expovariate(1 / self._every))
                for _ in range(rng.randrange(30)):  # somewhere inside what happens just now
                    await trio.lowlevel.checkpoint()
                harm = rng.choices([each for each, _ in harms], [weight for _, weight in harms])[0]
                nursery.start_soon(harm)
        self._heal()

    def _heal(self) -> None:
        world = self._world
        world.weather.calm = True
        world.weather.latency = 0.05
        world.refusing.clear()
        world.unanswered.clear()
        for cable in world.cables:
            for pipe in cable.pipes():
                pipe.fuse = None  # what is silent stays so: that must be found out
        for each in (self._server, *self._devices):
            each.start()
        self._note("network", "heals")

    def _victim(self) -> Device:
        return self._rng.choice(self._devices)

    async def _cut(self) -> None:
        keep = self._rng.random(), self._rng.random()
        for cable in self._world.cables_of(self._victim().name):
            self._note("network", "cuts", str(cable))
            cable.cut(*keep)

    async def _swallow(self) -> None:
        up, down = self._rng.choice([(True, False), (False, True), (True, True)])
        for cable in self._world.cables_of(self._victim().name):
            self._note("network", "swallows", f"{cable}{' up' * up}{' down' * down}")
            cable.swallow(up, down)

    async def _refuse(self) -> None:
        await self._cut()
        until = self._world.trace.time + self._rng.uniform(2, 20)
        for device in self._rng.sample(self._devices, self._rng.randint(1, len(self._devices))):
            self._note("network", "refuses", f"{device.name} until {until:.1f}")
            self._world.refusing[device.name] = until

    async def _vanish(self) -> None:
        victim, until = self._victim(), self._world.trace.time + self._rng.uniform(2, 20)
        self._note("network", "vanishes", f"for {victim.name} until {until:.1f}")
        self._world.unanswered[victim.name] = until
        for cable in self._world.cables_of(victim.name):
            cable.swallow(True, True)

    async def _slow(self) -> None:
        self._world.weather.latency = latency = self._rng.choice([0.005, 0.05, 0.3, 2.0])
        self._note("network", "has a latency of", f"{latency:g} s")

    async def _restart_server(self) -> None:
        await self._restart(self._server)

    async def _restart_client(self) -> None:
        await self._restart(self._victim())

    async def _restart(self, victim: Installation) -> None:
        pause = self._rng.expovariate(1 / 5)
        await victim.stop()
        await trio.sleep(pause)
        victim.start()

    async def _crash_server(self) -> None:
        await self._crash(self._server, [])

    async def _crash_client(self) -> None:
        await self._crash(self._victim(), ["sending", "storing", "hearing"])

    async def _crash(self, victim: Installation, points: list[str]) -> None:
        """Now, or a few steps after something that it does, or after some more bytes on one cable."""
        rng, life = self._rng, victim.life
        pause, steps, more = rng.expovariate(1 / 5), rng.randrange(25), rng.randint(1, 600)
        point = rng.choice([*points, "bytes", "bytes", "now"])
        pipe = rng.choice([pipe for cable in self._world.cables_of(victim.name) for pipe in cable.pipes()]
                          or [None])
        if life is None:
            return
        if point != "now":
            life.doomed = point, steps
            if point == "bytes" and pipe is not None:
                pipe.fuse = pipe.sent + more, partial(victim.reach, life, point)
            with trio.move_on_after(10):
                await life.over.wait()
        if victim.life is life:
            victim.crash("just so")
        await trio.sleep(pause)
        victim.start()
