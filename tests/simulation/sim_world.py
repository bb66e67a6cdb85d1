"""Installations in one process: each runs one kernel after the other on its profile, and may crash.

A crash is a copy of the profile folder at that very moment, and an abandoned kernel: its network is
gone, nobody hears it, and what it still writes goes to a folder that nobody reads again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import trio
import tulou_server
from sim_net import wire
from sim_trace import Trace
from sim_wire import Cable, SimListener, SimStream, Weather
from tulou import Composition, Kernel, Plugin
from tulou.testing import virtual_now
from tulou_contracts.server import ChatServer
from tulou_server.server import Door
from tulou_server.service import run as run_server

ENDPOINT = "ws://127.0.0.1:5280/xmpp-websocket"
DOMAIN = "tulou.localhost"
PASSWORD = "密码 secret"


class World:
    """What all installations share: the clock, the weather, the cables, the trace."""

    def __init__(self, seed: int, folder: Path, nursery: trio.Nursery, trace: Trace) -> None:
        self.seed = seed
        self.folder = folder
        self.nursery = nursery
        self.trace = trace
        self.weather = Weather()
        self.now = virtual_now()
        self.door: SimListener | None = None
        self.cables: list[Cable] = []
        self.laid = 0
        """Cables so far."""
        self.refusing: dict[str, float] = {}
        """Who is refused, and until when."""
        self.unanswered: dict[str, float] = {}
        """Whose first packets vanish, and until when."""

    def random(self, what: str) -> Random:
        """Chance for one purpose, the same for the same seed whatever else happens."""
        return Random(f"{self.seed}/{what}")

    def cables_of(self, name: str) -> list[Cable]:
        """Those that still carry something; the server has all."""
        self.cables = [cable for cable in self.cables if cable.alive]
        return [cable for cable in self.cables if name in ("server", cable.name.split(":")[0])]


class Life:
    """One kernel of an installation, from its start to its end or crash."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder
        self.number = number
        self.scope = trio.CancelScope()
        self.kernel: Kernel | None = None
        self.dead = False
        self.doomed: tuple[str, int] | None = None
        """What it will crash at, and how many steps of the scheduler after that."""
        self.ready = trio.Event()
        self.leave = trio.Event()
        self.over = trio.Event()


class Installation:
    """A profile folder and who runs on it."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.life: Life | None = None
        self.lives = 0
        self.rng = world.random(name)
        self.problems: list[str] = []
        self._folder = world.folder / name / "0"

    # what kinds differ in

    def composition(self) -> Composition:
        """What it runs."""
        raise NotImplementedError

    def plugins(self, life: Life) -> list[Plugin]:
        """Plugins that stand in for the outside."""
        raise NotImplementedError

    def handlers(self, life: Life) -> dict[type, Callable[[Any], Any]]:
        """Who hears its events."""
        return {}

    async def settle_in(self, life: Life) -> None:
        """What comes first in each life."""

    def cut_off(self, life: Life) -> None:
        """Its process ended."""

    # lives

    def start(self) -> None:
        """Begin a life, if there is none."""
        if self.life is None:
            self.lives += 1
            self.life = Life(self._folder, self.lives)
            self.world.nursery.start_soon(self._live, self.life, name=f"{self.name} {self.lives}")

    async def _live(self, life: Life) -> None:
        self.world.trace.note(self.name, "starts", f"life {life.number}")
        try:
            with life.scope:
                kernel = life.kernel = Kernel(
                    self.composition(), profile=life.folder, plugins=self.plugins(life), now=self.now,
                    seed=self.rng.getrandbits(32), blocked_after=0,
                )
                async with kernel.running():
                    with ExitStack() as heard:
                        for event, handler in self.handlers(life).items():
                            heard.enter_context(kernel.subscribed(event, handler))
                        await self.settle_in(life)
                        life.ready.set()
                        await life.leave.wait()
                        self._examine(life)
        except Exception as error:
            if not life.dead:
                self.problems.append(f"{self.name} failed in life {life.number}: {error!r}")
                raise
        finally:
            life.over.set()
            if not life.dead:
                self.life = None
                self.cut_off(life)
            self.world.trace.note(self.name, "is gone" if life.dead else "has stopped", f"life {life.number}")

    def now(self) -> int:
        """This machine's wall clock."""
        return self.world.now()

    def _examine(self, life: Life) -> None:
        assert life.kernel is not None
        for each in life.kernel.status():
            if each.state.value != "running" or each.faults:
                self.problems.append(
                    f"plugin {each.name} of {self.name} is {each.state.value} with {each.faults} faults"
                    f" at the end of life {life.number}: {each.reason}")

    def reach(self, life: Life, point: str) -> None:
        """It does something now that it may be doomed to crash at."""
        if life.doomed is not None and life.doomed[0] == point:
            steps, life.doomed = life.doomed[1], None
            self.world.nursery.start_soon(self._crash_after, life, steps, point)

    async def _crash_after(self, life: Life, steps: int, point: str) -> None:
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        if self.life is life:
            self.crash(f"{steps} steps after {point}")

    async def stop(self) -> None:
        """End in order."""
        life = self.life
        if life is not None:
            self.world.trace.note(self.name, "stops", f"life {life.number}")
            life.leave.set()
            await life.over.wait()

    def crash(self, why: str) -> None:
        """End now, wherever everything stands; the profile is what the disk holds at this moment."""
        life, rng = self.life, self.rng
        if life is None or life.dead:
            return
        life.dead = True
        self.life = None
        self.world.trace.note(self.name, "CRASHES", f"life {life.number}, {why}")
        self._folder = self.world.folder / self.name / str(self.lives)
        if life.folder.exists():
            # SQLite finds the write-ahead log's index useless after a crash and makes it anew
            shutil.copytree(life.folder, self._folder, ignore=shutil.ignore_patterns("*-shm", ".lock"))
        told = rng.random() < 0.6
        for cable in self.world.cables_of(self.name):
            if told:
                cable.cut(rng.random(), rng.random())
            else:
                cable.swallow(True, True)
        self.cut_off(life)
        life.scope.cancel()


