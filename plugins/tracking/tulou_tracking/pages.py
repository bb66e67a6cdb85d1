"""The page where a person sees what would leave, and decides."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import trio

from tulou import implements
from tulou_contracts.tracking import Consent, TrackingError
from tulou_contracts.ui import Asset, Contribution, Page, PageFeed, PageMethod, Place, contribute_ui
from tulou_tracking.control import Control
from tulou_tracking.table import as_json
from tulou_tracking.texts import TEXTS

_BREATH = 0.5
"""Seconds between two looks at what changes all the time."""


class Pages:
    """Contributed to the shell; without it nothing of this is asked for."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @implements(contribute_ui)
    def contribute_ui(self) -> Sequence[Contribution]:
        """The page, what it calls and listens to, and its words."""
        return [
            Page(name="tracking", title="tracking.title", icon=Asset("tulou_tracking", "tracking.svg"),
                 place=Place.SETTINGS, order=300, module=Asset("tulou_tracking", "tracking.js")),
            PageMethod(name="tracking.preview", handler=self.preview),
            PageMethod(name="tracking.table", handler=self.table),
            PageMethod(name="tracking.consent", handler=self.consent),
            PageMethod(name="tracking.empty", handler=self.empty),
            PageMethod(name="tracking.report", handler=self.report),
            PageFeed(name="tracking.state", source=self.states),
            *TEXTS,
        ]

    def view(self) -> dict[str, Any]:
        """How things stand, as JSON."""
        state = self._control.state()
        return {
            "consent": state.consent.value, "chosen": state.chosen.value if state.chosen else None,
            "doNotTrack": state.do_not_track, "destination": state.destination, "held": state.held,
            "heldBytes": state.held_bytes, "sent": dict(state.sent),
            "dropped": {why: dict(names) for why, names in state.dropped.items()},
            "problems": list(state.problems),
        }

    async def states(self, parameters: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """The view now, and after every change."""
        signal = self._control.listen()
        try:
            while True:
                yield self.view()
                await signal.wait()
                await trio.sleep(_BREATH)
        finally:
            self._control.unlisten(signal)

    async def preview(self, parameters: Mapping[str, Any]) -> list[str]:
        """The lines of the next report."""
        return list(await self._control.preview(limit=1_000_000))

    async def table(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Every row, by event name."""
        return {spec.name: as_json(spec) for spec in self._control.table()}

    async def consent(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """A person has chosen."""
        try:
            chosen = Consent(parameters.get("consent"))
        except ValueError:
            raise TrackingError(f"there is no consent {parameters.get('consent')!r};"
                                f" choose {', '.join(each.value for each in Consent)}") from None
        await self._control.set_consent(chosen)
        return self.view()

    async def empty(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Throw away what waits."""
        return {"dropped": await self._control.empty()}

    async def report(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Send what waits now."""
        await self._control.report()
        return self.view()
