"""mypy --strict on every plugin, each with only the paths it may see. Run by the lint environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """The number of plugins with faults, capped at one."""
    path = os.pathsep.join(map(str, [ROOT / "kernel", *(ROOT / "plugins").iterdir()]))
    faulty = False
    for folder in sorted((ROOT / "plugins").iterdir()):
        package = folder / f"tulou_{folder.name}"
        if package.is_dir():
            print(f"mypy {folder.name}: ", end="", flush=True)
            done = subprocess.run(
                [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "setup.cfg"), str(package)],
                env={**os.environ, "MYPYPATH": path}, check=False)
            faulty |= done.returncode != 0
    return int(faulty)


if __name__ == "__main__":
    raise SystemExit(main())
