"""UI: what plugins contribute to the pages. Implemented by `shell`, contributed by anybody.

A contribution names a JavaScript module among the plugin's own files. The module default-exports a
class extending `HTMLElement`; the host makes one, sets a property (for a bubble: `message`) and
listens for events. Such modules run with the host's trust.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tulou import Kind, hook, needs_grant
from tulou.errors import TulouError


class ContributionInvalid(TulouError):
    """A contribution names a file that is not there, or a name twice."""


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


Contribution = Bubble | InputPanel | ContactTab | Texts


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
