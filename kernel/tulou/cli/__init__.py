"""The `tulou` command: sub-commands of its own, and those that plugins contribute.

Nothing is imported before it is needed: a built-in sub-command is a module of this package, a
contributed one is known from the discovery index and imported when it is used.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tulou.cli import stdout
from tulou.errors import TulouError

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Builtin(NamedTuple):
    """A sub-command of ours: its module has ``configure(parser)`` and ``run(options)``."""

    module: str
    help: str


COMMANDS = {
    "run": Builtin("tulou.cli.run", "start an app and keep it running until Ctrl-C"),
    "check": Builtin("tulou.cli.check", "tell everything that is wrong with a composition, at once"),
    "plugins": Builtin("tulou.cli.plugins", "list, graph, why NAME, timeline: what runs, and why"),
    "why": Builtin("tulou.cli.plugins_why", "why a plugin starts, when, or why it cannot"),
    "lock": Builtin("tulou.cli.lock", "pin the plugins of a composition: version and content"),
    "doctor": Builtin("tulou.cli.doctor", "examine this installation"),
    "new": Builtin("tulou.cli.new", "make a plugin of your own from the template"),
}


UNREAD = 141
"""Exit status when the reader of stdout has gone, as shells have it (128 + SIGPIPE)."""


class Usage(TulouError):
    """The command line itself is wrong; exit status 2."""


class Settings(NamedTuple):
    """What may stand before the sub-command."""

    verbose: int = 0
    debug: bool = False


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    stdout.show_every_character()
    try:
        status = _status(arguments)
        stdout.flush()
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader has seen enough, as in `tulou plugins | head`
        return UNREAD
    except Exception as error:
        from tulou.cli.failure import report

        return report(error, debug)
    finally:
        stdout.give_up_if_broken()


def _status(arguments: list[str]) -> int:
    try:
        return _dispatch(arguments)
    except SystemExit as error:  # argparse has said why
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 1


def _dispatch(arguments: list[str]) -> int:
    settings, rest = _before_the_command(arguments)
    if not rest or rest[0] in ("-h", "--help", "help"):
        from tulou.cli.overview import show

        return show()
    if rest[0] == "--version":
        from tulou import __version__

        print(f"tulou {__version__}")
        return 0
    name, given = rest[0], rest[1:]
    if name in COMMANDS:
        return call(f"tulou {name}", COMMANDS[name], given, settings)
    from tulou.cli.contributed import call_contributed

    return call_contributed(name, given, settings)


def _before_the_command(arguments: list[str]) -> tuple[Settings, list[str]]:
    verbose, debug = 0, False
    for place, word in enumerate(arguments):
        if word in ("-v", "--verbose"):
            verbose += 1
        elif word == "-vv":
            verbose += 2
        elif word == "--debug":
            debug = True
        elif word.startswith("-") and word not in ("-h", "--help", "--version"):
            raise Usage(f"unknown option {word!r} before the sub-command; see `tulou --help`")
        else:
            return Settings(verbose, debug), arguments[place:]
    return Settings(verbose, debug), []


def call(program: str, command: Builtin, given: list[str], settings: Settings) -> int:
    """Parse the arguments of one of our sub-commands and run it."""
    from importlib import import_module

    from tulou.cli.logs import set_up

    module = import_module(command.module)
    options = module.plain(given) if hasattr(module, "plain") else None
    if options is not None:
        set_up(*settings)
    else:
        from argparse import ArgumentParser

        parser = ArgumentParser(prog=program, description=_sentence(command.help))
        add_common(parser, settings)
        module.configure(parser)
        options = parser.parse_args(given)
        set_up(options.verbose, options.debug)
    status: int = module.run(options)
    return status


def add_common(parser: ArgumentParser, settings: Settings) -> None:
    """Options that every sub-command has."""
    parser.add_argument("-v", "--verbose", action="count", default=settings.verbose,
                        help="tell more; twice: tell everything")
    parser.add_argument("--debug", action="store_true", default=settings.debug,
                        help="show where in the code an error comes from")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
