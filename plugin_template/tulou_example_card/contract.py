"""What other plugins may ask of this one: a Protocol, without a line of logic."""

from typing import Protocol

from tulou_contracts.messaging import Draft


class ExampleCards(Protocol):
    """Makes messages of the kind ``example-card``."""

    def draft(self, conversation: str, title: str) -> Draft:
        """A card, not yet sent. Raises `ValueError` for an empty title."""