class Server(Installation):
    """The company's server."""

    def __init__(self, world: World, people: dict[str, str]) -> None:
        super().__init__(world, "server")
        self._people = people

    def composition(self) -> Composition:
        return Composition.of(
            store={"threads": False},
            server={"threads": False, "scram_iterations": 4096, "domain": DOMAIN},
        )._replace(essential=frozenset({"store", "server"}))

    def plugins(self, life: Life) -> list[Plugin]:
        manifest = tulou_server.plugin
        return [Plugin(
            name=manifest.name, level=manifest.level, requires=manifest.requires,
            provides=manifest.provides, config=manifest.config,
            run=partial(run_server, listen=partial(self._listen, life)),
        )]

    async def _listen(self, life: Life, _: object) -> Door:
        door = SimListener()
        if not life.dead:
            self.world.door = door
        return Door([door], ENDPOINT)

    async def settle_in(self, life: Life) -> None:
        if life.number == 1:
            assert life.kernel is not None
            server = life.kernel.service(ChatServer)
            for name, title in self._people.items():
                await server.create_account(name, PASSWORD, title)
            names = sorted(self._people)
            for one in names:
                for other in names:
                    if one < other:
                        await server.befriend(one, other)

    def cut_off(self, life: Life) -> None:
        self.world.door = None


class Client(Installation):
    """The app on one device, without its pages."""

    def composition(self) -> Composition:
        return Composition.of(
            "wire", store={"threads": False}, crypto={"threads": False, "keyring": "file"}, auth={},
            xmpp={"threads": False}, im={"page": self.rng.choice([3, 10, 100]), "in_flight": 8},
        )._replace(essential=frozenset({"wire", "store", "crypto", "auth", "xmpp", "im"}))

    def plugins(self, life: Life) -> list[Plugin]:
        return [wire(partial(self._dial, life))]

    async def _dial(self, life: Life) -> SimStream:
        """A connection to the server, if there is a way to it."""
        world, rng = self.world, self.rng
        await trio.sleep(rng.uniform(0.2, 1.0) * world.weather.latency)
        if world.unanswered.get(self.name, 0) > world.trace.time:
            world.trace.note(self.name, "hears nothing")
            await trio.sleep_forever()
        door = world.door
        refused = world.refusing.get(self.name, 0) > world.trace.time
        if life.dead or door is None or not door.open or refused:
            if not life.dead:
                world.trace.note(self.name, "is refused")
            raise ConnectionRefusedError("refused")
        world.laid += 1
        cable = Cable(f"{self.name}:{world.laid}", Random(rng.random()), world.weather)
        world.cables.append(cable)
        if not world.weather.calm:
            self._weaken(cable)
        world.trace.note(self.name, "connects", cable.name)
        door.offer(cable.far)
        return cable.near

    def _weaken(self, cable: Cable) -> None:
        """Perhaps it fails by itself, after some bytes in some direction, in the middle of a frame."""
        rng = cable.rng
        if rng.random() < 0.5:
            pipe = rng.choice(cable.pipes())
            keep = rng.random(), rng.random()
            way = rng.choice(["cut", "cut", "silent up", "silent down", "silent"])

            def blow() -> None:
                self.world.trace.note(self.name, "loses its cable", f"{way}, {cable}")
                if way == "cut":
                    cable.cut(*keep)
                else:
                    cable.swallow(way != "silent down", way != "silent up")

            pipe.fuse = int(2 ** rng.uniform(7, 14)), blow
