"""What befell the profile's data, told to people as soon as there are pages to tell it on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tulou_contracts.storage import StorageNearlyFull, StorageRepaired

if TYPE_CHECKING:
    from tulou.services import Wanted
    from tulou_contracts.ui import Notice, Notices

PAGE = "tulou://app/storage"
_MIB = 1 << 20


class Teller:
    """Makes notices of the store's events. The store starts long before the pages, so they may wait."""

    def __init__(self, board: Wanted[Notices]) -> None:
        self._board = board
        self._waiting: list[object] = []

    def tell(self, event: object) -> None:
        """An event that the store publishes; others than ours mean nothing here."""
        if isinstance(event, (StorageRepaired, StorageNearlyFull)):
            self._waiting.append(event)
            self.come()

    def come(self) -> None:
        """Show what waits, where there is a board by now."""
        board = self._board.get()
        while board is not None and self._waiting:
            board.show(notice_of(self._waiting.pop(0)))


def notice_of(event: object) -> Notice:
    """An event in words; see `texts`."""
    from tulou_contracts.ui import Notice

    if isinstance(event, StorageRepaired):
        repair = event.repair
        return Notice(
            id="store.repaired", title="store.repaired", url=PAGE,
            text="store.repaired-lost" if repair.lost else "store.repaired-whole",
            values={"rows": str(repair.rows), "lost": ", ".join(repair.lost), "kept": repair.kept_as})
    assert isinstance(event, StorageNearlyFull)
    return Notice(
        id="store.nearly-full", title="store.nearly-full", text="store.nearly-full-hint", url=PAGE,
        values={"used": f"{event.used / _MIB:.0f}", "allowed": f"{event.allowed / _MIB:.0f}"})
