"""The room itself: asks the service, holds what is good, and tells what changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from random import Random

import trio

from tulou.flow import Signal as Wake
from tulou.flow import backoff
from tulou_contracts.company import Document, DocumentChanged, DocumentRefused, NoCompany
from tulou_contracts.network import HttpResponse, NetworkError
from tulou_contracts.storage import StorageError

from tulou_company.asking import Service, ServiceBusy
from tulou_company.config import Config
from tulou_company.passes import Passes
from tulou_company.shelf import Shelf

LOOK = 60.0
"""Seconds after which the clock is looked at again: it may have been set."""
FIRST_RETRY = 5.0


class CompanyClient:
    """Implements `Company`. `watch` and `keep_up` are its tasks."""

    def __init__(
        self, config: Config, shelf: Shelf, service: Service, passes: Passes, *,
        publish: Callable[[object], None], now: Callable[[], int], rng: Random, log: logging.Logger,
    ) -> None:
        self.changed = Wake()
        """Something a person may want to know of is another: for the status file."""
        self.shelf = shelf
        self.refusals: dict[str, tuple[int, str]] = {}
        """Kind -> when (microseconds) and why a document of it was refused last."""
        self.trouble = ""
        """Why the service could not be asked the last time; empty when it could."""
        self.asked_at = 0
        self._config = config
        self._service = service
        self._passes = passes
        self._publish = publish
        self._now = now
        self._rng = rng
        self._log = log
        self._told: dict[str, Document] = {}
        self._complained: dict[str, str] = {}
        self._look = Wake()
        self._news = Wake()
        self._fetching = trio.Lock()
        self._opened = False

    # what the contract says

    @property
    def url(self) -> str | None:
        """Where the service is; None when the composition names none (or it is not known yet)."""
        return self._passes.url if self._config.root_keys else None

    def document(self, kind: str) -> Document | None:
        """The newest checked document that is valid now."""
        return self.shelf.document(kind)

    async def refresh(self, kind: str) -> Document | None:
        """Ask the service now. Raises `NoCompany`, `DocumentRefused`, `NetworkError`."""
        self._check_configured()
        await self._fetch(kind)
        for each in (kind, ""):
            if each in self.refusals:
                raise DocumentRefused(self.refusals[each][1], kind)
        return self.document(kind)

    async def report(
        self, collector: str, body: bytes, *, content_type: str,
        headers: Mapping[str, str] | None = None, timeout: float = 30.0,
    ) -> HttpResponse:
        """Hand something to a collector. Raises `NoCompany`, `NetworkError`."""
        self._check_configured()
        return await self._service.report(collector, body, content_type, headers or {}, timeout)

    async def look(self) -> None:
        """Ask for all documents now. Raises `NoCompany`, `DocumentRefused`, `NetworkError`."""
        self._check_configured()
        await self._fetch("")

    def time(self) -> int:
        """Now, by the clock that documents are valid by."""
        return self._now()

    def _check_configured(self) -> None:
        if not self._config.root_keys:
            raise NoCompany(
                "this composition names no company: set root_keys under [plugins.company.config] to have one")

    # what the wire and the account say

    def online(self) -> None:
        """The wire is there (again)."""
        self._news.set()

    def notified(self) -> None:
        """The service says that there is another document."""
        self._news.set()

    async def belongs_to(self, account: str) -> None:
        """Whose profile this is; what is kept counts for that account only."""
        async with self._fetching:
            if self._opened and account == self.shelf.account:
                return
            self._opened = True
            self._passes.forget()
            self._service.forget()
            if self._config.threads:
                held, faults = await trio.to_thread.run_sync(self.shelf.examine, account)
            else:
                held, faults = self.shelf.examine(account)
            self.shelf.belong_to(account, held)
        for fault in faults:
            self._log.warning("%s", fault)
        self._tell()
        self._look.set()

    # tasks

    async def keep_up(self) -> None:
        """Look for other documents: on word by the wire, and now and then."""
        delays = backoff(FIRST_RETRY, self._config.poll, self._rng)
        wait = self._config.poll
        while True:
            if await self._told_within(wait) and self.asked_at:
                await trio.sleep(max(0.1, self._rng.uniform(0, self._config.spread)))
            wait = self._config.poll * self._rng.uniform(0.8, 1.2)
            try:
                await self._fetch("")
                delays = backoff(FIRST_RETRY, self._config.poll, self._rng)
            except (NetworkError, NoCompany, DocumentRefused) as error:
                asked = error.wait if isinstance(error, ServiceBusy) else 0.0
                wait = max(asked, FIRST_RETRY / 2 + next(delays))

    async def _told_within(self, seconds: float) -> bool:
        with trio.move_on_after(seconds):
            await self._news.wait()
            return True
        return False

    async def watch(self) -> None:
        """Say so when a document runs out, also when the clock is set."""
        while True:
            end = self.shelf.next_end()
            left = LOOK if end is None else (end - self._now()) / 1e6
            with trio.move_on_after(min(LOOK, max(0.001, left))):
                await self._look.wait()
            self._tell()

    async def _fetch(self, kind: str) -> None:
        async with self._fetching:
            try:
                texts = await self._service.documents(kind)
                self.trouble = ""
            except (NetworkError, NoCompany, DocumentRefused) as error:
                if str(error) != self.trouble:
                    self._log.info("documents cannot be fetched: %s", error)
                self.trouble = str(error)
                self.changed.set()
                raise
            if texts is not None:
                self.refusals = {
                    each: why for each, why in self.refusals.items() if kind and each not in (kind, "")}
                outcomes = [await self._take(text) for text in texts]
                if all(outcomes):
                    self._service.took()
            self.asked_at = self._now()
        self._tell()
        self._look.set()
        self.changed.set()

    async def _take(self, text: object) -> bool:
        """False when it should come again."""
        try:
            await self.shelf.take(text)
        except DocumentRefused as refusal:
            self._refused(refusal)
            return False
        except StorageError as error:
            self._log.error("a document of the company cannot be kept, so it does not count: %s", error)
            return False
        return True

    def _refused(self, refusal: DocumentRefused) -> None:
        said = str(refusal)
        if self._complained.get(refusal.kind) != said:
            self._log.warning("a document of the company is refused: %s", said)
        self._complained[refusal.kind] = said
        self.refusals[refusal.kind] = self._now(), said

    def _tell(self) -> None:
        """Publish what holds now and did not, and the other way round."""
        for kind in self.shelf.kinds() | set(self._told):
            document, told = self.shelf.document(kind), self._told.get(kind)
            if document is told:
                continue
            if document is None:
                del self._told[kind]
            else:
                self._told[kind] = document
            self._publish(DocumentChanged(kind=kind, version=document.version if document else 0))
            self.changed.set()
