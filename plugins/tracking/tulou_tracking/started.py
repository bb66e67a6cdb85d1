"""Counts the app's own start: how long it took, and how many plugins failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import trio

from tulou import PluginControl, implements
from tulou.app_events import PluginChanged
from tulou.flow import Signal
from tulou_contracts.tracking import (
    EventSpec, Field, FieldType, PersonalData, Tracker, contribute_events,
)

if TYPE_CHECKING:
    from tulou.services import Wanted
    from tulou.status import PluginStatus

EVENTS = (
    EventSpec(name="app.started", owner="tracking", about="All plugins of the app have started, or failed",
              fields=(
                  Field(name="seconds", type=FieldType.NUMBER, personal=PersonalData.NONE),
                  Field(name="plugins", type=FieldType.INTEGER, personal=PersonalData.NONE),
                  Field(name="failed", type=FieldType.INTEGER, personal=PersonalData.NONE))),
)
_UNSETTLED = frozenset({"waiting", "starting", "backoff"})
_PATIENCE = 60.0
"""Seconds, after which what still waits is taken to have failed."""


class Started:
    """Declares the event, and tracks it once a run."""

    def __init__(self, control: Wanted[PluginControl], tracker: Tracker) -> None:
        self._control = control
        self._tracker = tracker
        self._change = Signal()

    @implements(contribute_events)
    def contribute_events(self) -> Sequence[EventSpec]:
        """Our rows of the table."""
        return EVENTS

    def plugin_changed(self, change: PluginChanged) -> None:
        """The kernel's event."""
        self._change.set()

    async def run(self) -> None:
        """Wait until every plugin has started or failed, and say so."""
        control = self._control.get()
        if control is None:
            return
        status = control.status()
        with trio.move_on_after(_PATIENCE):
            while any(each.state.value in _UNSETTLED for each in status):
                await self._change.wait()
                status = control.status()
        failed = sum(each.state.value in _UNSETTLED | {"failed", "unresolved"} for each in status)
        self._tracker.track("app.started", seconds=_longest(status), plugins=len(status), failed=failed)


def _longest(status: Sequence[PluginStatus]) -> float:
    """Seconds from the kernel's start until the last plugin was ready."""
    return round(max((each.bill.ready or 0.0 for each in status), default=0.0), 3)
