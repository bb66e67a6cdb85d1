"""What of the connection is counted, where somebody counts: that it fails and how long it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tulou import implements
from tulou_contracts.tracking import EventSpec, Field, FieldType, PersonalData, Tracker, contribute_events
from tulou_contracts.transport import ConnectionChanged, ConnectionState

if TYPE_CHECKING:
    from tulou.services import Wanted

EVENTS = (
    EventSpec(name="xmpp.connected", owner="xmpp", about="The connection with the server stands", fields=(
        Field(name="seconds", type=FieldType.NUMBER, personal=PersonalData.NONE),
        Field(name="resumed", type=FieldType.BOOLEAN, personal=PersonalData.NONE))),
    EventSpec(name="xmpp.connection-failed", owner="xmpp", about="An attempt to connect failed, or the"
              " connection was lost", window=60.0, fields=(
                  Field(name="outcome", personal=PersonalData.NONE, choices=("waiting", "refused")),
                  Field(name="lost", type=FieldType.BOOLEAN, personal=PersonalData.NONE))),
)


class Tracked:
    """Declares our events, and follows the connection's state. `now` is in microseconds."""

    def __init__(self, tracker: Wanted[Tracker], now: Callable[[], int]) -> None:
        self._tracker = tracker
        self._now = now
        self._began = 0
        self._before = ConnectionState.OFFLINE

    @implements(contribute_events)
    def contribute_events(self) -> Sequence[EventSpec]:
        """Our rows of the table."""
        return EVENTS

    def connection_changed(self, change: ConnectionChanged) -> None:
        """The transport's event."""
        before, self._before = self._before, change.state
        if change.state is ConnectionState.CONNECTING:
            self._began = self._now()
        tracker = self._tracker.get()
        if tracker is None or change.state is before:
            return
        if change.state is ConnectionState.ONLINE:
            seconds = round((self._now() - self._began) / 1e6, 2)
            tracker.track("xmpp.connected", seconds=seconds, resumed=change.resumed)
        elif change.state in (ConnectionState.WAITING, ConnectionState.REFUSED):
            tracker.track("xmpp.connection-failed", outcome=change.state.value,
                          lost=before is ConnectionState.ONLINE)
