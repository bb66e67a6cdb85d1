"""The connection's states are counted, without a word of what was said."""

from __future__ import annotations

from typing import Any

from tulou.testing import stand_in
from tulou_contracts.testing.tracking import FakeTracker
from tulou_contracts.tracking import Tracker
from tulou_contracts.transport import ConnectionChanged, ConnectionState
from tulou_xmpp.tracked import EVENTS, Tracked


class Wanted:
    def __init__(self, provider: Any) -> None:
        self.provider = provider

    def get(self) -> Any:
        return self.provider


def test_connections_and_failures_are_counted() -> None:
    tracker, now = FakeTracker(EVENTS), [0]
    tracked = Tracked(Wanted(tracker), lambda: now[0])  # type: ignore[arg-type]
    for after, state in ((0, ConnectionState.CONNECTING), (1_500_000, ConnectionState.ONLINE),
                         (2_000_000, ConnectionState.WAITING), (3_000_000, ConnectionState.CONNECTING),
                         (3_100_000, ConnectionState.WAITING), (3_200_000, ConnectionState.WAITING),
                         (4_000_000, ConnectionState.REFUSED)):
        now[0] = after
        tracked.connection_changed(ConnectionChanged(state=state, reason="secret.example said no"))
    assert tracker.events == [
        ("xmpp.connected", {"seconds": 1.5, "resumed": False}),
        ("xmpp.connection-failed", {"outcome": "waiting", "lost": True}),
        ("xmpp.connection-failed", {"outcome": "waiting", "lost": False}),
        ("xmpp.connection-failed", {"outcome": "refused", "lost": False}),
    ]


def test_without_a_tracker_nothing_happens() -> None:
    tracked = Tracked(Wanted(None), lambda: 0)  # type: ignore[arg-type]
    tracked.connection_changed(ConnectionChanged(state=ConnectionState.ONLINE))
    assert stand_in(Tracker).track("xmpp.connected") is None
