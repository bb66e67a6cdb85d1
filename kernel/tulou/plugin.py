"""The manifest: everything the kernel knows of a plugin before running a line of it.

A manifest is data. Importing the module that holds it must stay cheap, so `run`, `config` and
command functions are named as ``"package.module:attribute"`` and imported only when needed.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, NamedTuple

from tulou.errors import ManifestError

API_VERSION = "1.0"
"""Version of the plugin API that this kernel speaks (major.minor, compared by PEP 440 ranges)."""


class Level(IntEnum):
    """Where in the house a plugin lives; lower starts earlier when dependencies leave a choice."""

    BASE = 100
    CORE = 200
    FEATURE = 300
    SHELL = 400


class Needs(NamedTuple):
    """A requirement with a version range, e.g. ``Needs(Messenger, ">=1,<2")`` (PEP 440)."""

    contract: type
    versions: str


class Restart(NamedTuple):
    """How often a failed plugin is started again: `attempts` within `window` seconds.

    The delay before an attempt grows from `base` to `cap` seconds, with full jitter.
    """

    attempts: int = 3
    window: float = 60.0
    base: float = 0.5
    cap: float = 10.0


class Command(NamedTuple):
    """A sub-command of `tulou` that a plugin contributes; `run` is imported only when used.

    `run` takes one parameter, the list of remaining arguments, and returns the exit status.
    """

    name: str
    help: str
    run: str


class Plugin:
    """One plugin, declared. Do not change a manifest once it is made.

    `run` names an async context manager function that takes a `Context`: set up, yield, tear down.
    `requires` start before this plugin and stop after it; `wants` are bound when they come.
    `grants` are the permissions it asks for, `config` a dataclass describing its settings.
    Deadlines are in seconds.

    Raises `ManifestError` when a value cannot be right.
    """

    # written out, not a dataclass: generating one costs every start a millisecond

    def __init__(
        self, *, name: str, run: str | Callable[[Any], Any], summary: str = "", version: str = "0",
        level: int = Level.FEATURE,
        requires: tuple[type | Needs, ...] = (), wants: tuple[type, ...] = (),
        provides: tuple[type, ...] = (), grants: tuple[str, ...] = (),
        config: str | type | None = None, commands: tuple[Command, ...] = (), api: str = ">=1,<2",
        start_deadline: float = 30.0, stop_deadline: float = 10.0, restart: Restart = Restart(),
    ) -> None:
        self.name = name
        self.run = run
        self.summary = summary
        self.version = version
        self.level = level
        self.requires = requires
        self.wants = wants
        self.provides = provides
        self.grants = grants
        self.config = config
        self.commands = commands
        self.api = api
        self.start_deadline = start_deadline
        self.stop_deadline = stop_deadline
        self.restart = restart
        self._check()

    def _check(self) -> None:
        if not isinstance(self.name, str) or not is_name(self.name):
            raise ManifestError(
                f"plugin name {self.name!r}: use lower-case words joined by '-', e.g. 'my-greeter'"
            )
        if isinstance(self.run, str) and not _is_target(self.run):
            raise ManifestError(
                f"plugin {self.name!r}: run={self.run!r} is not of the form 'package.module:function'"
            )
        if not isinstance(self.level, int):
            raise ManifestError(f"plugin {self.name!r}: level={self.level!r} should be a Level or a number")
        for label, kinds in _ENTRIES:
            value = getattr(self, label)
            if not isinstance(value, tuple):
                shown = getattr(value, "__name__", repr(value))
                raise ManifestError(
                    f"plugin {self.name!r}: {label} must be a tuple, not {type(value).__name__}"
                    f" - did you forget a comma, as in {label}=({shown},)?"
                )
            for each in value:
                if not isinstance(each, kinds):
                    what = " or ".join(kind.__name__ for kind in kinds)
                    raise ManifestError(f"plugin {self.name!r}: {label} holds {each!r}, which is no {what}")

    def __repr__(self) -> str:
        return f"<Plugin {self.name!r} {self.version}>"


_ENTRIES: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("requires", (type, Needs)), ("wants", (type,)), ("provides", (type,)), ("grants", (str,)),
    ("commands", (Command,)),
)


def is_name(text: str) -> bool:
    """Whether a text can be a plugin's name: lower-case ASCII words joined by '-'."""
    words = text.split("-")
    return text.isascii() and text == text.lower() and text[:1].isalpha() and all(map(str.isalnum, words))


def _is_target(text: str) -> bool:
    module, colon, attribute = text.partition(":")
    return bool(colon) and attribute.isidentifier() and all(map(str.isidentifier, module.split(".")))


def contract_of(requirement: type | Needs) -> type:
    """The contract type behind an entry of `requires`."""
    return requirement.contract if isinstance(requirement, Needs) else requirement


def contract_name(contract: type) -> str:
    """How messages to people name a contract: its module and class."""
    return f"{contract.__module__}.{contract.__qualname__}"
