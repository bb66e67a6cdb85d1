"""The server's time: asked after each connection, handed on with what it is worth."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import trio
from tulou_contracts.transport import ConnectionChanged, ConnectionState, NotConnected

from tulou_xmpp.stanzas.entity_time import decode_time
from tulou_xmpp.timekeeping import AGAIN, QUESTIONS, Timekeeper
from tulou_xmpp.wire import Element as E
from tulou_xmpp.wire import namespaces as ns

NOON = 1_784_030_400_000_000     # 2026-07-14T12:00:00Z


def answer(utc: str, kind: str = "result") -> E:
    time = E("time", ns.TIME, E("tzo", ns.TIME, "+08:00"), E("utc", ns.TIME, utc))
    return E("iq", ns.CLIENT, time, type=kind)


@pytest.mark.parametrize("utc, said, resolution", [
    ("2026-07-14T12:00:00Z", NOON, 1.0),
    (" 2026-07-14T12:00:00Z\n", NOON, 1.0),
    ("2026-07-14T12:00:00.5Z", NOON + 500_000, 0.1),
    ("2026-07-14T12:00:00.000123456Z", NOON + 123, 1e-6),
])
def test_an_answer_and_what_it_is_worth(utc: str, said: int, resolution: float) -> None:
    assert decode_time(answer(utc)) == (said, pytest.approx(resolution))


@pytest.mark.parametrize("reply", [
    answer("teatime"), answer(""), answer("2026-13-45T99:00:00Z"), answer("2026-07-14T12:00:00Z", "error"),
    E("iq", ns.CLIENT, type="result"), E("iq", ns.CLIENT, E("time", ns.TIME), type="result"),
])
def test_what_is_no_time(reply: E) -> None:
    assert decode_time(reply) is None


class Clock:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, float, float, float]] = []

    elapsed = staticmethod(trio.current_time)

    def observe(self, source: str, said: int, *, sent: float, received: float, resolution: float) -> None:
        self.told.append((source, said, sent, received, resolution))


class Server:
    """Takes two seconds for each answer."""

    def __init__(self) -> None:
        self.online = True
        self.asked: list[float] = []
        self.session = SimpleNamespace(login=SimpleNamespace(address=SimpleNamespace(domain="example.org")))

    def connected(self) -> Server:
        if not self.online:
            raise NotConnected("offline")
        return self

    async def ask(self, kind: str, content: E, timeout: float, to: str) -> E:
        self.asked.append(trio.current_time())
        await trio.sleep(2)
        return answer("2026-07-14T12:00:00Z")


async def test_it_is_asked_after_each_connection_and_now_and_then(virtual_time: None) -> None:
    server, clock = Server(), Clock()
    keeper = Timekeeper(server.connected, SimpleNamespace(get=lambda: clock))  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.run)
        keeper.connection_changed(ConnectionChanged(state=ConnectionState.CONNECTING))
        await trio.sleep(60)
        assert not server.asked
        keeper.connection_changed(ConnectionChanged(state=ConnectionState.ONLINE))
        await trio.sleep(60)
        assert len(clock.told) == QUESTIONS
        source, said, sent, received, resolution = clock.told[0]
        assert (source, said, received - sent, resolution) == ("xmpp:example.org", NOON, 2.0, 1.0)
        await trio.sleep(AGAIN)
        assert len(clock.told) == 2 * QUESTIONS
        server.online = False
        await trio.sleep(AGAIN)
        server.online = True
        keeper.connection_changed(ConnectionChanged(state=ConnectionState.ONLINE))
        await trio.sleep(60)
        assert len(clock.told) == 3 * QUESTIONS
        nursery.cancel_scope.cancel()


async def test_fractions_of_the_questions_differ(virtual_time: None) -> None:
    server, clock = Server(), Clock()
    keeper = Timekeeper(server.connected, SimpleNamespace(get=lambda: clock))  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.run)
        keeper.connection_changed(ConnectionChanged(state=ConnectionState.ONLINE))
        await trio.sleep(60)
        nursery.cancel_scope.cancel()
    fractions = sorted((each - server.asked[0]) % 1 for each in server.asked)
    assert all(later - earlier > 0.05 for earlier, later in zip(fractions, fractions[1:]))
