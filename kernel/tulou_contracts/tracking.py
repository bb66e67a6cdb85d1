"""Tracking: events of a table that says what each may hold, reported only with a person's consent.

Implemented by the plugin `tracking`. The table is the schema: an event that no plugin declares, or a
field that its declaration lacks, fails the build (``tulou tracking check PACKAGE``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tulou import Kind, Prevent, hook, needs_grant
from tulou.errors import TulouError

if TYPE_CHECKING:
    from datetime import date

Value = str | int | float | bool
"""What a field may hold."""


class TrackingError(TulouError):
    """Base of what can be wrong with events."""


class EventUnknown(TrackingError):
    """No plugin declares an event of this name. Raised in development only."""


class EventInvalid(TrackingError):
    """A field is unknown, missing, of another type, or too large. Raised in development only."""


class Consent(Enum):
    """What a person has agreed to."""

    OFF = "off"
    """Nothing is kept, nothing leaves."""
    ANONYMOUS = "anonymous"
    """Events leave under a pseudonym that is thrown away regularly; personal fields do not."""
    FULL = "full"
    """Everything the table declares leaves."""


class FieldType(Enum):
    """What a field holds."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


class PersonalData(IntEnum):
    """How close to a person a field is; a greater number is more protected."""

    NONE = 0
    """Says nothing of a person; leaves with either consent."""
    IDENTIFIER = 1
    """Stands for a person or thing and ties events together; with anonymous consent a hash under
    the rotating key leaves in its place."""
    PERSONAL = 2
    """Says something of a person; leaves with full consent only."""
    NEVER = 3
    """Never leaves and is never stored; for a server's table that takes a field away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an event."""

    name: str
    """A Python identifier in lower case."""
    type: FieldType = FieldType.TEXT
    personal: PersonalData = PersonalData.PERSONAL
    """Say `NONE` where it is so: what is not said is taken to be personal."""
    required: bool = False
    choices: tuple[str, ...] = ()
    """The only texts allowed; empty: any."""
    longest: int = 200
    """Characters of a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSpec:
    """One row of the event table."""

    name: str
    """OWNER.WORDS, e.g. ``im.message-sent``."""
    fields: tuple[Field, ...] = ()
    owner: str
    """Who answers for it: a plugin or a team."""
    about: str = ""
    """One sentence for people: when it happens."""
    sample: float = 1.0
    """Share of people for whom it is kept, 0 to 1; for one person always the same answer."""
    window: float = 0.0
    """Seconds over which equal ones are counted into one event with a `count`; 0: each by itself."""
    valid_until: date | None = None
    """The last day (UTC) on which it is kept; None: no end."""


class Event(NamedTuple):
    """One event on its way through the pre-processors."""

    id: str
    """For the collector to know a repetition by (RFC 9562, version 7)."""
    name: str
    at: int
    """Microseconds since 1970 UTC, by this device's clock."""
    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingState:
    """How things stand, for a page."""

    consent: Consent
    """What holds now."""
    chosen: Consent | None
    """What the person chose; None: nobody has been asked, and the composition's default holds."""
    do_not_track: bool
    """The system asks programs not to track, so that nothing is, whatever was chosen."""
    destination: str
    """Where reports go, in words; empty: nowhere."""
    held: int
    """Events that wait."""
    held_bytes: int
    sent: Mapping[str, int]
    """By event name."""
    dropped: Mapping[str, Mapping[str, int]]
    """Why (``full``, ``invalid``, ``refused``, ``withdrawn``, ...) -> by event name."""
    problems: Sequence[str]
    """Sentences: what is wrong with the table or the reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingChanged:
    """Event: consent, the table, or what waits is another one; `TrackingControl.state` has it."""


class Tracker(Protocol):
    """Counts what happens. `wants` it, never `requires` it::

        tracker = ctx.wanted(Tracker)
        ...
        if (now := tracker.get()) is not None:
            now.track("im.message-sent", kind="text")

    The name is always a literal and fields are keywords: the build's check reads them from the source.
    """

    def track(self, name: str, /, **fields: Value) -> None:
        """Note an event; returns at once, from any thread, and does nothing without consent.

        It is durable within the flush deadline. Never raises in production: an event that the table
        refuses is counted and logged. In development raises `EventUnknown`, `EventInvalid`.
        """


class TrackingControl(Protocol):
    """For pages and commands: what is tracked, and a person's say in it."""

    def state(self) -> TrackingState:
        """How things stand now, from memory."""

    def table(self) -> Sequence[EventSpec]:
        """The table that holds now, by name: declared in code, overridden by the server's."""

    @needs_grant("tracking.manage")
    async def set_consent(self, consent: Consent) -> None:
        """Take note of what a person chose; durable when this returns.

        Choosing less than before empties what waits, in the same commit; a report that is under way
        is broken off. Raises `StorageError`; also then nothing is kept or sent any more.
        """

    @needs_grant("tracking.manage")
    async def preview(self, limit: int = 200) -> Sequence[str]:
        """The lines that the next report holds, oldest first, exactly as they would leave now."""

    @needs_grant("tracking.manage")
    async def empty(self) -> int:
        """Throw away what waits; how many events that were."""

    @needs_grant("tracking.manage")
    async def flush(self) -> None:
        """Make everything tracked so far durable now."""

    @needs_grant("tracking.manage")
    async def report(self) -> None:
        """Send what waits now, without waiting for a batch to fill. Raises `TrackingError` with the
        reason when it does not leave."""


@hook(Kind.COLLECT)
def contribute_events() -> Sequence[EventSpec]:
    """The events that this plugin tracks. A plain function: it may be asked in the middle of `track`.

    The build's check reads the same declarations from constants of the plugin's modules.
    """
    return ()


@hook(Kind.PIPELINE)
async def process_events(events: Sequence[Event], consent: Consent) -> Sequence[Event] | Prevent | None:
    """Sees every batch of events before it is stored: to add, change or leave out.

    Afterwards, whatever was answered, fields that the table lacks are dropped and personal data is
    taken out as the consent demands. `Prevent` drops the batch (counted).
    """
    return events
