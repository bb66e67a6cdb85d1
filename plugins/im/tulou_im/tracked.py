"""What of conversations is counted, where somebody counts: never what was said, nor to whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tulou import implements
from tulou_contracts.tracking import EventSpec, Field, PersonalData, Tracker, contribute_events

if TYPE_CHECKING:
    from tulou.services import Wanted

EVENTS = (
    EventSpec(name="im.message-sent", owner="im", about="A person sent a message", window=60.0, fields=(
        Field(name="kind", personal=PersonalData.NONE, longest=100, required=True),)),
)


class Tracked:
    """Declares our events, and counts what is sent by kind."""

    def __init__(self, tracker: Wanted[Tracker]) -> None:
        self._tracker = tracker

    @implements(contribute_events)
    def contribute_events(self) -> Sequence[EventSpec]:
        """Our rows of the table."""
        return EVENTS

    def sent(self, kind: str) -> None:
        """A message of ours was stored, to be sent."""
        tracker = self._tracker.get()
        if tracker is not None:
            tracker.track("im.message-sent", kind=kind)
