"""The network's state: what is told, when, and what is not."""

from __future__ import annotations

import logging
import sys

import pytest
import trio
from tulou_net.surroundings.clock import SteadyNetworkClock
from tulou_net.surroundings.monitor import EVERY, Monitor, open_news
from tulou_net.surroundings.routes import local_addresses, metered, read_state

from tulou import NetworkChanged
from tulou_contracts.network_state import ClockSkewed, NetworkState, NetworkStateChanged, Reach

OFFICE = NetworkState(reach=Reach.UP, addresses=("10.0.0.7",), interface="eth0")
HOTEL = NetworkState(reach=Reach.UP, addresses=("192.168.1.9",), interface="wlan0")
NOTHING = NetworkState(reach=Reach.DOWN)


class Stage:
    """A monitor whose network and clocks the test plays."""

    def __init__(self, captive: bool = False) -> None:
        self.network = OFFICE
        self.obstacle = ""
        self.asked = 0
        self.late = 0.0
        self.told: list[object] = []
        self.clock = SteadyNetworkClock(
            lambda: 1_800_000_000_000_000 + round((trio.current_time() - self.late) * 1e6), trio.current_time
        )
        self.monitor = Monitor(
            self.clock, self.told.append, logging.getLogger("test"), read=self.read,
            captive=self.look_out if captive else None,
        )

    async def read(self) -> NetworkState:
        await trio.lowlevel.checkpoint()
        return self.network

    async def look_out(self) -> str:
        self.asked += 1
        await trio.lowlevel.checkpoint()
        return self.obstacle

    def probes(self) -> list[bool]:
        return [each.up for each in self.told if isinstance(each, NetworkChanged)]

    def states(self) -> list[NetworkState]:
        return [each.state for each in self.told if isinstance(each, NetworkStateChanged)]


async def test_the_first_look_is_no_change() -> None:
    stage = Stage()
    assert stage.monitor.state.reach is Reach.UP
    assert await stage.monitor.look() == OFFICE
    await stage.monitor.look()
    assert stage.states() == [OFFICE] and stage.probes() == []


async def test_coming_going_and_moving_are_told_once_each() -> None:
    stage = Stage()
    for network in (OFFICE, NOTHING, NOTHING, HOTEL, OFFICE, OFFICE):
        stage.network = network
        await stage.monitor.look()
    assert stage.states() == [OFFICE, NOTHING, HOTEL, OFFICE]
    assert stage.probes() == [False, True, True]


async def test_without_the_systems_word_it_looks_now_and_then(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tulou_net.surroundings.monitor.open_news", lambda: None)
    stage = Stage()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.monitor.run)
        await trio.sleep(EVERY / 2)
        stage.network = HOTEL
        await trio.sleep(EVERY)
        nursery.cancel_scope.cancel()
    assert stage.states() == [OFFICE, HOTEL]


async def test_a_captive_network_is_asked_again_until_people_have_signed_in() -> None:
    stage = Stage(captive=True)
    stage.obstacle = "sent to login.hotel.example"
    state = await stage.monitor.look()
    assert state.reach is Reach.CAPTIVE and state.detail == stage.obstacle
    stage.obstacle = ""
    assert (await stage.monitor.look()).reach is Reach.UP
    assert stage.probes() == [True]
    await stage.monitor.look()
    assert stage.asked == 2       # nothing is asked while nothing changes


async def test_a_machine_that_slept_probes_and_forgets_the_time(
    mock_clock: trio.testing.MockClock
) -> None:
    stage = Stage()
    await stage.monitor.look()
    at = trio.current_time()
    stage.clock.observe("server", 1_800_000_000_000_000 + round(at * 1e6), sent=at, received=at)
    stage.late = -3600.0
    await stage.monitor.look()
    assert stage.probes() == [True] and stage.states() == [OFFICE]
    assert stage.clock.uncertainty is None


async def test_a_wrong_clock_is_told_when_it_begins_and_when_it_ends(
    mock_clock: trio.testing.MockClock
) -> None:
    stage = Stage()

    async def hear(error: float) -> None:
        at = trio.current_time()
        said = 1_800_000_000_000_000 + round((at + error) * 1e6)
        stage.clock.observe("server", said, sent=at, received=at)
        await stage.monitor.look()

    for error in (0.0, 2.0, 90.0, 91.0, 1.0):
        await hear(error)
    skews = [each.seconds for each in stage.told if isinstance(each, ClockSkewed)]
    assert skews == [pytest.approx(90.0, abs=0.1), 0.0]


def test_this_machines_routes_can_be_read() -> None:
    state = read_state()
    assert state.addresses == local_addresses()
    assert (state.reach is Reach.DOWN) == (not state.addresses)
    assert not any(each.startswith("127.") for each in state.addresses)


@pytest.mark.parametrize("name, guess", [
    ("wwan0", True), ("wwp0s20u4", True), ("rmnet_data0", True), ("ppp0", True), ("usb0", True),
    ("eth0", None), ("wlan0", None), ("以太网", None), ("", None),
])
def test_modems_and_phones_are_taken_to_cost_money(name: str, guess: bool | None) -> None:
    assert metered(name) is guess


@pytest.mark.skipif(sys.platform != "linux", reason="rtnetlink is Linux's")
async def test_linux_gives_a_socket_that_tells_of_changes() -> None:
    news = open_news()
    if news is None:
        pytest.skip("this sandbox forbids rtnetlink sockets")
    with news:
        with trio.move_on_after(0):
            await news.recv(1)
