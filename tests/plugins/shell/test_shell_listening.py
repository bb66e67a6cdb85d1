"""Feeds and methods of plugins on a page's line: held up, ended, bounded, and never in the way of others."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import pytest
import trio
from test_shell_pages import REQUEST, Bench, Wire
from trio.testing import wait_all_tasks_blocked

from tulou.errors import TulouError
from tulou_contracts.ui import PageFeed, PageMethod
from tulou_shell.contributions import collect
from tulou_shell.listening import FEEDS, WINDOW
from tulou_shell.pages import AT_ONCE, FOREIGN_WAITING
from tulou_shell.routes import OWN


class Source:
    """Counts for as long as somebody listens."""

    def __init__(self) -> None:
        self.made = 0
        self.open = 0

    async def count(self, params: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
        self.open += 1
        try:
            while True:
                self.made += 1
                yield self.made
        finally:
            self.open -= 1

    async def odd(self, params: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
        yield object()

    async def failing(self, params: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
        async with trio.open_nursery():
            yield 1
            raise TulouError("Nothing more.")

    async def forever(self, params: Mapping[str, Any]) -> Any:
        await trio.sleep_forever()

    def contributions(self) -> list[Any]:
        return [PageFeed(name="a.count", source=self.count), PageFeed(name="a.odd", source=self.odd),
                PageFeed(name="a.failing", source=self.failing),
                PageMethod(name="a.forever", handler=self.forever)]


class Line:
    def __init__(self, folder: Any) -> None:
        self.bench = Bench(folder)
        self.source = Source()
        self.contribute()
        self.wire = Wire()
        self.asked = 0

    def contribute(self, *answers: Any) -> None:
        self.bench.shell.catalogue = collect([self.source.contributions()] if not answers else answers)
        self.bench.pages.review()

    async def say(self, method: str, **params: Any) -> Any:
        self.asked += 1
        self.wire.ask(self.asked, method, **params)
        await wait_all_tasks_blocked()
        return self.wire.answers().get(self.asked, "no answer yet")

    def values(self, number: int) -> list[Any]:
        return [each["value"] for each in self.wire.pushes("feed") if each["feed"] == number]

    def ends(self) -> dict[int, Any]:
        return {each["feed"]: each["error"] for each in self.wire.pushes("feed.end")}


@pytest.fixture
def line(tmp_path: Any, nursery: trio.Nursery) -> Line:
    line = Line(tmp_path)
    nursery.start_soon(line.bench.pages.serve, line.wire, REQUEST)
    return line


async def test_a_page_that_takes_nothing_holds_the_source_up(line: Line) -> None:
    await line.say("page.listen", feed=1, name="a.count")
    assert line.values(1) == list(range(1, WINDOW + 1)) and line.source.made == WINDOW
    await line.say("page.took", feed=1, count=5)
    assert line.source.made == WINDOW + 5
    await line.say("page.took", feed=1, count=1 << 40)
    assert line.source.made == 2 * WINDOW + 5  # credit has a top, whatever a page claims
    for count in (0, -5):
        await line.say("page.took", feed=1, count=count)
    assert line.source.made == 2 * WINDOW + 5


async def test_a_feed_is_closed_when_nobody_listens_and_when_the_page_goes(line: Line) -> None:
    await line.say("page.listen", feed=1, name="a.count")
    await line.say("page.listen", feed=2, name="a.count")
    assert line.source.open == 2
    await line.say("page.unlisten", feed=1)
    assert line.source.open == 1 and line.ends() == {}
    await line.wire.close()
    await wait_all_tasks_blocked()
    assert line.source.open == 0


async def test_what_a_feed_raises_is_told_as_a_sentence_and_nonsense_as_a_fault(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    await line.say("page.listen", feed=1, name="a.failing")
    await line.say("page.listen", feed=2, name="a.odd")
    assert line.ends()[1] == {"code": "failed", "text": "Nothing more."} and line.values(1) == [1]
    assert line.ends()[2]["code"] == "internal" and "a.odd" in caplog.text


async def test_feeds_end_when_their_plugin_leaves_and_only_then(line: Line) -> None:
    await line.say("page.listen", feed=1, name="a.count")
    line.contribute()  # asked again, the same
    await wait_all_tasks_blocked()
    assert line.source.open == 1
    line.contribute([])
    await wait_all_tasks_blocked()
    assert line.source.open == 0 and line.ends()[1]["code"] == "missing"
    assert (await line.say("page.listen", feed=2, name="a.count"))["code"] == "missing"


async def test_what_a_page_says_wrong_is_told(line: Line) -> None:
    await line.say("page.listen", feed=1, name="a.count")
    for params in ({"feed": 1, "name": "a.count"}, {"feed": "x", "name": "a.count"}, {"name": "a.count"},
                   {"feed": 2, "name": 7}, {"feed": 2, "name": "a.count", "params": []}):
        assert (await line.say("page.listen", **params))["code"] == "malformed"
    for number in range(FEEDS):
        last = await line.say("page.listen", feed=100 + number, name="a.count")
    assert last["code"] == "too-many"
    assert await line.say("page.took", feed=99999, count=1) is None
    assert await line.say("page.unlisten", feed=99999) is None


async def test_methods_that_hang_hold_up_nobody_and_are_bounded(line: Line) -> None:
    for _ in range(FOREIGN_WAITING):
        line.asked += 1
        line.wire.ask(line.asked, "page.call", name="a.forever")
    assert FOREIGN_WAITING > AT_ONCE
    assert (await line.say("page.call", name="a.forever"))["code"] == "too-many"
    assert (await line.say("session.state"))["missing"] == []


def test_the_readme_names_every_place_of_the_shells() -> None:
    page = (Path(__file__).parents[3] / "plugins/shell/README.md").read_text("utf-8")
    for route in OWN:
        assert re.sub(r"\{\w+\}", "ADDRESS", f"`tulou://{route.path}`") in page
