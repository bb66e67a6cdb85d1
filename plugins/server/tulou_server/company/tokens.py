"""Tokens: who a client is, by the word of the server that carried its question.

Kept as hashes, so that the database opens no door; looked up in memory, so that a stranger is turned
away before a byte of a report is read.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tulou_contracts.storage import Database, Transaction

MOST = 20
"""Tokens an account may hold (devices, and restarts of them); a further one ends the oldest."""


@dataclass(frozen=True, slots=True)
class _Pass:
    account: str
    expires: int


class Tokens:
    """Tokens of one service. `life` is in seconds."""

    def __init__(self, database: Database, now: Callable[[], int], life: float) -> None:
        self._database = database
        self._now = now
        self._life = round(life * 1e6)
        self._passes: dict[str, _Pass] = {}
        """In the order they were issued, so nearly that in which they run out."""
        self._held: dict[str, dict[str, None]] = {}
        """Account -> hashes of its tokens, oldest first."""

    async def open(self) -> None:
        """Load those that are still good. Raises `StorageError`."""
        def work(transaction: Transaction) -> list[tuple[str, str, int]]:
            transaction.execute("DELETE FROM company_token WHERE expires <= ?", (self._now(),))
            return [(row[0], row[1], row[2]) for row in
                    transaction.query("SELECT hash, account, expires FROM company_token ORDER BY expires")]

        for hash_, account, expires in await self._database.write(work):
            self._add(hash_, _Pass(account, expires))

    async def issue(self, account: str) -> str:
        """A fresh token, durable when it returns. Raises `StorageError`."""
        token = secrets.token_urlsafe(32)
        hash_, fresh = _hash(token), _Pass(account, self._now() + self._life)
        over = [(each,) for each in self._over(account)]

        def work(transaction: Transaction) -> None:
            transaction.execute_many("DELETE FROM company_token WHERE hash = ?", over)
            transaction.execute("INSERT INTO company_token (hash, account, expires) VALUES (?, ?, ?)",
                                (hash_, fresh.account, fresh.expires))

        await self._database.write(work)
        for each, in over:
            self._drop(each)
        self._add(hash_, fresh)
        return token

    def _over(self, account: str) -> list[str]:
        """Tokens that are of no use any more, and the account's oldest when it has too many."""
        now, over = self._now(), []
        for hash_, each in self._passes.items():
            if each.expires > now:
                break
            over.append(hash_)
        mine = [hash_ for hash_ in self._held.get(account, ()) if hash_ not in over]
        return over + mine[:max(0, len(mine) - MOST + 1)]

    def _add(self, hash_: str, fresh: _Pass) -> None:
        self._passes[hash_] = fresh
        self._held.setdefault(fresh.account, {})[hash_] = None

    def _drop(self, hash_: str) -> None:
        gone = self._passes.pop(hash_, None)
        if gone is not None:
            held = self._held[gone.account]
            del held[hash_]
            if not held:
                del self._held[gone.account]

    def account(self, token: str) -> str | None:
        """Whose token it is; None for one that is not good (any more)."""
        found = self._passes.get(_hash(token))
        return found.account if found is not None and found.expires > self._now() else None

    def accounts(self) -> Iterable[str]:
        """Every account with a token: whom it is worth telling something."""
        return list(self._held)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
