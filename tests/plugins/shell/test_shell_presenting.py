"""Which open page shows what is to be shown, and what an app without a router still opens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tulou_contracts.routing import AddressWrong, PageIntent, RouteForbidden, RouteNotFound, RouteUnavailable
from tulou_contracts.testing.routing import PresenterConformance, PresenterEnds

from tulou_shell.opening import place_of
from tulou_shell.presenting import HOLD, Screen


class Open:
    def __init__(self, name: str, visible: bool = True, looked_at: float = 0.0) -> None:
        self.id, self.visible, self.looked_at = name, visible, looked_at
        self.shown: list[dict[str, Any]] = []

    def show(self, place: dict[str, Any]) -> None:
        self.shown.append(place)


class Bench:
    def __init__(self, *pages: Open) -> None:
        self.pages = list(pages)
        self.now = 0.0
        self.screen = Screen(lambda: list(self.pages), lambda name: name == "log", lambda: self.now)

    async def present(self, page: str = "log", at: str = "") -> None:
        await self.screen.present(PageIntent(page=page, parameters={}), at)


class TestScreen(PresenterConformance):
    @asynccontextmanager
    async def present(self) -> AsyncIterator[PresenterEnds]:
        page = Open("one")
        yield PresenterEnds(Bench(page).screen, "log",
                            lambda: [(each["page"], each["parameters"]) for each in page.shown])


async def test_it_is_shown_where_it_was_asked_for_else_where_somebody_looks() -> None:
    hidden, older, newer = Open("a", False, 9), Open("b", True, 1), Open("c", True, 5)
    bench = Bench(hidden, older, newer)
    await bench.present(at="a")
    await bench.present()
    await bench.present(at="gone")
    assert [len(each.shown) for each in (hidden, older, newer)] == [1, 0, 2]


async def test_with_no_page_open_it_is_held_for_the_next_one_and_only_for_a_while() -> None:
    bench = Bench()
    await bench.present("chats")
    await bench.present("settings")
    first, second, late = Open("1"), Open("2"), Open("3")
    bench.screen.came(first)
    bench.screen.came(second)
    assert [each["page"] for each in first.shown] == ["settings"] and second.shown == []
    await bench.present()
    bench.now = HOLD + 1
    bench.screen.came(late)
    assert late.shown == []


@pytest.mark.parametrize("url, place", [
    ("tulou://chats", {"page": "chats", "parameters": {}}),
    ("tulou://chat/a%40b.example", {"page": "chat", "parameters": {"address": "a@b.example"}}),
    ("tulou://contact/a@b.example", {"page": "contact", "parameters": {"address": "a@b.example"}}),
    ("tulou://settings", {"page": "settings", "parameters": {}}),
    ("tulou://app/log?level=debug", {"page": "log", "parameters": {"level": "debug"}}),
])
def test_without_a_router_the_shells_places_and_the_pages_are_reached(url: str, place: Any) -> None:
    assert place_of(url, ["log"], outside=False) == place


@pytest.mark.parametrize("url, error", [
    ("", AddressWrong), ("http://chat/a@b", AddressWrong), ("tulou://[", AddressWrong),
    ("tulou://chat/a\n@b", AddressWrong), ("tulou://" + "x" * 5000, AddressWrong),
    ("tulou://nowhere", RouteNotFound), ("tulou://chat", RouteNotFound), ("tulou://chat/a/b", RouteNotFound),
    ("tulou://app/gone", RouteUnavailable), ("tulou://app", RouteNotFound),
])
def test_without_a_router_other_addresses_are_told(url: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        place_of(url, ["log"], outside=False)


@pytest.mark.parametrize("url", ["tulou://settings", "tulou://app/log"])
def test_without_a_router_outside_reaches_conversations_and_people_only(url: str) -> None:
    with pytest.raises(RouteForbidden):
        place_of(url, ["log"], outside=True)
    assert place_of("tulou://chat/a@b", [], outside=True)["page"] == "chat"
