"""The documents that are held: the newest of each kind, for everybody and for this account.

What is taken is durable before it counts, and stays as the mark below which nothing is taken any more,
also when it has run out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tulou_contracts.company import Document, DocumentRefused
from tulou_contracts.storage import Documents

from tulou_company.clock import Clock
from tulou_company.reading import Checked, Reader, fresh_enough

Place = tuple[str, bool]
"""Kind, and whether it is for this account alone."""


class Shelf:
    """Documents of one account and audience."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._store: Documents | None = None
        self._reader = reader
        self._clock = clock
        self._records: dict[str, dict[str, Any]] = {}
        self._held: dict[Place, Checked] = {}
        self.account = ""

    async def open(self, store: Documents) -> None:
        """Read what was kept. Raises `StorageError`."""
        self._store = store
        self._records = await store.all()

    @property
    def former_account(self) -> str:
        """Whose documents were kept; empty when there were none for one account alone."""
        accounts = (record.get("account") for record in self._records.values())
        return next((each for each in accounts if isinstance(each, str) and each), "")

    def examine(self, account: str) -> tuple[dict[Place, Checked], list[str]]:
        """What was kept and counts for this account, and sentences about what does not any more.

        Takes milliseconds a document, and imports what checking needs; may run in a thread.
        """
        faults: list[str] = []
        held: dict[Place, Checked] = {}
        for name, record in self._records.items():
            audience, kind, scope = (name.split("/", 2) + ["", ""])[:3]
            if audience != self._reader.audience or scope and record.get("account") != account:
                continue
            try:
                checked = self._reader.read(record.get("text"), account)
            except DocumentRefused as refusal:
                faults.append(f"what was kept of {kind} does not count any more: {refusal}")
                continue
            held[kind, bool(scope)] = checked
        return held, faults

    def belong_to(self, account: str, held: dict[Place, Checked]) -> None:
        """From now on this account's, with what `examine` found."""
        self.account, self._held = account, held
        for checked in held.values():
            self._clock.learn(checked.document.issued_at)

    async def take(self, text: object) -> Checked | None:
        """Hold a document if it is genuine, for us, valid now and newer; None when it is held already.

        Raises `DocumentRefused`; `StorageError` when it cannot be kept, and then it does not count.
        """
        checked = self._reader.read(text, self.account)
        document = checked.document
        place = document.kind, bool(document.account)
        name = f"{document.audience}/{document.kind}/{'own' if document.account else ''}"
        held = self._held.get(place)
        if held is not None and held.text == checked.text:
            return None
        self._newer(document, self._records.get(name))
        fresh_enough(checked, self._clock())
        record = {"version": document.version, "key": checked.key, "account": document.account,
                  "text": checked.text}
        if self._store is not None:
            await self._store.put(name, record)
        self._records[name] = record
        self._held[place] = checked
        self._clock.learn(document.issued_at)
        return checked

    def _newer(self, document: Document, record: dict[str, Any] | None) -> None:
        """A key that is not pinned any more sets no mark: its successor may count from one."""
        if record is None or record.get("key") not in self._reader.keys:
            return
        mark = record.get("version")
        if not isinstance(mark, int) or record.get("account") != document.account:
            return
        if document.version < mark:
            raise DocumentRefused(
                f"{document.kind}: version {document.version} is older than {mark}, which was here before",
                document.kind)
        if document.version == mark:
            raise DocumentRefused(
                f"{document.kind}: there are two different documents of version {mark}; the first one counts",
                document.kind)

    def document(self, kind: str) -> Document | None:
        """What holds now: the account's own before everybody's."""
        now = self._clock()
        for own in (True, False):
            held = self._held.get((kind, own))
            if held is not None and not held.withdrawn and held.document.valid_until > now:
                return held.document
        return None

    def kinds(self) -> set[str]:
        """Every kind of which something is held, valid or not."""
        return {kind for kind, _ in self._held}

    def next_end(self) -> int | None:
        """When the next document runs out."""
        now = self._clock()
        ends = [each.document.valid_until for each in self._held.values()]
        return min((each for each in ends if each > now), default=None)

    def __iter__(self) -> Iterator[Checked]:
        return iter([self._held[place] for place in sorted(self._held)])
