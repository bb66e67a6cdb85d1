"""The plugin in a kernel of its own, and the suites that every plugin should pass."""

from collections.abc import Sequence

import pytest
from tulou import CompositionError, Prevent
from tulou.testing import boot
from tulou.testing.conformance import Conformance
from tulou_contracts.messaging import Draft, outgoing_message
from tulou_contracts.testing.ui import UiConformance
from tulou_contracts.ui import Bubble, Contribution, contribute_ui

import tulou_example_card
from tulou_example_card.contract import ExampleCards
from tulou_example_card.pages import ExampleCardPages

NAME = "example-card"
PAGES = ExampleCardPages()


class TestConformance(Conformance):
    """Life cycle, cancellation, leaks, settings, documentation."""

    plugin = tulou_example_card.plugin


class TestPages(UiConformance):
    """What it adds to the pages: files are there, modules are modules, words are in both languages."""

    def contributions(self) -> Sequence[Contribution]:
        return PAGES.contribute_ui()  # of one object, as in the app: a page's feed is known by its source


def text(body: str) -> Draft:
    return Draft(conversation="bob@example.org", body=body)


async def test_a_text_with_the_command_becomes_a_card() -> None:
    async with boot(tulou_example_card.plugin) as kernel:
        sent = await kernel.hook(outgoing_message)(text("/example-card 你好，世界"))
        assert (sent.kind, sent.data["title"], sent.body) == (NAME, "你好，世界", "你好，世界")


@pytest.mark.parametrize("body", ["hello", "/example-cards hello", "say /example-card hello"])
async def test_other_texts_stay_as_they_are(body: str) -> None:
    async with boot(tulou_example_card.plugin) as kernel:
        assert await kernel.hook(outgoing_message)(text(body)) == text(body)


@pytest.mark.parametrize("body", ["/example-card", "/example-card   "])
async def test_a_card_without_words_does_not_go_out(body: str) -> None:
    async with boot(tulou_example_card.plugin) as kernel:
        answer = await kernel.hook(outgoing_message)(text(body))
        assert isinstance(answer, Prevent) and "/example-card" in answer.reason


async def test_the_command_is_a_setting() -> None:
    async with boot(tulou_example_card.plugin, config={NAME: {"command": "!"}}) as kernel:
        sent = await kernel.hook(outgoing_message)(text("! hello"))
        assert sent.kind == NAME


async def test_an_empty_command_is_refused_in_a_sentence() -> None:
    with pytest.raises(CompositionError, match="command is empty"):
        async with boot(tulou_example_card.plugin, config={NAME: {"command": " "}}):
            pass


async def test_other_plugins_can_make_cards() -> None:
    async with boot(tulou_example_card.plugin) as kernel:
        cards = kernel.service(ExampleCards)
        assert cards.draft("bob@example.org", "hello").kind == NAME
        with pytest.raises(ValueError, match="title"):
            cards.draft("bob@example.org", " ")


async def test_the_pages_get_the_bubble() -> None:
    async with boot(tulou_example_card.plugin) as kernel:
        answers = await kernel.hook(contribute_ui)()
    assert [each.kind for answer in answers for each in answer if isinstance(each, Bubble)] == [NAME]
