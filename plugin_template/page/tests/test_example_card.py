"""The plugin in a kernel of its own, and the suites that every plugin should pass."""

import logging
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import pytest
from tulou import CompositionError, Kernel
from tulou.testing import boot
from tulou.testing.conformance import Conformance
from tulou_contracts.routing import Origin, Route, contribute_routes
from tulou_contracts.testing.routing import FakeRouter
from tulou_contracts.testing.tracking import FakeTracker
from tulou_contracts.testing.ui import UiConformance
from tulou_contracts.tracking import EventSpec, Tracker, contribute_events
from tulou_contracts.ui import Contribution, PageFeed, PageMethod, contribute_ui

import tulou_example_card
from tulou_example_card.events import EVENTS
from tulou_example_card.greetings import ExampleCardError, ExampleCardService
from tulou_example_card.pages import ExampleCardPages

NAME = "example-card"
PAGES = ExampleCardPages(ExampleCardService(10, lambda: 0, logging.getLogger(NAME), lambda: None))


class TestConformance(Conformance):
    """Life cycle, cancellation, leaks, settings, documentation."""

    plugin = tulou_example_card.plugin


class TestPages(UiConformance):
    """What it adds to the pages: files are there, modules are modules, words are in both languages."""

    def contributions(self) -> Sequence[Contribution]:
        return PAGES.contribute_ui()  # of one object, as in the app: a feed is known by its source


async def contributed(kernel: Kernel, kind: type) -> Any:
    [found] = [each for answer in await kernel.hook(contribute_ui)() for each in answer
               if isinstance(each, kind)]
    return found


async def test_who_is_greeted_comes_by_the_feed(autojump_clock: object) -> None:
    async with boot(tulou_example_card.plugin) as kernel:
        greet = await contributed(kernel, PageMethod)
        feed = await contributed(kernel, PageFeed)
        await greet.handler({"name": " 小明 "})
        async with aclosing(feed.source({})) as values:
            assert (await anext(values))["name"] == "小明"
            assert await greet.handler({"name": "Anna"}) == {"number": 2}
            assert (await anext(values))["name"] == "Anna"


@pytest.mark.parametrize("params", [{}, {"name": ""}, {"name": "  "}, {"name": 7}, {"name": "x" * 81}])
async def test_a_name_that_is_none_is_refused_in_a_sentence(params: dict[str, Any]) -> None:
    async with boot(tulou_example_card.plugin) as kernel:
        greet = await contributed(kernel, PageMethod)
        with pytest.raises(ExampleCardError):
            await greet.handler(params)


async def test_only_the_newest_are_kept() -> None:
    async with boot(tulou_example_card.plugin, config={NAME: {"kept": 2}}) as kernel:
        greet = await contributed(kernel, PageMethod)
        for name in ("a", "b", "c"):
            await greet.handler({"name": name})
        feed = await contributed(kernel, PageFeed)
        async with aclosing(feed.source({})) as values:
            assert [(await anext(values))["name"], (await anext(values))["name"]] == ["b", "c"]


async def test_a_setting_out_of_range_is_refused_in_a_sentence() -> None:
    with pytest.raises(CompositionError, match="kept is 0"):
        async with boot(tulou_example_card.plugin, config={NAME: {"kept": 0}}):
            pass


async def test_the_address_leads_to_the_page() -> None:
    async with boot(tulou_example_card.plugin) as kernel:
        routes = [each for answer in await kernel.hook(contribute_routes)() for each in answer]
    assert all(isinstance(each, Route) for each in routes)
    router = FakeRouter(*routes, signed_in=True)
    await router.open("tulou://example-card/%E5%B0%8F%E6%98%8E", origin=Origin.OUTSIDE)
    [(intent, _)] = router.presented
    assert (intent.page, intent.parameters["name"]) == (NAME, "小明")


async def test_a_greeting_is_counted_without_the_name() -> None:
    tracker = FakeTracker(EVENTS)  # raises for what the table does not hold
    async with boot(tulou_example_card.plugin, fakes={Tracker: tracker}) as kernel:
        greet = await contributed(kernel, PageMethod)
        await greet.handler({"name": "小明"})
        rows: list[EventSpec] = [each for answer in await kernel.hook(contribute_events)() for each in answer]
    assert tracker.named("example-card.greeted") == [{"length": 2}]
    assert rows == list(EVENTS)


async def test_the_name_does_not_stand_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with boot(tulou_example_card.plugin) as kernel:
            greet = await contributed(kernel, PageMethod)
            await greet.handler({"name": "小明"})
    assert "<personal> was greeted" in caplog.text and "小明" not in caplog.text
