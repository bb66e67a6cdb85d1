"""`tulou` without arguments: all sub-commands, contributed ones by plugin."""

from __future__ import annotations

import sys

from tulou.cli import COMMANDS


def show() -> int:
    """Print the help."""
    from tulou.cli.contributed import contributed
    from tulou.discovery import refresh

    found, problems = contributed(refresh())
    width = max(len(name) for name in (*COMMANDS, *found)) + 2
    print("usage: tulou [-v] [--debug] COMMAND ...\n")
    print("commands:")
    for name, builtin in COMMANDS.items():
        print(f"  {name:{width}}{builtin.help}")
    plugins = sorted({each.plugin for each in found.values()})
    for plugin in plugins:
        print(f"\nby the plugin {plugin}:")
        for name, each in sorted(found.items()):
            if each.plugin == plugin:
                print(f"  {name:{width}}{each.help}")
    print("\n`tulou COMMAND --help` tells more.")
    for problem in problems:
        print(f"tulou: {problem}", file=sys.stderr)
    return 0
