"""Sub-commands that plugins contribute; known from the index, imported when used."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from tulou.cli import COMMANDS, Settings, Usage
from tulou.cli.stdout import lasting
from tulou.discovery import Discovery, installed, refresh
from tulou.errors import ManifestError


class Contributed(NamedTuple):
    """A command, and the plugin that has it."""

    plugin: str
    help: str
    target: str


def contributed(found: Discovery) -> tuple[dict[str, Contributed], list[str]]:
    """By command name; and a sentence for each that has to stand back."""
    commands: dict[str, Contributed] = {}
    problems = []
    for plugin, entry in sorted(found.plugins.items()):
        for each in entry.commands:
            if each.name in COMMANDS:
                problems.append(f"plugin {plugin!r} contributes a command {each.name!r}, which `tulou`"
                                " has itself; rename it in the plugin's manifest")
            elif each.name in commands:
                problems.append(f"plugins {commands[each.name].plugin!r} and {plugin!r} both contribute"
                                f" a command {each.name!r}; that of {commands[each.name].plugin!r} is"
                                " used - rename one, or uninstall a plugin")
            else:
                commands[each.name] = Contributed(plugin, each.help, each.run)
    return commands, problems


def call_contributed(name: str, given: list[str], settings: Settings) -> int:
    """Run a contributed command. Raises `Usage` when there is none, with the closest name."""
    commands, problems = contributed(installed())
    if name not in commands:  # perhaps added to a manifest that was installed before
        commands, problems = contributed(refresh())
    if name not in commands:
        raise Usage(_unknown(name, [*COMMANDS, *commands]))
    for problem in problems:
        if repr(name) in problem:
            print(f"tulou: {problem}", file=sys.stderr)
    command = commands[name]
    from tulou.cli.logs import set_up

    set_up(settings.verbose, settings.debug)
    function = _load(name, command)
    with lasting():
        status = function(given)
    return status if isinstance(status, int) else 0


def _load(name: str, command: Contributed) -> Callable[[list[str]], Any]:
    module, _, attribute = command.target.partition(":")
    try:
        function: Callable[[list[str]], Any] = getattr(import_module(module), attribute)
    except Exception as error:
        raise ManifestError(f"the command {name!r} of plugin {command.plugin!r} is broken: importing"
                            f" {command.target} raises {type(error).__name__}: {error}") from error
    if not callable(function):
        raise ManifestError(f"the command {name!r} of plugin {command.plugin!r} is broken:"
                            f" {command.target} is not a function")
    return function


def _unknown(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, 1)
    hint = f"did you mean {close[0]!r}?" if close else "`tulou` alone lists them"
    return f"there is no command {name!r}; {hint}"
