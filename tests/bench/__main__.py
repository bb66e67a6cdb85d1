"""``python -m tests.bench``: run the measurements, a line of JSON each, then a table.

``ONLY=kernel`` in the environment (or as argument) keeps to one part: the files named
``bench_kernel*.py``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from tests.bench.harness import Measurement


def parts(only: str) -> Iterator[str]:
    """Module names of the parts to run."""
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        if path.stem.removeprefix("bench_").startswith(only):
            yield f"{__package__}.{path.stem}"


def table(results: list[Measurement]) -> str:
    """What the lines say, for people."""
    rows = [("measurement", "ratio", "bar", "holds", "peers")]
    for each in results:
        peers = ", ".join(f"{name} {ratio:.3g}" for name, ratio in each.peer.items())
        holds = "-" if each.holds is None else "yes" if each.holds else "NO"
        rows.append((each.name, f"{each.ratio:.3g}", each.bar, holds, peers))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def main() -> int:
    """Always 0: a measurement informs, it does not judge the build."""
    only = (sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ONLY", "")).lower()
    results: list[Measurement] = []
    for name in parts(only):
        for measurement in import_module(name).measure():
            print(measurement.line(), flush=True)
            results.append(measurement)
    print(f"\n{table(results)}" if results else f"no part is called {only!r}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
