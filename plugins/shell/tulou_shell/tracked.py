"""What of the pages is counted, where somebody counts: which of the plugins' pages are of use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tulou import implements
from tulou_contracts.tracking import EventSpec, Field, PersonalData, Tracker, contribute_events

if TYPE_CHECKING:
    from tulou.services import Wanted

EVENTS = (
    EventSpec(name="shell.page-opened", owner="shell", about="A person opened a plugin's page", window=60.0,
              fields=(Field(name="page", personal=PersonalData.NONE, longest=250, required=True),)),
)


class Tracked:
    """Declares our events, and counts the pages that are opened by their names."""

    def __init__(self, tracker: Wanted[Tracker]) -> None:
        self._tracker = tracker

    @implements(contribute_events)
    def contribute_events(self) -> Sequence[EventSpec]:
        """Our rows of the table."""
        return EVENTS

    def opened(self, page: str) -> None:
        """A page of a plugin is shown somewhere."""
        tracker = self._tracker.get()
        if tracker is not None:
            tracker.track("shell.page-opened", page=page)
