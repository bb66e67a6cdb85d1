"""What the plugin does, without a kernel in sight: easy to read, easy to test."""

from dataclasses import replace

from tulou import Prevent, Stage, implements
from tulou_contracts.messaging import Draft, outgoing_message

KIND = "example-card"


class ExampleCardService:
    """Fulfils the contract `ExampleCards` and implements the hook `outgoing_message`."""

    def __init__(self, command: str) -> None:
        self._command = command

    def draft(self, conversation: str, title: str) -> Draft:
        """A card, not yet sent. Raises `ValueError` for an empty title."""
        title = title.strip()
        if not title:
            raise ValueError("a card needs a title")
        # readers without this plugin see the body, so it must make sense alone
        return Draft(conversation=conversation, body=title, kind=KIND, data={"title": title})

    @implements(outgoing_message, stage=Stage.MODIFY)
    async def outgoing_message(self, draft: Draft) -> Draft | Prevent | None:
        """A text that begins with the command becomes a card; None leaves a message as it is."""
        word, _, title = draft.body.partition(" ")
        if draft.kind != "text" or word != self._command:
            return None
        if not title.strip():
            return Prevent(f"write some words after {self._command}")
        card = self.draft(draft.conversation, title)
        return replace(draft, body=card.body, kind=card.kind, data=card.data)
