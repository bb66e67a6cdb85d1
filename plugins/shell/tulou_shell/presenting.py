"""Shows pages to people: on the open page where they asked, the one they look at, or the next to open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tulou_contracts.routing import PageIntent, RouteUnavailable
from tulou_shell.opening import PLACES

HOLD = 120.0
"""Seconds for which a page is held for a browser that is about to open."""


class OpenPage(Protocol):
    """One open page of the account."""

    id: str
    visible: bool
    looked_at: float
    """When somebody began to look at it last, on the clock of the loop."""

    def show(self, place: dict[str, Any]) -> None: ...


class Screen:
    """The provider of `Presenter`."""

    def __init__(
        self, pages: Callable[[], list[OpenPage]], contributed: Callable[[str], bool],
        clock: Callable[[], float],
    ) -> None:
        self._pages = pages
        self._contributed = contributed
        self._clock = clock
        self._held: tuple[float, dict[str, Any]] | None = None

    async def present(self, intent: PageIntent, at: str = "") -> None:
        """Show a page. Raises `RouteUnavailable` when nobody contributes it."""
        self.show({"page": intent.page, "parameters": texts_of(intent.parameters)}, at)

    def show(self, place: dict[str, Any], at: str = "") -> None:
        """Show a place as pages read it. Raises `RouteUnavailable`."""
        name = place["page"]
        if name not in PLACES and not self._contributed(name):
            raise RouteUnavailable(f"The page {name!r} is not here: its plugin is not running.")
        page = self._chosen(at)
        if page is None:
            self._held = self._clock() + HOLD, place
        else:
            page.show(place)

    @property
    def watched(self) -> bool:
        """Whether an open page is in sight, so that what is shown is seen."""
        return any(each.visible for each in self._pages())

    def came(self, page: OpenPage) -> None:
        """A page opened: it gets what was held for it."""
        held, self._held = self._held, None
        if held is not None and held[0] >= self._clock():
            page.show(held[1])

    def hold_for_next(self, place: dict[str, Any]) -> None:
        """Show on the next page that opens, whatever is open now."""
        self._held = self._clock() + HOLD, place

    def _chosen(self, at: str) -> OpenPage | None:
        pages = self._pages()
        for page in pages:
            if at and page.id == at:
                return page
        return max(pages, key=lambda each: (each.visible, each.looked_at), default=None)


def texts_of(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as they stand in an address, which is how pages get them."""
    return {
        name: ("true" if value else "false") if isinstance(value, bool) else str(value)
        for name, value in parameters.items()
    }
