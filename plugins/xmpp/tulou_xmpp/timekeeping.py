"""Asks the server for its time and hands it to the network clock, where there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import trio
from tulou.flow import Signal
from tulou_contracts.network_state import NetworkClock
from tulou_contracts.transport import ConnectionChanged, ConnectionState, TransportError

from tulou_xmpp.stanzas.entity_time import decode_time, encode_time_request

if TYPE_CHECKING:
    from tulou import Wanted
    from tulou_xmpp.exchange import Exchange

QUESTIONS = 4
"""Servers answer in whole seconds; answers at different fractions of one narrow each other."""
APART = 1.0 / QUESTIONS + 0.11
"""Seconds between questions, so that their fractions of a second differ."""
AGAIN = 3600.0
"""Seconds until the time is asked again; quartzes drift by up to a third of a second in that."""
TIMEOUT = 10.0


class Timekeeper:
    """Asks after each new connection and once an hour; `run` is its only task."""

    def __init__(self, connected: Callable[[], Exchange], clock: Wanted[NetworkClock]) -> None:
        self._connected = connected
        self._clock = clock
        self._online = Signal()

    def connection_changed(self, change: ConnectionChanged) -> None:
        """A new connection may be to another server, and the machine may have slept."""
        if change.state is ConnectionState.ONLINE:
            self._online.set()

    async def run(self) -> None:
        """Ask whenever it is time to."""
        while True:
            with trio.move_on_after(AGAIN):
                await self._online.wait()
            try:
                await self._ask_several_times()
            except TransportError:
                pass    # offline, or a server that tells no time: the clock has other sources

    async def _ask_several_times(self) -> None:
        for _ in range(QUESTIONS):
            clock = self._clock.get()
            if clock is None:
                return
            exchange = self._connected()
            server = exchange.session.login.address.domain
            sent = clock.elapsed()
            answer = decode_time(await exchange.ask("get", encode_time_request(), TIMEOUT, server))
            if answer is None:
                return
            clock.observe(
                f"xmpp:{server}", answer[0], sent=sent, received=clock.elapsed(), resolution=answer[1]
            )
            await trio.sleep(APART)
