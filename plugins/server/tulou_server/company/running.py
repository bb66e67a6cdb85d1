"""The service while it runs: what administrators do with it, and what clients ask by the wire."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import trio

from tulou.flow import new_id
from tulou_contracts.company import Document, DocumentRefused
from tulou_contracts.crypto import CryptoError
from tulou_contracts.server import SignalHost
from tulou_contracts.storage import StorageError
from tulou_contracts.transport import Refused, Signal
from tulou_server.company.archive import Archive, Draft
from tulou_server.company.collector import Collector
from tulou_server.company.config import Config
from tulou_server.company.contents import checked_account, checked_content, checked_kind
from tulou_server.company.signing import RootKeys
from tulou_server.company.tokens import Tokens

TOKEN = "company.token"
"""The question by which a client gets its token: {} -> {token, expires (seconds), url}."""
CHANGED = "company.document"
"""The notice that another document of a kind holds: {kind, version}."""
LOGS = "log.request"
"""The notice that asks for logs: {id, since, until, reason}; times are microseconds."""
LONGEST = 10 * 366 * 86_400.0
"""Seconds that a document may be valid."""


class Running:
    """Implements `CompanyService`."""

    def __init__(
        self, config: Config, url: str, keys: RootKeys, archive: Archive, tokens: Tokens,
        collector: Collector, log: logging.Logger,
    ) -> None:
        self.url = url
        self.root_key = keys.signer.key.public
        self.audience = config.audience
        self.archive = archive
        self._keys = keys
        self._issuing = trio.Lock()
        self.collector = collector
        self._config = config
        self._tokens = tokens
        self._log = log
        self._news, self._to_tell = trio.open_memory_channel[tuple[str, str, Signal]](1000)

    # what the contract says

    async def publish(
        self, kind: str, content: Mapping[str, Any], *, account: str = "", audience: str = "",
        valid_for: float = 30 * 86_400.0, least: int = 0,
    ) -> Document:
        """Sign and issue the next version (`least` or higher), and push word of it."""
        return await self._issue(Draft(
            kind=checked_kind(kind), audience=audience or self._config.audience,
            account=checked_account(account), lasting=_lasting(valid_for), least=_version(least),
            content=checked_content(content, self._config.max_document),
        ))

    async def withdraw(self, kind: str, *, account: str = "", audience: str = "") -> None:
        """Issue a next version that says: nothing holds any more."""
        await self._issue(Draft(
            kind=checked_kind(kind), audience=audience or self._config.audience,
            account=checked_account(account), content={}, lasting=round(LONGEST * 1e6), withdrawn=True,
        ))

    async def counts(self, collector: str) -> Mapping[str, int]:
        """How much was collected."""
        return await self.collector.counts(collector)

    async def _issue(self, draft: Draft) -> Document:
        try:
            async with self._issuing:
                document = await self.archive.issue(draft)
        except (CryptoError, StorageError) as error:
            raise DocumentRefused(f"the document is not issued: {error}") from error
        self._issued(document)
        return document

    def _issued(self, document: Document) -> None:
        kind, version, account = document.kind, document.version, document.account
        self._log.info("issued %s %d for %s", kind, version, account or "everybody")
        try:
            self._news.send_nowait((account, CHANGED, {"kind": kind, "version": str(version)}))
        except trio.WouldBlock:
            self._log.warning("more is issued than clients can be told; they find out when they look")

    async def ask_for_logs(self, account: str, since: int, until: int, reason: str) -> str:
        """Ask an account's devices for their logs of a time (microseconds); the id of the question.

        Their people decide. Raises `DocumentRefused` for what is no account.
        """
        account, question = checked_account(account), new_id()
        if not account:
            raise DocumentRefused("name the account whose logs are asked for")
        try:
            self._news.send_nowait((account, LOGS, {
                "id": question, "since": str(since), "until": str(until), "reason": reason[:500]}))
        except trio.WouldBlock:
            raise DocumentRefused("too much is being told just now; try again later") from None
        return question

    async def new_root_key(self) -> str:
        """The key that will take over, as text; clients have to pin it before it does.

        Raises `CryptoError`, `StorageError`.
        """
        return (await self._keys.make_next()).public

    async def use_root_key(self) -> Sequence[Document]:
        """Let it sign, and issue everything that holds anew. Raises `CryptoError`, `StorageError`."""
        async with self._issuing:
            documents = await self._keys.take_up_next(self.archive.anew)
        self.root_key = self._keys.signer.key.public
        for document in documents:
            self._issued(document)
        return documents

    # the wire

    async def token(self, host: SignalHost, account: str, content: Signal) -> Signal:
        """Answer `company.token`. The server vouches for the account; whose domain is not ours is not."""
        domains = self._config.domains or _domains_of(host.address)
        domain = account.partition("@")[2]
        if not domain or domains and domain not in domains:
            raise Refused(f"the company service is not for {account}")
        try:
            token = await self._tokens.issue(account)
        except StorageError as error:
            self._log.error("no token for %s: %s", account, error)
            raise Refused("the company service has a problem of its own; try again later") from None
        return {"token": token, "expires": f"{self._config.token_life:g}", "url": self.url}

    async def tell(self, host: SignalHost) -> None:
        """Push word of every issue to who holds a token, for as long as the host is there."""
        async for account, name, notice in self._to_tell.clone():
            for each in [account] if account else self._tokens.accounts():
                await host.notify(each, name, notice)


def _domains_of(address: str) -> list[str]:
    """A component's own name lies below the domain whose accounts it serves."""
    if not address:
        return []
    parent = address.partition(".")[2]
    return [parent or address]


def _lasting(seconds: float) -> int:
    if not 1 <= seconds <= LONGEST:  # false for what is no number, too
        raise DocumentRefused(f"a document is valid for 1 second to 10 years, not {seconds:g} seconds")
    return round(seconds * 1e6)


def _version(least: int) -> int:
    if not 0 <= least < 1 << 53:
        raise DocumentRefused(f"{least} cannot be a version")
    return least
