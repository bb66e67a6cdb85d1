"""A kernel with the router, a screen, an identity and a company that tests steer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import tulou_router
from tulou_contracts.company import Company, Document, DocumentChanged
from tulou_contracts.identity import Account, Identity
from tulou_contracts.routing import (
    PageIntent, Presenter, RouteContribution, Router, RouteUnavailable, contribute_routes,
)

from tulou import AccountChanged, Kernel, Plugin, implements
from tulou.testing import boot, stand_in, virtual_now

ANNA = "anna@acme.example"


class Screen:
    """Shows every page but those in `lacking`."""

    def __init__(self) -> None:
        self.presented: list[tuple[PageIntent, str]] = []
        self.lacking: set[str] = set()

    async def present(self, intent: PageIntent, at: str = "") -> None:
        if intent.page in self.lacking:
            raise RouteUnavailable(f"The page {intent.page!r} is not here.")
        self.presented.append((intent, at))


class Person:
    """An identity that signs in when a test says so."""

    def __init__(self, address: str = "", signed_in: bool = False) -> None:
        self.account = Account(address=address) if address else None
        self.signed_in = signed_in
        self.publish: Callable[[object], None] = lambda event: None

    async def sign_in(self, address: str, password: str = "", endpoint: str = "") -> Account:
        self.account, self.signed_in = Account(address=address), True
        self.publish(AccountChanged(address))
        return self.account

    async def register(self, address: str, password: str, endpoint: str = "") -> Account:
        return await self.sign_in(address)

    async def sign_out(self) -> None:
        self.signed_in = False
        self.publish(AccountChanged(None))


class Office:
    """A company whose documents are what a test says they are."""

    url = "https://company.example"

    def __init__(self) -> None:
        self.held: Document | None = None
        self.now: Callable[[], int] = lambda: 0
        self.publish: Callable[[object], None] = lambda event: None

    def document(self, kind: str) -> Document | None:
        held = self.held if kind == "routes" else None
        return held if held is not None and held.valid_until > self.now() else None

    async def refresh(self, kind: str) -> Document | None:
        return self.held

    async def report(self, collector: str, body: bytes, **more: Any) -> Any:
        raise NotImplementedError

    def issue(self, version: int, content: Mapping[str, Any] | None, *, valid_until: int = 1 << 60,
              account: str = "") -> None:
        self.held = None if content is None else Document(
            kind="routes", version=version, content=content, audience="tulou", account=account, issued_at=0,
            valid_until=valid_until)
        self.publish(DocumentChanged(kind="routes", version=version if content is not None else 0))


def contributor(name: str, *contributions: RouteContribution, start: Any = None) -> Plugin:
    """A plugin that contributes; `start` is awaited before it does."""

    class Contributor:
        @implements(contribute_routes)
        def contribute_routes(self) -> Iterable[RouteContribution]:
            return list(contributions)

    @asynccontextmanager
    async def run(ctx: Any) -> AsyncIterator[None]:
        if start is not None:
            await start()
        ctx.implement(Contributor())
        yield

    return Plugin(name=name, run=run)


class Building:
    """Everything around the router."""

    def __init__(self, folder: Path, contributions: Iterable[RouteContribution] = (), *,
                 plugins: Iterable[Plugin] = (), person: Person | None = None,
                 config: Mapping[str, Any] | None = None, ready: bool = True) -> None:
        self.ready = ready
        self.folder = folder
        self.screen = Screen()
        self.person = person or Person()
        self.office = Office()
        self.plugins = [contributor("shop", *contributions), *plugins]
        self.config = dict(config or {})
        self.kernel: Kernel

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Router]:
        fakes = {Presenter: self.screen, Identity: self.person,
                 Company: stand_in(Company, document=self.office.document)}
        async with boot(tulou_router.plugin, *self.plugins, fakes=fakes, config={"router": self.config},
                        profile=self.folder / "profile") as self.kernel:
            self.person.publish = self.office.publish = self.kernel.publish
            self.office.now = virtual_now()
            router = self.kernel.service(Router)
            if self.ready:
                await router.settled()  # type: ignore[attr-defined]
            yield router
