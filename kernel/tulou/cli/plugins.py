"""`tulou plugins`: its sub-commands, each a module of its own."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from tulou.cli import Builtin, Settings, Usage, call

COMMANDS = {
    "list": Builtin("tulou.cli.plugins_list", "what is installed, and what a composition makes of it"),
    "graph": Builtin("tulou.cli.plugins_graph", "who requires whom, as a tree or for Graphviz"),
    "why": Builtin("tulou.cli.plugins_why", "why a plugin starts, when, or why it cannot"),
    "timeline": Builtin("tulou.cli.plugins_timeline", "start an app once and show what took how long"),
}


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    from argparse import REMAINDER, RawDescriptionHelpFormatter

    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = "\n".join(f"  {name:10}{each.help}" for name, each in COMMANDS.items())
    parser.add_argument("action", metavar="|".join(COMMANDS), nargs="?", default="list")
    parser.add_argument("rest", nargs=REMAINDER, metavar="...")


def run(options: Namespace) -> int:
    """Hand over to the sub-command. Raises `Usage` for an unknown one."""
    command = COMMANDS.get(options.action)
    if command is None:
        from difflib import get_close_matches

        close = get_close_matches(options.action, COMMANDS, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(COMMANDS)}"
        raise Usage(f"there is no command 'plugins {options.action}'; {hint}")
    return call(f"tulou plugins {options.action}", command, options.rest,
                Settings(options.verbose, options.debug))
