"""The time on servers' answers: heard over TLS only, never from a cache, and only when it is a time."""

from __future__ import annotations

from email.utils import formatdate

import pytest
import trio
from tulou_net.http.links.clock import RARELY, TimeOfServers

from tulou_contracts.network import HttpRequest, HttpResponse

NOON = 1_784_030_400


class Clock:
    """Notes what it is told."""

    now = offset = uncertainty = sources = None
    elapsed = staticmethod(trio.current_time)

    def __init__(self) -> None:
        self.told: list[tuple[str, int, float, float]] = []

    def observe(
        self, source: str, said: int, *, sent: float, received: float, resolution: float = 0.0
    ) -> None:
        self.told.append((source, said, received - sent, resolution))


async def ask(link: TimeOfServers, url: str, **headers: str) -> None:
    async def answer(request: HttpRequest) -> HttpResponse:
        await trio.sleep(2)
        return HttpResponse(status=200, headers=headers)

    await link.exchange(HttpRequest(url=url), answer)


async def test_the_date_is_heard_with_what_it_is_worth(autojump_clock: trio.testing.MockClock) -> None:
    clock = Clock()
    link = TimeOfServers(clock)  # type: ignore[arg-type]
    await ask(link, "https://a.example/x?y", date=formatdate(NOON, usegmt=True))
    assert clock.told == [("https://a.example:443", NOON * 1_000_000, pytest.approx(2.0), 1.0)]


@pytest.mark.parametrize("url, headers", [
    ("http://a.example/", {"date": formatdate(NOON, usegmt=True)}),
    ("https://a.example/", {"date": formatdate(NOON, usegmt=True), "age": "7"}),
    ("https://a.example/", {}), ("https://a.example/", {"date": "teatime"}),
    ("https://a.example/", {"date": "Tue, 99 Jul 2026 12:00:00 GMT"}), ("https://a.example/", {"date": "午"}),
])
async def test_what_is_not_heard(
    url: str, headers: dict[str, str], autojump_clock: trio.testing.MockClock
) -> None:
    clock = Clock()
    await ask(TimeOfServers(clock), url, **headers)  # type: ignore[arg-type]
    assert not clock.told


async def test_an_origin_is_heard_now_and_then(autojump_clock: trio.testing.MockClock) -> None:
    clock = Clock()
    link = TimeOfServers(clock)  # type: ignore[arg-type]
    for _ in range(2):
        await ask(link, "https://a.example/", date=formatdate(NOON, usegmt=True))
    await ask(link, "https://b.example/", date=formatdate(NOON, usegmt=True))
    await trio.sleep(RARELY)
    await ask(link, "https://a.example/", date=formatdate(NOON, usegmt=True))
    assert [each[0][8] for each in clock.told] == ["a", "b", "a"]
