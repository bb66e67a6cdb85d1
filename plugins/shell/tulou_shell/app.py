"""The shell itself: what pages read of the account, and the contract `Shell`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import trio

from tulou import PluginControl
from tulou_contracts.identity import Identity
from tulou_contracts.messaging import Messenger
from tulou_contracts.network_state import NetworkMonitor
from tulou_contracts.routing import SCHEME, Origin, RouteForbidden, Router
from tulou_contracts.transport import Transport
from tulou_contracts.ui import PageFeed, PageMethod
from tulou_shell.contributions import Catalogue, asset_url
from tulou_shell.door import Door
from tulou_shell.notices import NoticeBoard
from tulou_shell.opening import place_of
from tulou_shell.presenting import Screen
from tulou_shell.protocol import Fault
from tulou_shell.surroundings import network_view
from tulou_shell.views import connection_view

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Handle(Protocol[T_co]):
    """A service that may come and go, as `tulou.Wanted` is."""

    def get(self) -> T_co | None: ...


class Nobody:
    """The handle of a service that is not asked for."""

    def get(self) -> None:
        """Nobody is there."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services the shell makes use of."""

    identity: Handle[Identity]
    messenger: Handle[Messenger]
    transport: Handle[Transport]
    control: Handle[PluginControl]
    router: Handle[Router] = Nobody()
    network: Handle[NetworkMonitor] = Nobody()


MISSING = {
    "identity": "There is no plugin for signing in (auth).",
    "messenger": "There is no plugin for messages (im).",
    "transport": "There is no plugin for the connection to a server (xmpp).",
}


class ShellApp:
    """Backend of the pages' methods, and the provider of `Shell`."""

    def __init__(
        self, services: Services, door: Door, url: Callable[[], str], *,
        server: str = "", device: str = "pc",
    ) -> None:
        self._services = services
        self._door = door
        self._url = url
        self._server = server
        self._device = device
        self._catalogue = Catalogue()
        self._faults: dict[str, str] = {}
        self.fault_told: Callable[[str, str], None] = lambda module, error: None
        """Called with module and error when a page tells a fault that is new."""
        self.opened_told: Callable[[str], None] = lambda page: None
        """Called with the name of a contributed page that somebody opens."""
        self.following: Callable[[str, str], Awaitable[None]] = self._follow
        """Follows an address from outside, shown at a page; what takes longer goes on without the caller."""
        self.board = NoticeBoard(lambda name, data: None)
        self.screen = Screen(list, lambda name: name in self._catalogue.pages, trio.current_time)

    @property
    def catalogue(self) -> Catalogue:
        """What plugins add to the pages now."""
        return self._catalogue

    @catalogue.setter
    def catalogue(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        known = {asset_url(asset) for asset in catalogue.assets}
        self._faults = {module: error for module, error in self._faults.items() if module in known}

    def module_failed(self, module: str, error: str) -> None:
        """Note what a page tells of a contributed module: once each, and of no other module."""
        known = any(asset_url(asset) == module for asset in self._catalogue.assets)
        if known and module not in self._faults:
            self._faults[module] = error = " ".join(error.split())
            self.fault_told(module, error)

    def page_opened(self, name: str) -> None:
        """A page shows a contributed one; of others nothing is noted."""
        if name in self._catalogue.pages:
            self.opened_told(name)

    @property
    def url(self) -> str:
        """Where it is served; without a key nobody is let in."""
        return self._url()

    def entry_url(self) -> str:
        """An address that lets one browser in, once."""
        return f"{self._url()}/enter?code={self._door.new_code()}"

    def messenger(self) -> Messenger:
        """Raises `Fault` 'missing'."""
        return _there(self._services.messenger, "messenger")

    def identity(self) -> Identity:
        """Raises `Fault` 'missing'."""
        return _there(self._services.identity, "identity")

    def transport(self) -> Transport:
        """Raises `Fault` 'missing'."""
        return _there(self._services.transport, "transport")

    def missing(self) -> list[str]:
        """Names of the services that nobody provides now."""
        services = self._services
        handles: dict[str, Handle[Any]] = {
            "identity": services.identity, "messenger": services.messenger, "transport": services.transport,
        }
        return [name for name, handle in handles.items() if handle.get() is None]

    def state(self) -> dict[str, Any]:
        """The account and its connection."""
        identity = self._services.identity.get()
        transport = self._services.transport.get()
        router = self._services.router.get()
        network = self._services.network.get()
        account = identity.account if identity else None
        return {
            "account": {"address": account.address, "endpoint": account.endpoint} if account else None,
            "signedIn": identity.signed_in if identity else False,
            "connection": connection_view(transport.state if transport else None),
            "missing": self.missing(),
            "network": network_view(network.state if network else None),
            "server": self._server,
            "device": self._device,
            "links": list(router.links) if router else [f"{SCHEME}://"],
        }

    def contributions(self) -> dict[str, Any]:
        """The catalogue as pages read it."""
        return self.catalogue.view()

    def page_method(self, name: str) -> PageMethod:
        """What plugins let pages call. Raises `Fault` 'missing'."""
        return _contributed(self._catalogue.methods, name)

    def page_feed(self, name: str) -> PageFeed:
        """What plugins let pages listen to. Raises `Fault` 'missing'."""
        return _contributed(self._catalogue.feeds, name)

    async def open(self, url: str, outside: bool, at: str = "") -> Any:
        """Follow an address; `at` is the open page it came from. Raises `RoutingError`."""
        router = self._services.router.get()
        if router is None:
            self.screen.show(place_of(url, self._catalogue.pages, outside=outside), at)
            return None
        origin = Origin.OUTSIDE if outside else Origin.INSIDE
        return (await router.open(url, origin=origin, at=at)).result

    async def _follow(self, url: str, at: str) -> None:
        await self.open(url, True, at)

    async def arrive(self, url: str, account: str = "") -> str:
        """Follow an address from outside the app. Raises `RoutingError`."""
        identity = self._services.identity.get()
        own = identity.account.address if identity and identity.account else ""
        if account and own and account != own:
            raise RouteForbidden(f"This was meant for {account}, and here is {own}.")
        in_sight = self.screen.watched
        await self.following(url, "" if in_sight else self.screen.expect())
        return "" if in_sight else self.entry_url()

    def notices(self) -> list[dict[str, Any]]:
        """What every page shows now."""
        return self.board.view()

    def close_notice(self, notice_id: str) -> None:
        """A person has seen a notice."""
        self.board.withdraw(notice_id)

    def plugins(self) -> dict[str, Any]:
        """Every plugin of the composition with its state, what is wrong with contributions, and the
        faults that pages told."""
        control = self._services.control.get()
        known = [
            {"name": each.name, "state": each.state.value, "reason": each.reason}
            for each in (control.status() if control else ())
        ]
        absent = [
            {"name": name, "state": "missing", "reason": reason}
            for name, reason in sorted((control.missing() if control else {}).items())
        ]
        return {
            "plugins": known + absent,
            "missing": self.missing(),
            "problems": self.catalogue.problems,
            "faults": [{"module": module, "error": error} for module, error in self._faults.items()],
        }


def _contributed(known: dict[str, T], name: str) -> T:
    found = known.get(name)
    if found is None:
        raise Fault("missing", f"There is no {name!r}: its plugin is not running, or is an older one.")
    return found


def _there(handle: Handle[T], name: str) -> T:
    provider = handle.get()
    if provider is None:
        raise Fault("missing", MISSING[name])
    return provider
