"""How everything here is measured: sides in turn within one run, medians, and their ratio.

Times on a shared machine are noise; a ratio of two things measured in turn is not, or much less.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple


class Measurement(NamedTuple):
    """One result. `ratio` is ours over the floor (or peer over ours, if the name says faster).

    `holds`: the ratio is within `bar` (None: nothing is promised); `peer`: what the same ratio is
    for somebody else, in this run; `medians`: seconds behind the ratio.
    """

    name: str
    ratio: float
    bar: str
    holds: bool | None
    peer: Mapping[str, float]
    medians: Mapping[str, float]

    def line(self) -> str:
        """One line of JSON."""
        table = self._asdict() | {
            "ratio": round(self.ratio, 3),
            "peer": {key: round(value, 3) for key, value in self.peer.items()},
            "medians": {key: float(f"{value:.4g}") for key, value in self.medians.items()},
        }
        return json.dumps(table, ensure_ascii=False)


def at_most(
    name: str, bar: float, medians: Mapping[str, float], *, ours: str, floor: str,
    peers: tuple[str, ...] = (),
) -> Measurement:
    """A measurement that holds while ours / floor <= bar."""
    ratio = medians[ours] / medians[floor]
    peer = {each: medians[each] / medians[floor] for each in peers if each in medians}
    return Measurement(name, ratio, f"<= {bar:g}", ratio <= bar, peer, medians)


def in_turn(sides: Mapping[str, Callable[[], object]], rounds: int = 9) -> dict[str, float]:
    """Median seconds of each side, called in turn `rounds` times after one round that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, side in sides.items():
            gc.collect()
            begin = time.perf_counter()
            side()
            if turn:
                taken[name].append(time.perf_counter() - begin)
    return {name: median(times) for name, times in taken.items()}


def reported_in_turn(sides: Mapping[str, Callable[[], float]], rounds: int = 9) -> dict[str, float]:
    """As `in_turn`, for sides that say themselves how many seconds they took."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, side in sides.items():
            seconds = side()
            if turn:
                taken[name].append(seconds)
    return {name: median(times) for name, times in taken.items()}


def python(code: str, *arguments: str, path: Path | None = None, cache: Path | None = None) -> str:
    """Run Python code in a process of its own, with .pyc files as people have them; its output."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    if cache is not None:
        environment["TULOU_CACHE"] = str(cache)
    done = subprocess.run([sys.executable, "-c", code, *arguments], env=environment, check=True,
                          capture_output=True, text=True)
    return done.stdout
