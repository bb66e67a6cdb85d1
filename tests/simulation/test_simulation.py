"""Whole clients and the embedded server in one process, on virtual time, with every fault there is.

Run one seed again with ``TULOU_SEEDS=7-7``; many with ``TULOU_SEEDS=500`` and ``-m slow``.
"""

from __future__ import annotations

import os

import pytest
import trio
from simulation import Simulation
from trio.testing import MockClock

FEW = range(4)


def many() -> range:
    """Seeds from TULOU_SEEDS: a number of them, or the first and the last."""
    first, dash, last = os.environ.get("TULOU_SEEDS", "30").partition("-")
    return range(int(first), int(last) + 1) if dash else range(int(first))


def simulate(seed, folder, repeatable, **options):
    repeatable(seed)
    made = []

    async def story():
        made.append(Simulation(seed, folder, **options))
        await made[0].run()

    try:
        trio.run(story, clock=MockClock(autojump_threshold=0), strict_exception_groups=True)
    except BaseException:
        if made:
            print(made[0].trace.text())
        raise
    return made[0]


def check(seed, folder, repeatable, **options):
    simulation = simulate(seed, folder, repeatable, **options)
    if simulation.problems:
        trace = simulation.trace.text()
        (folder / "trace.txt").write_text(trace, "utf-8")
        print(trace)
        pytest.fail("\n".join([
            f"seed {seed} broke {len(simulation.problems)} promises (the trace is above and in"
            f" {folder / 'trace.txt'}; TULOU_SEEDS={seed}-{seed} with -m slow repeats it):",
            *simulation.problems[:40],
        ]), pytrace=False)


@pytest.mark.parametrize("seed", FEW)
def test_promises_hold_through_every_fault(seed, tmp_path, repeatable):
    check(seed, tmp_path, repeatable)


@pytest.mark.slow
@pytest.mark.parametrize("seed", many())
def test_promises_hold_with_many_seeds(seed, tmp_path, repeatable):
    check(seed, tmp_path, repeatable)


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in many() if seed)]
)
def test_nothing_is_lost_where_clocks_are_wrong(seed, tmp_path, repeatable):
    check(seed, tmp_path, repeatable, wrong_clocks=True)


def test_the_same_seed_tells_the_same_story(tmp_path, repeatable):
    one = simulate(1, tmp_path / "one", repeatable)
    other = simulate(1, tmp_path / "other", repeatable)
    assert one.trace.lines == other.trace.lines
