"""What is stored of the account, in clear: never a password."""

from __future__ import annotations

from dataclasses import dataclass

from tulou_auth.address import account_address, server_address
from tulou_auth.states import State
from tulou_contracts.identity import Account, AddressInvalid
from tulou_contracts.storage import Document, Documents

_KEY = "account"


@dataclass(frozen=True, slots=True)
class Record:
    """The account and whether it is signed in."""

    account: Account
    signed_in: bool

    @property
    def state(self) -> State:
        """The state that a start with this record begins in."""
        return State.SIGNED_IN if self.signed_in else State.SIGNED_OUT


async def load(documents: Documents) -> Record | None:
    """The stored record; None when there is none. Raises `ValueError` when it makes no sense."""
    document = await documents.get(_KEY)
    return None if document is None else from_document(document)


async def save(documents: Documents, record: Record) -> None:
    """Store a record; durable when this returns. Raises `StorageError`."""
    await documents.put(_KEY, {
        "address": record.account.address,
        "endpoint": record.account.endpoint,
        "signed_in": record.signed_in,
    })


def from_document(document: Document) -> Record:
    """The record in a document. Raises `ValueError`."""
    try:
        address = account_address(str(document["address"]))
        endpoint = server_address(str(document.get("endpoint", "")))
    except (KeyError, AddressInvalid) as error:
        raise ValueError(f"the stored account cannot be used: {error}") from None
    return Record(Account(address=address, endpoint=endpoint), document.get("signed_in") is True)
