"""Routing: addresses to pages and functions. Implemented by `router`, contributed by anybody.

An address is ``tulou://first/rest?name=value``, or a web address of the company's own domain that
stands for one. What it leads to is declared: nothing is ever looked up by a name from an address.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from tulou import Kind, hook, needs_grant
from tulou.errors import TulouError

SCHEME = "tulou"


class RoutingError(TulouError):
    """An address did not lead anywhere; the text says why."""


class AddressWrong(RoutingError):
    """The address is not of a form that can lead anywhere, or too long."""


class RouteNotFound(RoutingError):
    """No route has this address."""


class ParameterWrong(RoutingError):
    """A parameter is missing, unknown, or not of its type; the text names it."""


class RouteForbidden(RoutingError):
    """A guard or an interceptor says no, cannot be asked, or the address is not for outside."""


class RouteUnavailable(RoutingError):
    """The route is known, but the plugin behind it is not running."""


class RouteLoops(RoutingError):
    """Redirections lead in a circle, or too far."""


class Origin(Enum):
    """Where an address came from."""

    INSIDE = "inside"
    """The app itself: a button, a page, a plugin."""
    OUTSIDE = "outside"
    """Anything that somebody else wrote: a message, a web page, the command line, the company."""


class ParameterType(Enum):
    """What a parameter's text is read as."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"        # true, false, 1, 0
    CHOICE = "choice"    # one of `choices`
    ADDRESS = "address"  # of a conversation or person: name@domain (a bare JID, RFC 7622)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What a parameter must be. One without a `default` is required."""

    type: ParameterType = ParameterType.TEXT
    default: str | int | float | bool | None = None
    optional: bool = False
    """Left out when not given; a `default` makes it optional too."""
    choices: Sequence[str] = ()
    longest: int = 1024
    """Characters of a text."""
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Navigation:
    """One address on its way; guards, interceptors and functions get it."""

    url: str
    route: str
    """The route's name."""
    parameters: Mapping[str, Any]
    """Checked, by name."""
    origin: Origin
    account: str
    """The profile's account, or '' when nobody ever signed in."""
    via: Sequence[str] = ()
    """Addresses that redirected here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToPage:
    """Shows a page: a name of `tulou_contracts.ui.Page`, or one of the shell's own (``chat``...).

    The guards of the page's own address (``app/NAME``: `SIGNED_IN`) hold for this one as well."""

    page: str
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Parameters that the page gets besides those of the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToFunction:
    """Runs a function; what it answers is the result, JSON when a page asked."""

    function: Callable[[Navigation], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToRoute:
    """Leads on to another address; ``{name}`` in it stands for a parameter, whole segments only."""

    path: str
    """Without the scheme, e.g. ``chat/{address}``."""


SIGNED_IN = "signed-in"
"""The guard that everybody has: an account is signed in. Who is not is asked to, then it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One address, and what it leads to."""

    name: str
    """PLUGIN.WORD, unique."""
    path: str
    """Segments joined by '/'; ``{name}`` as a whole segment is a parameter: ``chat/{address}``."""
    target: ToPage | ToFunction | ToRoute
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    """Those of the path (text when not named here) and of the query."""
    any_parameters: bool = False
    """Takes others of the query too, as texts."""
    exported: bool = False
    """Whether addresses from outside reach it."""
    guards: Sequence[str] = ()
    """Names of guards, all of which must agree: `SIGNED_IN`, or ``NAME`` or ``NAME:DETAIL`` of a `Guard`."""
    owner: str = ""
    """The plugin behind it, for people."""
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Decides over routes that name it. `check` answers None for yes, or a sentence for no.

    One that raises, takes longer than its time, or is not there says no.
    """

    name: str
    check: Callable[[Navigation, str], Awaitable[str | None]]
    """Called with the navigation and the detail, '' for none."""
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """An interceptor's no, with a sentence for people."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """An interceptor's other way; the address counts as of the same origin."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interceptor:
    """Sees every navigation before the route's own guards, higher `priority` first.

    One that raises or takes longer than its time refuses. While its plugin is on its way up or down,
    nothing passes.
    """

    name: str
    intercept: Callable[[Navigation], Awaitable[Refuse | Redirect | None]]
    priority: int = 0
    owner: str = ""


RouteContribution = Route | Guard | Interceptor


@hook(Kind.COLLECT)
def contribute_routes() -> Sequence[RouteContribution]:
    """What this plugin adds to the routes; asked again whenever a plugin comes or goes,
    and after `RoutesChanged`."""
    return ()


class RoutesChanged:
    """Event: what a plugin contributes is something else now, though no plugin came or went."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageIntent:
    """A page that should be shown; where and beside what is for who shows it."""

    page: str
    parameters: Mapping[str, Any]
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Where an address led."""

    route: str
    intent: PageIntent | None = None
    """The page that is shown now, if any."""
    result: Any = None
    """What a function answered."""


class Presenter(Protocol):
    """Shows pages to people. Provided by `shell`."""

    async def present(self, intent: PageIntent, at: str = "") -> None:
        """Show at the open page `at`; '' is the one that was looked at last, or the next that opens.

        Raises `RouteUnavailable` when nobody contributes the page.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteStatus:
    """A route as shown to people and programs."""

    name: str
    path: str
    leads_to: str
    """In words: ``page chat``, ``function``, ``route chat/{address}``."""
    parameters: Mapping[str, Parameter]
    exported: bool
    guards: Sequence[str]
    owner: str
    pushed: bool
    """Whether the company's signed document brought it."""
    available: bool


class Router(Protocol):
    """Follows addresses."""

    @property
    def links(self) -> Sequence[str]:
        """Beginnings of addresses that lead inside, e.g. ``tulou://`` and a web address."""

    @needs_grant("routes.open")
    async def open(self, url: str, *, origin: Origin = Origin.INSIDE, at: str = "") -> Outcome:
        """Follow an address to its end; `at` names the open page it came from, if any.

        Waits while the app is starting, and for a person to sign in where a guard wants that; both
        have an end. Cancelling it ends the navigation wherever it is. Raises `RoutingError`, and what
        a function raises.
        """

    def address(self, route: str, parameters: Mapping[str, Any] | None = None) -> str:
        """The address of a route by its name. Raises `RouteNotFound`, `ParameterWrong`."""

    def leads(self, url: str, *, origin: Origin = Origin.INSIDE) -> bool:
        """Whether a route would take this address; guards and interceptors are not asked."""

    def routes(self) -> Sequence[RouteStatus]:
        """Every route that is known, in the order of their paths."""

    def problems(self) -> Sequence[str]:
        """A sentence for each contribution and document that is passed over."""
