"""What the plugin adds to the pages: a look for its messages, and the words on it."""

from collections.abc import Sequence

from tulou import implements
from tulou_contracts.ui import Asset, Bubble, Contribution, Texts, contribute_ui

from tulou_example_card.cards import KIND


class ExampleCardPages:
    """Implements the hook `contribute_ui`."""

    @implements(contribute_ui)
    def contribute_ui(self) -> Sequence[Contribution]:
        """The bubble is an element in ``web/``; its words are in both languages of the pages."""
        return [
            Bubble(kind=KIND, module=Asset("tulou_example_card", "example-card.js")),
            Texts(language="en", texts={"example-card.label": "Card"}),
            Texts(language="zh", texts={"example-card.label": "卡片"}),
        ]
