"""Logs: what rooms write about their work, who may see it, and how much of it there is.

A room logs through ``ctx.log``, a standard logger. Numbers, enums and ids are kept as they are; plain
texts are searched for what concerns people and keys; `Public`, `Personal` and `Secret` say it outright::

    ctx.log.info("message %s goes to %s", message.id, Personal(message.to), extra={"size": len(body)})

Implemented by the plugin `log`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol

from tulou import needs_grant
from tulou.errors import TulouError


class LogsError(TulouError):
    """A level, a range or a report that cannot be; the text says why."""


class NotSent(LogsError):
    """A report could not be handed over; nothing of it counts as sent."""


class _Marked:
    """A text and how it may be told. Printed by anybody else than the log, it shows its kind only."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __str__(self) -> str:
        return f"<{type(self).__name__.lower()}>"

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return str(self)


class Public(_Marked):
    """Says nothing of any person: a version, a feature's name. Kept as it is, also in reports."""

    __slots__ = ()

    def __str__(self) -> str:
        return self.value


class Personal(_Marked):
    """Tells who somebody is, e.g. an address. Told as a pseudonym: the same one in all lines of a
    profile, so that they can be related, and without the profile's key it leads back to nobody."""

    __slots__ = ()


class Secret(_Marked):
    """Must not leave in any form: passwords, tokens, keys, what people write and their files' names."""

    __slots__ = ()


class Verbosity(IntEnum):
    """How much a module tells; the numbers are those of the standard library's levels."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50
    OFF = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One record as it was kept: everything in it has been through redaction."""

    number: int
    """Grows by one a record, whatever the clock does."""
    at: int
    """Microseconds since 1970 UTC, by the machine's clock."""
    level: Verbosity
    module: str
    """Who says it: a plugin's name, ``kernel``, or a library's logger."""
    message: str
    """Template and arguments put together, control characters written out."""
    template: str = ""
    arguments: Sequence[Any] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    correlation: str = ""
    """The act that it belongs to (`tulou.correlation`)."""
    thread: str = ""
    task: str = ""
    error: Sequence[Mapping[str, Any]] = ()
    """The exception and what caused it, newest first: ``type``, ``text``, ``frames``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which lines are meant; what is left out does not restrict."""

    level: Verbosity = Verbosity.DEBUG
    """At least this grave."""
    module: str = ""
    """This module and those below it (``net`` and ``net.http``)."""
    text: str = ""
    """Part of the message, in any case of letters."""
    correlation: str = ""
    since: int = 0
    """Microseconds since 1970 UTC."""
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReport:
    """What would leave, to the byte."""

    id: str
    lines: int
    parts: Sequence[bytes]
    """What is handed over, one after another: gzip of JSON lines, allow-listed content only."""

    @property
    def size(self) -> int:
        """Bytes that leave."""
        return sum(map(len, self.parts))


class Logs(Protocol):
    """The logs of this profile."""

    def levels(self) -> Mapping[str, Verbosity]:
        """What was set for each module; ``""`` is for all that are not named."""

    async def set_level(self, module: str, level: Verbosity | None) -> None:
        """How much a module tells from now on, also after a restart; None: as all others.

        Raises `LogsError` for a name that no logger can have, or when it cannot be kept.
        """

    def wishes(self) -> Mapping[str, Verbosity]:
        """More verbose levels that the company asks for and nobody has answered."""

    async def answer_wishes(self, consent: bool) -> None:
        """A person's answer to them. Raises `LogsError` when it cannot be kept."""

    async def read(self, which: LogFilter = LogFilter(), *, limit: int = 1000) -> Sequence[LogLine]:
        """The newest lines that fit, oldest first."""

    def tail(
        self, which: LogFilter = LogFilter()
    ) -> AbstractAsyncContextManager[AsyncIterator[LogLine]]:
        """Lines as they come; a reader that is too slow misses some, never holds up anybody."""

    async def prepare(self, which: LogFilter = LogFilter()) -> LogReport:
        """Make a report. Nothing leaves. Raises `LogsError` when no line fits."""

    @needs_grant("logs.send")
    async def send(
        self, report: LogReport, progress: Callable[[int, int], None] | None = None
    ) -> None:
        """Hand over what a person saw and agreed to; `progress` is told bytes sent and bytes in all.

        Raises `NotSent`.
        """
