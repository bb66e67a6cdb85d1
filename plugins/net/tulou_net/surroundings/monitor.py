"""Watches the network: woken by the system where it tells of changes, looking now and then elsewhere."""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import closing, nullcontext
from dataclasses import replace

import trio
from tulou import NetworkChanged
from tulou.flow import SingleFlight
from tulou_contracts.network_state import (
    ClockSkewed, NetworkState, NetworkStateChanged, Reach,
)

from tulou_net.surroundings.clock import SteadyNetworkClock
from tulou_net.surroundings.routes import read_state

Read = Callable[[], Awaitable[NetworkState]]
Captive = Callable[[], Awaitable[str]]
"""Answers in words what stands in the way; empty: nothing does."""

EVERY = 10.0
"""Seconds between looks, where the system does not tell; also how soon a set clock is noticed."""
SETTLE = 0.5
"""Seconds for a change to be over: a cable or a Wi-Fi comes with a burst of messages."""
SKEW, SKEW_STEP = 30.0, 60.0
"""Seconds by which a clock must be wrong to be told of, and change to be told of again."""
_RTMGRP = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
"""Links, IPv4 and IPv6 addresses and routes (rtnetlink(7))."""


async def read_in_thread() -> NetworkState:
    """`read_state`, off the event loop."""
    return await trio.to_thread.run_sync(read_state)


class Monitor:
    """Implements the contract `NetworkMonitor`; `run` is its only task."""

    def __init__(
        self, clock: SteadyNetworkClock, publish: Callable[[object], None], log: logging.Logger, *,
        read: Read = read_in_thread, captive: Captive | None = None,
    ) -> None:
        self._clock = clock
        self._publish = publish
        self._log = log
        self._read = read
        self._captive = captive
        self._state: NetworkState | None = None
        self._skew = 0.0
        self._looking: SingleFlight[NetworkState] = SingleFlight(self._look)

    @property
    def state(self) -> NetworkState:
        """The newest state; until the first look, that there is a network."""
        return self._state or NetworkState(reach=Reach.UP)

    async def look(self) -> NetworkState:
        """Look now; who comes while one looks shares the answer."""
        return await self._looking()

    async def run(self) -> None:
        """Look, wait for a word of the system or the next turn, and look again."""
        news = open_news()
        with closing(news) if news is not None else nullcontext():
            while True:
                await self.look()
                with trio.move_on_after(EVERY):
                    await _next_change(news)

    async def _look(self) -> NetworkState:
        slept = self._clock.look()
        state = await self._read()
        if self._captive is not None and state.reach is Reach.UP and (slept or not self._same(state)):
            obstacle = await self._captive()
            if obstacle:
                state = replace(state, reach=Reach.CAPTIVE, detail=obstacle)
        elif self._state is not None and self._same(state):
            state = self._state    # what was found of being captive still holds
        self._tell(state, slept)
        self._tell_skew()
        return state

    def _same(self, state: NetworkState) -> bool:
        # a captive network is asked again at each look: people sign in
        known = self._state
        return known is not None and known.reach is not Reach.CAPTIVE and known.addresses == state.addresses

    def _tell(self, state: NetworkState, slept: bool) -> None:
        first, changed = self._state is None, state != self._state
        self._state = state
        if changed and not first:
            self._log.info("the network is %s (%s)", state.reach.value, state.interface or "no interface")
        if changed:
            self._publish(NetworkStateChanged(state=state))
        if (changed or slept) and not first:
            self._publish(NetworkChanged(up=state.reach is not Reach.DOWN))

    def _tell_skew(self) -> None:
        if self._clock.uncertainty is None:
            return
        skew = self._clock.offset if abs(self._clock.offset) >= SKEW else 0.0
        if bool(skew) != bool(self._skew) or abs(skew - self._skew) >= SKEW_STEP:
            self._skew = skew
            if skew:
                self._log.warning("this machine's clock is wrong by %.0f seconds", skew)
            self._publish(ClockSkewed(seconds=skew))


def open_news() -> trio.socket.SocketType | None:
    """A socket on which Linux tells of links, addresses and routes; None where there is none."""
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        return None
    try:
        news = socket.socket(family, socket.SOCK_RAW, 0)    # 0: NETLINK_ROUTE
    except OSError:
        return None    # forbidden in some sandboxes
    try:
        news.bind((0, _RTMGRP))
    except OSError:
        news.close()
        return None
    return trio.socket.from_stdlib_socket(news)


async def _next_change(news: trio.socket.SocketType | None) -> None:
    if news is None:
        await trio.sleep_forever()
        return
    await _hear(news)
    with trio.move_on_after(SETTLE):
        while True:
            await _hear(news)


async def _hear(news: trio.socket.SocketType) -> None:
    try:
        await news.recv(65536)
    except OSError:
        pass    # it overflowed: something changed, and that is all we want to know
