"""Issued documents in the database. A version is given inside the transaction that stores it, so a
crash at any moment leaves either the whole issue or none, and no version twice."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tulou_contracts.company import Document
from tulou_contracts.storage import Database, Reader, Transaction
from tulou_server.company.contents import payload, type_of
from tulou_server.company.signing import Signer


HISTORY = 50
"""Former issues that are kept; the newest stays always, so that versions go on from it."""
SOON = 7 * 86_400 * 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """The newest issue of a kind, audience and account."""

    kind: str
    audience: str
    account: str
    version: int
    issued_at: int
    valid_until: int
    withdrawn: bool

    def ends_soon(self, now: int) -> bool:
        """Whether it has run out, or will within a week."""
        return not self.withdrawn and self.valid_until < now + SOON


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to be issued; `lasting` is in microseconds."""

    kind: str
    audience: str
    account: str
    content: Mapping[str, Any]
    lasting: int
    withdrawn: bool = False
    least: int = 0
    """The version is this at least: for a service that was restored from a backup."""


class Archive:
    """All issues, the newest ones first."""

    def __init__(self, database: Database, signer: Callable[[], Signer], now: Callable[[], int]) -> None:
        self._database = database
        self._signer = signer
        self._now = now

    async def issue(self, draft: Draft) -> Document:
        """Sign and store the next version; durable when it returns. Raises `StorageError`, `CryptoError`."""
        signer, now = self._signer(), self._now()
        return await self._database.write(lambda transaction: _issue(transaction, signer, draft, now))

    def anew(self, transaction: Transaction, signer: Signer) -> Sequence[Document]:
        """Issue everything that holds once more, as valid as it is, signed by another key."""
        now = self._now()
        rows = transaction.query(
            "SELECT kind, audience, account, valid_until, withdrawn, text FROM company_document AS d"
            " WHERE valid_until > ?" + _NEWEST, (now,))
        return [_issue(transaction, signer, Draft(
            kind=kind, audience=audience, account=account, content=_content_of(text),
            lasting=valid_until - now, withdrawn=bool(withdrawn),
        ), now) for kind, audience, account, valid_until, withdrawn, text in rows]

    async def texts(self, account: str, audience: str, kind: str = "") -> Sequence[str]:
        """The newest signed texts that an account may see: for everybody, and for it alone."""
        query = (
            "SELECT text FROM company_document AS d WHERE audience = ? AND account IN ('', ?)"
            + (" AND kind = ?" if kind else "") + _NEWEST + " ORDER BY kind, account")
        values = (audience, account, kind) if kind else (audience, account)
        return await self._database.read(lambda reader: [str(row[0]) for row in reader.query(query, values)])

    async def newest(self) -> Sequence[Issued]:
        """The newest issue of each, withdrawn ones too."""
        def work(reader: Reader) -> list[Issued]:
            rows = reader.query(
                "SELECT kind, audience, account, version, issued_at, valid_until, withdrawn"
                " FROM company_document AS d WHERE 1" + _NEWEST + " ORDER BY kind, audience, account")
            return [Issued(kind=row[0], audience=row[1], account=row[2], version=row[3], issued_at=row[4],
                           valid_until=row[5], withdrawn=bool(row[6])) for row in rows]

        return await self._database.read(work)


def _issue(transaction: Transaction, signer: Signer, draft: Draft, now: int) -> Document:
    where = (draft.kind, draft.audience, draft.account)
    last = transaction.one(
        "SELECT MAX(version), MAX(issued_at) FROM company_document"
        " WHERE kind = ? AND audience = ? AND account = ?", where)
    version, issued_at = (last[0] or 0, last[1] or 0) if last else (0, 0)
    version = max(version + 1, draft.least)
    # the clock may have been set back; time in documents does not run backwards
    issued_at = max(now, issued_at)
    document = Document(
        kind=draft.kind, version=version, content=draft.content, audience=draft.audience,
        account=draft.account, issued_at=issued_at, valid_until=issued_at + draft.lasting,
    )
    text = signer.sign(_payload(document, draft.withdrawn), type_of(draft.kind))
    transaction.execute(
        "INSERT INTO company_document"
        " (kind, audience, account, version, issued_at, valid_until, withdrawn, text)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*where, version, issued_at, document.valid_until, int(draft.withdrawn), text))
    transaction.execute(
        "DELETE FROM company_document WHERE kind = ? AND audience = ? AND account = ? AND version < ?",
        (*where, version - HISTORY))
    return document


_NEWEST = (
    " AND version = (SELECT MAX(version) FROM company_document AS n"
    " WHERE n.kind = d.kind AND n.audience = d.audience AND n.account = d.account)"
)


def _content_of(text: str) -> Mapping[str, Any]:
    """What we signed ourselves."""
    part = text.split(".")[1]
    content: Mapping[str, Any] = json.loads(
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["content"]
    return content


def _payload(document: Document, withdrawn: bool) -> bytes:
    return payload(
        kind=document.kind, version=document.version, audience=document.audience,
        account=document.account, issued_at=document.issued_at, valid_until=document.valid_until,
        content=document.content, withdrawn=withdrawn,
    )
