"""What the plugin adds to the pages: a page, what it calls and listens to, its words, its address."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from tulou import implements
from tulou_contracts.routing import (
    SIGNED_IN, Parameter, Route, RouteContribution, ToPage, contribute_routes,
)
from tulou_contracts.ui import Asset, Contribution, Page, PageFeed, PageMethod, Place, Texts, contribute_ui

from tulou_example_card.greetings import LONGEST, ExampleCardError, ExampleCardService

PAGE = "example-card"

ENGLISH = {
    "example-card.page": "Example card",
    "example-card.name": "Whom?",
    "example-card.greet": "Greet",
    "example-card.none": "Nobody was greeted yet.",
    "example-card.nameless": "A name has 1 to {longest} characters.",
}
CHINESE = {
    "example-card.page": "问候",
    "example-card.name": "问候谁？",
    "example-card.greet": "问候",
    "example-card.none": "还没有问候过谁。",
    "example-card.nameless": "名字要有 1 到 {longest} 个字。",
}


class ExampleCardPages:
    """Implements the hooks `contribute_ui` and `contribute_routes`.

    One object for the plugin's whole life: the feed is a method of it, and pages know a feed by that.
    """

    def __init__(self, service: ExampleCardService) -> None:
        self._service = service

    @implements(contribute_ui)
    def contribute_ui(self) -> Sequence[Contribution]:
        """The page is an element in ``web/``; its words are in both languages of the pages."""
        return [
            Page(name=PAGE, title="example-card.page", icon=Asset("tulou_example_card", "icon.svg"),
                 place=Place.BAR, exported=True, module=Asset("tulou_example_card", "example-card.js")),
            PageMethod(name="example-card.greet", handler=self.greet),
            PageFeed(name="example-card.greeted", source=self.greeted),
            Texts(language="en", texts=ENGLISH),
            Texts(language="zh", texts=CHINESE),
        ]

    @implements(contribute_routes)
    def contribute_routes(self) -> Sequence[RouteContribution]:
        """``tulou://example-card/小明``: the page, with a name written in. Anybody may have written it."""
        return [
            Route(name="example-card.open", path="example-card/{name}", target=ToPage(page=PAGE),
                  parameters={"name": Parameter(longest=LONGEST)}, exported=True, guards=(SIGNED_IN,),
                  owner="example-card", title="example-card.page"),
        ]

    async def greet(self, params: Mapping[str, Any]) -> Any:
        """What the page calls; a page's parameters are input, so they are checked."""
        name = params.get("name")
        if not isinstance(name, str):
            raise ExampleCardError("the name is missing", key="example-card.nameless",
                                   values={"longest": LONGEST})
        return {"number": self._service.greet(name).number}

    async def greeted(self, params: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
        """What the page listens to; closed when the page goes. A slow page holds up this and nothing else."""
        number = 0
        while True:
            for greeting in await self._service.after(number):
                yield {"name": greeting.name, "at": greeting.at}
                number = greeting.number
