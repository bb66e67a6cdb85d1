"""One plugin alone, as somebody gets it who installs nothing else: wheels of tulou, of the plugin and
of what it declares, in an environment without the other rooms; then its tests. Tests that need
other rooms are skipped, each with the reason.

    python tests/house/alone.py plugin-store [arguments for pytest]
"""

from __future__ import annotations

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest
import wheels


def install(distribution: str) -> None:
    """Put a distribution and what it needs here, in place of what of the house was here before."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = [
            wheels.build("wheel", wheels.copy_clean(each, folder / each), folder)
            for each in wheels.closure(distribution)
        ]
        pip = ("-m", "pip", "--disable-pip-version-check", "--quiet")
        wheels.run(*pip, "uninstall", "--yes", *wheels.distributions())
        wheels.run(*pip, "install", *made)


def main(environment: str, *arguments: str) -> int:
    """Install and test; the exit status."""
    plugin = environment.removeprefix("plugin-")
    install(f"tulou-{plugin}")
    for package in ("tulou", "tulou_contracts", f"tulou_{plugin}"):
        spec = find_spec(package)
        if spec is None or spec.origin is None or Path(spec.origin).is_relative_to(wheels.ROOT / "kernel"):
            raise SystemExit(f"{package} was not installed from its wheel: {spec}")
    print(f"installed: {', '.join(wheels.closure(f'tulou-{plugin}'))}", flush=True)
    return int(pytest.main([*arguments, str(wheels.ROOT / "tests" / "plugins" / plugin)]))


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
