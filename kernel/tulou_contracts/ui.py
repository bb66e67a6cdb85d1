"""UI: what plugins contribute to the pages. Implemented by `shell`, contributed by anybody.

A contribution names a JavaScript module among the plugin's own files. The module default-exports a
class extending `HTMLElement`; the host makes one, sets a property (for a bubble: `message`) and
listens for events. Such modules run with the host's trust.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from tulou import Kind, hook, needs_grant
from tulou.errors import TulouError


class ContributionInvalid(TulouError):
    """A contribution names a file that is not there, or a name twice."""


class WordedError(TulouError):
    """An error that pages tell in their language: its sentence is the text `key` of the plugin's `Texts`,
    with `values` for ``{name}`` in it. Its own text is for logs and the command line, and for a page where
    nobody contributes the key."""

    def __init__(self, text: str, *, key: str, values: Mapping[str, object] | None = None) -> None:
        self.key = key
        self.values = {name: str(value) for name, value in (values or {}).items()}
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file below the folder ``web`` of an installed Python package."""

    package: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """How messages of a `kind` look. The element's property `message` has id, body, kind, data,
    at, state and outgoing; an unknown kind shows its body as text."""

    kind: str
    module: Asset


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPanel:
    """A button beside the text box and the panel it opens. The element's property `conversation`
    has the conversation's id; it dispatches ``tulou-send`` with ``detail: {body, kind, data}``,
    ``tulou-insert`` with ``detail: {text}`` for text at the cursor, ``tulou-close`` when it is done."""

    name: str
    title: str
    """Shown to people; a key of `text` or plain words."""
    module: Asset
    icon: str = ""
    """One character or an emoji."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactTab:
    """A tab on a person's page. The element's property `contact` has address, name, presence and
    subscribed; it is set again whenever one of them changes."""

    name: str
    title: str
    """Shown to people; a key of `text` or plain words."""
    module: Asset
    order: int = 100
    """Tabs stand by this number, then by name; the shell's own details have 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Words for people: `language` ('zh' or 'en') and key -> text."""

    language: str
    texts: dict[str, str] = field(default_factory=dict)


class Place(Enum):
    """Where people find a page."""

    BAR = "bar"            # beside conversations and contacts
    SETTINGS = "settings"  # in the list of the settings
    NOWHERE = "nowhere"    # only by its address


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of its own, at ``tulou://app/NAME?parameter=value``.

    The element's property `parameters` has the address's parameters (set again when they change),
    `tulou` the way back to Python: ``await tulou.call(method, params)``, ``tulou.listen(feed, params,
    callback)`` (answers a function that ends it), ``tulou.open(url)``, ``tulou.text(key)``."""

    name: str
    """Lower-case words joined by '-'."""
    title: str
    """Shown to people; a key of `text` or plain words."""
    module: Asset
    icon: str | Asset = ""
    """A character that every font has, an emoji, or an SVG file: a drawing on a square, of which
    only the shape counts, for it takes the colour of the words beside it."""
    place: Place = Place.NOWHERE
    order: int = 100
    exported: bool = False
    """Whether addresses from outside (links in messages, the command line) may open it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMethod:
    """What ``tulou.call`` of pages reaches. Parameters and answer are JSON; a `TulouError` of the
    handler is told to the page as its sentence, a `WordedError` in the page's language. Another exception
    is a defect of the plugin's and logged as such; the page is told no more than that."""

    name: str
    """PLUGIN.WORD, e.g. ``log.levels``."""
    handler: Callable[[Mapping[str, Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFeed:
    """What ``tulou.listen`` of pages reaches: JSON values for as long as the page listens. The
    generator is closed when it stops; what a slow page has not taken holds the generator up."""

    name: str
    """PLUGIN.WORD, e.g. ``log.tail``."""
    source: Callable[[Mapping[str, Any]], AsyncGenerator[Any, None]]


Contribution = Bubble | InputPanel | ContactTab | Texts | Page | PageMethod | PageFeed


@hook(Kind.COLLECT)
def contribute_ui() -> Sequence[Contribution]:
    """What this plugin adds to the pages; asked again whenever a plugin comes or goes."""
    return ()


class Shell(Protocol):
    """The web app that people see."""

    @property
    def url(self) -> str:
        """Where it is served; without a key nobody is let in."""

    @needs_grant("shell.open")
    def entry_url(self) -> str:
        """An address that lets one browser in, once: it carries a fresh one-time code."""

    @needs_grant("shell.open")
    async def arrive(self, url: str, account: str = "") -> str:
        """Follow an address from outside the app, such as one a person clicked elsewhere.

        Returns an `entry_url` for a browser to open, which will show it, or '' when a page that is in
        sight shows it. `account` is who it is for, '' for whoever is here. Raises `RoutingError`.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something a person should see now; a later one of the same `id` takes its place."""

    id: str
    title: str
    text: str = ""
    url: str = ""
    """An inside address (``tulou://app/...``) that a click opens."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What stands in the words for ``{name}``, in either language."""


class Notices(Protocol):
    """Notices on every page of the profile."""

    def show(self, notice: Notice) -> None:
        """Show until a person closes or follows it, or it is withdrawn."""

    def withdraw(self, notice_id: str) -> None:
        """Take it away; harmless when it is gone."""
