"""``python -m tulou.testing NAME``: the conformance suite against an installed plugin."""

from __future__ import annotations

import sys

import pytest

from tulou.testing.conformance import __file__ as suite


def main(arguments: list[str]) -> int:
    """Run the suite; further arguments go to pytest."""
    if not arguments or arguments[0].startswith("-"):
        print("usage: python -m tulou.testing PLUGIN [pytest options]", file=sys.stderr)
        return 2
    name, *rest = arguments
    return int(pytest.main([
        suite, "--tulou-plugin", name, "-p", "no:cacheprovider", "-o", "trio_mode=true",
        "-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning",  # it is how it is started
        "-o", "addopts=", "--import-mode=importlib", *rest]))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
