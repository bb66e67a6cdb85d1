"""Asks a person for consent: once a run, while nothing is chosen and reports have somewhere to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tulou_contracts.tracking import TrackingControl
from tulou_contracts.ui import Notice, Notices

if TYPE_CHECKING:
    from tulou.services import Wanted

ASK = Notice(id="tracking-consent", title="tracking.ask", text="tracking.ask-text",
             url="tulou://app/tracking")


class Question:
    """The notice, from when it makes sense until the person has chosen."""

    def __init__(self, control: TrackingControl, notices: Wanted[Notices]) -> None:
        self._control = control
        self._notices = notices
        self._asked = False

    def look(self, event: object) -> None:
        """Something changed. A notice that a person has closed does not come again in this run."""
        state, notices = self._control.state(), self._notices.get()
        if notices is None:
            return
        open_question = state.chosen is None and not state.do_not_track and bool(state.destination)
        if open_question and not self._asked:
            self._asked = True
            notices.show(ASK)
        elif self._asked and not open_question:
            self._asked = False
            notices.withdraw(ASK.id)
