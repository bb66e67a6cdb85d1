"""Shows pages to people: on the open page where they asked, the one they look at, or the next to open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Protocol

from tulou_contracts.routing import PageIntent, RouteUnavailable
from tulou_shell.opening import PLACES

HOLD = 120.0
"""Seconds for which a page is held for a browser that is about to open."""
EXPECTED = 3600.0
"""Seconds for which it is remembered which page was the expected one."""

_NUMBERS = count(1)


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
        self._expected: dict[str, _Expected] = {}

    async def present(self, intent: PageIntent, at: str = "") -> None:
        """Show a page. Raises `RouteUnavailable` when nobody contributes it."""
        self.show({"page": intent.page, "parameters": texts_of(intent.parameters)}, at)

    def show(self, place: dict[str, Any], at: str = "") -> None:
        """Show a place as pages read it. Raises `RouteUnavailable`."""
        name = place["page"]
        expected = self._expected.get(at)
        if name not in PLACES and not self._contributed(name):
            raise RouteUnavailable(f"The page {name!r} is not here: its plugin is not running.")
        page = self._chosen(at if expected is None else expected.page)
        if expected is not None and not expected.page:
            expected.place = place
        elif page is None:
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
        for expected in self._expected.values():
            if not expected.page and expected.until >= self._clock():
                expected.page = page.id
                if expected.place is not None:
                    page.show(expected.place)
                return

    def expect(self) -> str:
        """A page is about to be opened; the answer stands for it, now and when it is there."""
        now = self._clock()
        self._expected = {name: each for name, each in self._expected.items() if each.until >= now - EXPECTED}
        name = f"expected {next(_NUMBERS)}"
        self._expected[name] = _Expected(now + HOLD)
        return name

    def _chosen(self, at: str) -> OpenPage | None:
        pages = self._pages()
        for page in pages:
            if at and page.id == at:
                return page
        return max(pages, key=lambda each: (each.visible, each.looked_at), default=None)


class _Expected:
    """A page that is about to open: until when, which it became, and what it is to show."""

    def __init__(self, until: float) -> None:
        self.until = until
        self.page = ""
        self.place: dict[str, Any] | None = None


def texts_of(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as they stand in an address, which is how pages get them."""
    return {
        name: ("true" if value else "false") if isinstance(value, bool) else str(value)
        for name, value in parameters.items()
    }
