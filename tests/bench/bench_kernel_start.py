"""What a start costs: in the process, as a whole process, with layers, with a long chain."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from tests.bench.harness import Measurement, at_most, in_turn, python, reported_in_turn
from tulou import Composition, Context, Kernel, Plugin

MODULE = '''\
from contextlib import asynccontextmanager
from tulou import Plugin

plugin = Plugin(name="trivial-{n}", run="trivial_{n}:run")


@asynccontextmanager
async def run(ctx):
    yield
'''

IMPORTS = """\
from importlib import import_module
for n in range(int(sys.argv[1])): import_module(f'trivial_{n}')
"""

ALONE_INSIDE = ("import sys, time, tulou.kernel, trio\nbegin = time.perf_counter()\n" + IMPORTS
                + "print(time.perf_counter() - begin)")

KERNEL_INSIDE = '''
import sys, time, trio, tulou.kernel
from tulou import Composition, Kernel

async def main():
    begin = time.perf_counter()
    kernel = Kernel(Composition.load(sys.argv[2]))
    async with kernel.running():
        print(time.perf_counter() - begin)
        assert sum(each.state.value == "running" for each in kernel.status()) == int(sys.argv[1])

trio.run(main)
'''

STEVEDORE_INSIDE = '''
import sys, time, trio, tulou.kernel
from stevedore.extension import ExtensionManager
begin = time.perf_counter()
manager = ExtensionManager("tulou.plugins", invoke_on_load=False)
print(time.perf_counter() - begin)
assert len(manager.extensions) >= int(sys.argv[1])
'''

ALONE_WHOLE = "import os, sys, trio\n" + IMPORTS + '''
async def main():
    os._exit(0)

trio.run(main)
'''

KERNEL_WHOLE = '''
import os, sys, trio
from tulou import Composition, Kernel

async def main():
    async with Kernel(Composition.load(sys.argv[2])).running():
        os._exit(0)

trio.run(main)
'''


def measure() -> Iterator[Measurement]:
    """All measurements of this file."""
    with tempfile.TemporaryDirectory(prefix="tulou-bench-") as name:
        folder = Path(name)
        for count, inside, whole in ((50, 1.6, 1.05), (200, 1.35, 1.08)):
            house = install(folder / f"{count}", count)
            yield inside_process(house, count, inside)
            yield whole_process(house, count, whole)
        yield few_of_many(folder)
    yield import_alone()
    yield layered()
    yield chain()


def install(folder: Path, count: int, active: int | None = None) -> Path:
    """A folder with `count` trivial distributions, and a composition of the first `active`."""
    folder.mkdir()
    for n in range(count):
        (folder / f"trivial_{n}.py").write_text(MODULE.format(n=n))
        info = folder / f"trivial_{n}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: trivial-{n}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[tulou.plugins]\ntrivial-{n} = trivial_{n}:plugin\n")
    chosen = range(count if active is None else active)
    (folder / "all.toml").write_text("".join(f"[plugins.trivial-{n}]\n" for n in chosen))
    return folder


def runner(code: str, house: Path, count: int) -> Callable[[], str]:
    """Runs code in a process that has the distributions of `house` and a warm index."""
    return lambda: python(code, str(count), str(house / "all.toml"), path=house, cache=house / "cache")


def inside_process(house: Path, count: int, bar: float) -> Measurement:
    """Start trivial plugins, trio and kernel already imported, against importing their modules."""
    sides = {"tulou": KERNEL_INSIDE, "imports alone": ALONE_INSIDE, "stevedore": STEVEDORE_INSIDE}
    medians = reported_in_turn({
        name: (lambda run=runner(code, house, count): float(run())) for name, code in sides.items()}, 11)
    return at_most(f"start {count} trivial plugins / importing them", bar, medians,
                   ours="tulou", floor="imports alone", peers=("stevedore",))


def whole_process(house: Path, count: int, bar: float) -> Measurement:
    """The whole process, against a script that imports trio and the same modules."""
    medians = in_turn({"tulou": runner(KERNEL_WHOLE, house, count),
                       "script": runner(ALONE_WHOLE, house, count)}, 15)
    return at_most(f"process that starts {count} plugins / script that imports them", bar, medians,
                   ours="tulou", floor="script")


def few_of_many(folder: Path) -> Measurement:
    """Five active plugins of 200 installed, against five of five."""
    many, few = install(folder / "many", 200, 5), install(folder / "few", 5)
    medians = in_turn({"200 installed": runner(KERNEL_WHOLE, many, 5),
                       "5 installed": runner(KERNEL_WHOLE, few, 5)}, 15)
    return at_most("5 active of 200 installed / of 5 installed", 1.05, medians,
                   ours="200 installed", floor="5 installed")


def import_alone() -> Measurement:
    """`import tulou` against `import trio`, whole processes."""
    medians = in_turn({"import tulou": lambda: python("import tulou"),
                       "import trio": lambda: python("import trio"),
                       "import stevedore, pluggy": lambda: python("import stevedore, pluggy")}, 15)
    return at_most("import tulou / import trio", 1.05, medians, ours="import tulou", floor="import trio",
                   peers=("import stevedore, pluggy",))


def plugin(n: int, run: Callable[[Context], AsyncIterator[None]], **settings: Any) -> Plugin:
    """A numbered plugin."""
    return Plugin(name=f"layer-{n}", run=asynccontextmanager(run), **settings)


def kernel_of(plugins: list[Plugin]) -> Kernel:
    """A kernel of these, nothing else."""
    return Kernel(Composition.of(*(each.name for each in plugins)), plugins=plugins, blocked_after=0)


def layered(layers: int = 5, width: int = 8, wait: float = 0.010) -> Measurement:
    """Plugins in layers that each wait 10 ms at start, against the critical path of waits alone."""
    contracts = [[type(f"C{layer}{n}", (), {}) for n in range(width)] for layer in range(layers)]

    def make(layer: int, n: int) -> Plugin:
        contract = contracts[layer][n]

        async def run(ctx: Context) -> AsyncIterator[None]:
            await trio.sleep(wait)
            ctx.provide(contract, contract())
            yield
        below = tuple(contracts[layer - 1]) if layer else ()
        return plugin(layer * width + n, run, provides=(contract,), requires=below)

    async def ours() -> float:
        begin = time.perf_counter()
        plugins = [make(layer, n) for layer in range(layers) for n in range(width)]
        async with kernel_of(plugins).running():
            return time.perf_counter() - begin

    async def path() -> float:
        begin = time.perf_counter()
        for _ in range(layers):
            await trio.sleep(wait)
        return time.perf_counter() - begin

    medians = reported_in_turn({"tulou": lambda: trio.run(ours), "critical path": lambda: trio.run(path)}, 9)
    return at_most(f"{layers} layers of {width} plugins waiting 10 ms / critical path", 1.15, medians,
                   ours="tulou", floor="critical path")


def chain() -> Measurement:
    """A chain in reverse order: time for 2,000 against 200 (10 would be proportional); 1,000 come up."""
    async def start(length: int) -> float:
        contracts = [type(f"Link{n}", (), {}) for n in range(length)]

        def link(n: int) -> Plugin:
            async def run(ctx: Context) -> AsyncIterator[None]:
                ctx.provide(contracts[n], contracts[n]())
                yield
            below = (contracts[n - 1],) if n else ()
            return plugin(n, run, provides=(contracts[n],), requires=below)
        plugins = [link(n) for n in reversed(range(length))]
        begin = time.perf_counter()
        kernel = kernel_of(plugins)
        async with kernel.running():
            taken = time.perf_counter() - begin
            assert all(each.state.value == "running" for each in kernel.status())
            return taken

    trio.run(start, 1000)
    starts = {"2000": lambda: trio.run(start, 2000), "200": lambda: trio.run(start, 200)}
    medians = reported_in_turn(starts, 5)
    return at_most("chain of 2,000 in reverse order / of 200", 12.0, medians, ours="2000", floor="200")
