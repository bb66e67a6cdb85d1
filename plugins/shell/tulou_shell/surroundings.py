"""What people are told of the machine that the app runs on: its network and its clock."""

from __future__ import annotations

from typing import Any

from tulou_contracts.network_state import ClockSkewed, NetworkState
from tulou_contracts.ui import Notice, Notices

CLOCK = "shell.clock"
_MINUTE = 60.0


def network_view(state: NetworkState | None) -> dict[str, Any]:
    """The network as pages read it; where nobody watches it, nothing is wrong with it."""
    if state is None:
        return {"reach": "up", "detail": ""}
    return {"reach": state.reach.value, "detail": state.detail}


def tell_clock(board: Notices, event: ClockSkewed) -> None:
    """A wrong clock stays told until it is right; less than half a minute is no matter."""
    minutes = round(abs(event.seconds) / _MINUTE)
    if minutes == 0:
        board.withdraw(CLOCK)
        return
    title = "notice.clockSlow" if event.seconds > 0 else "notice.clockFast"
    board.show(Notice(id=CLOCK, title=title, text="notice.clockHint", values={"minutes": str(minutes)}))
