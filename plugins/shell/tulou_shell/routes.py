"""The shell's own places, and every contributed page, as routes like anybody's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from tulou import implements
from tulou_contracts.routing import (
    SIGNED_IN,
    Parameter,
    ParameterType,
    Route,
    RouteContribution,
    ToPage,
    contribute_routes,
)
from tulou_shell.contributions import Catalogue

OWNER = "shell"
_PERSON = {"address": Parameter(type=ParameterType.ADDRESS)}

OWN: tuple[Route, ...] = (
    Route(name="shell.chats", path="chats", target=ToPage(page="chats"), exported=True, guards=(SIGNED_IN,),
          owner=OWNER, title="nav.chats"),
    Route(name="shell.chat", path="chat/{address}", target=ToPage(page="chat"), parameters=_PERSON,
          exported=True, guards=(SIGNED_IN,), owner=OWNER, title="nav.chats"),
    Route(name="shell.contacts", path="contacts", target=ToPage(page="contacts"), exported=True,
          guards=(SIGNED_IN,), owner=OWNER, title="nav.contacts"),
    Route(name="shell.contact", path="contact/{address}", target=ToPage(page="contact"), parameters=_PERSON,
          exported=True, guards=(SIGNED_IN,), owner=OWNER, title="nav.contacts"),
    Route(name="shell.settings", path="settings", target=ToPage(page="settings"), guards=(SIGNED_IN,),
          owner=OWNER, title="nav.settings"),
)


class ShellRoutes:
    """What the shell contributes to the router."""

    def __init__(self, catalogue: Callable[[], Awaitable[Catalogue]]) -> None:
        self._catalogue = catalogue

    @implements(contribute_routes)
    async def contribute_routes(self) -> Sequence[RouteContribution]:
        """The shell's places, and ``app/NAME`` for each contributed page."""
        pages = (await self._catalogue()).pages.values()
        return [*OWN, *(
            Route(
                name=f"app.{page.name}", path=f"app/{page.name}", target=ToPage(page=page.name),
                any_parameters=True, exported=page.exported, guards=(SIGNED_IN,), title=page.title,
                owner=page.module.package.removeprefix("tulou_").replace("_", "-"),
            )
            for page in pages
        )]
