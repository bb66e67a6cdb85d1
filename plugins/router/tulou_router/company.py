"""Which of the company's routes hold now: the newest document that is in order, or the one before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tulou_contracts.company import Company, Document
from tulou_router.memory import Memory
from tulou_router.pushed import Alias, DocumentWrong, aliases_of, back_to

KIND = "routes"


class CompanyRoutes:
    """Follows the document of kind ``routes``."""

    def __init__(self, memory: Memory, company: Callable[[], Company | None], now: Callable[[], int]) -> None:
        self._memory = memory
        self._company = company
        self._now = now
        self._valid_until = 0
        self._aliases: tuple[Alias, ...] = ()
        self.version = 0
        """The version whose routes hold; 0: none."""
        self.problem = ""

    @property
    def aliases(self) -> tuple[Alias, ...]:
        """What holds now; nothing once its time is over."""
        return self._aliases if self._now() < self._valid_until else ()

    @property
    def over(self) -> bool:
        """Whether what held is out of date since it was read."""
        return self.version != 0 and self._now() >= self._valid_until

    def read(self) -> None:
        """Look at the newest document again."""
        self._aliases, self.version, self.problem, self._valid_until = (), 0, "", 0
        company = self._company()
        document = company.document(KIND) if company else None
        if document is None or document.valid_until <= self._now():
            return  # withdrawn, out of date, or there is no company: nothing of it holds
        try:
            content = self._content_of(document)
            self._aliases = aliases_of(content)
        except DocumentWrong as error:
            self.problem = f"The company's routes, version {document.version}, are not used: {error}"
            self._use_the_one_before(document)
            return
        self.version, self._valid_until = document.version, document.valid_until
        self._memory.note_version({
            "version": document.version, "valid_until": document.valid_until,
            "account": document.account, "audience": document.audience, "content": dict(content),
        })

    def _content_of(self, document: Document) -> Any:
        version = back_to(document.content)
        if version is None:
            return document.content
        kept = {each["version"]: each["content"] for each in self._versions(document)}
        for known in (document.version, version):  # this very document may have gone back before a restart
            if known in kept:
                return kept[known]
        raise DocumentWrong(f"It goes back to version {version}, which this device does not have.")

    def _use_the_one_before(self, document: Document) -> None:
        for each in reversed(self._versions(document)):
            if each["version"] < document.version and each["valid_until"] > self._now():
                try:
                    self._aliases = aliases_of(each["content"])
                except DocumentWrong:
                    continue  # somebody else wrote into our file
                self.version, self._valid_until = each["version"], each["valid_until"]
                self.problem += f" Version {self.version} holds on."
                return

    def _versions(self, document: Document) -> list[dict[str, Any]]:
        """Those kept of the same account and product."""
        return [
            each for each in self._memory.versions
            if each["account"] == document.account and each["audience"] == document.audience
        ]
