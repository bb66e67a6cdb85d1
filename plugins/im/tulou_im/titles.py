"""What conversations are called: the contact's name, else the name given, else the local part."""

from __future__ import annotations

from collections.abc import Callable

from tulou_contracts.messaging import ConversationChanged
from tulou_contracts.storage import Database, Transaction
from tulou_contracts.transport import Contact, ContactChanged, Transport

from tulou_im.news import Publish
from tulou_im.text import stored_address


class Titles:
    """Keeps the names of contacts, in memory for new conversations, stored for those there are."""

    def __init__(self, database: Database, transport: Transport, publish: Publish) -> None:
        self._database = database
        self._transport = transport
        self._publish = publish
        self._names: dict[str, str] = {}

    def title(self, address: str) -> str:
        """The contact's name, or an empty text."""
        return self._names.get(address, "")

    async def refresh(self) -> None:
        """Learn the whole contact list."""
        await self._learn({
            stored_address(contact.address): contact.name for contact in await self._transport.contacts()
        })

    async def changed(self, change: ContactChanged) -> None:
        """Learn of one contact; one that is gone leaves its name behind."""
        contact: Contact = change.contact
        if not change.removed:
            await self._learn({stored_address(contact.address): contact.name})

    async def _learn(self, names: dict[str, str]) -> None:
        new = {address: name for address, name in names.items() if self._names.get(address) != name}
        self._names.update(new)
        named = {address: name for address, name in new.items() if name}
        if not named:
            return
        for address in await self._database.write(_rename(named)):
            self._publish(ConversationChanged(conversation=address))


def _rename(names: dict[str, str]) -> Callable[[Transaction], list[str]]:
    def work(tx: Transaction) -> list[str]:
        return [
            address for address, name in names.items()
            if tx.execute(
                "UPDATE im_conversation SET title = ? WHERE address = ? AND title <> ?",
                (name, address, name),
            )
        ]

    return work
