"""What plugins add to the pages: collected from the hook, checked, and put into one catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from tulou import implements
from tulou_contracts.ui import (
    Asset,
    Bubble,
    ContactTab,
    Contribution,
    ContributionInvalid,
    InputPanel,
    Page,
    PageFeed,
    PageMethod,
    Place,
    Texts,
    contribute_ui,
)
from tulou_shell.opening import PLACES

N = TypeVar("N", InputPanel, ContactTab, Page)
C = TypeVar("C", PageMethod, PageFeed)

FOLDER = "web"
LANGUAGES = ("zh", "en")
_PACKAGE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z")
_PAGE = re.compile(r"[a-z][a-z0-9]{0,39}(-[a-z0-9]{1,40}){0,5}\Z")
_CALL = re.compile(r"[a-z][a-z0-9-]{0,39}\.[a-z][a-z0-9_-]{0,39}\Z")


class OwnContributions:
    """The shell's own text bubble, emoji panel and contact details, contributed as anybody's would be."""

    @implements(contribute_ui)
    def contribute_ui(self) -> Sequence[Contribution]:
        """A bubble for plain text, a panel of emoji, and what is known of a person."""
        return [
            Bubble(kind="text", module=Asset("tulou_shell", "bubbles/text.js")),
            InputPanel(
                name="emoji", title="panel.emoji", icon="☺", module=Asset("tulou_shell", "panels/emoji.js")
            ),
            ContactTab(
                name="details", title="contacts.details", order=0,
                module=Asset("tulou_shell", "tabs/details.js"),
            ),
        ]


@dataclass(slots=True)
class Catalogue:
    """All contributions that are in order, and a sentence for each one that is not."""

    bubbles: dict[str, Asset] = field(default_factory=dict)
    panels: dict[str, InputPanel] = field(default_factory=dict)
    tabs: dict[str, ContactTab] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    methods: dict[str, PageMethod] = field(default_factory=dict)
    feeds: dict[str, PageFeed] = field(default_factory=dict)
    texts: dict[str, dict[str, str]] = field(default_factory=lambda: {each: {} for each in LANGUAGES})
    problems: list[str] = field(default_factory=list)

    @property
    def assets(self) -> list[Asset]:
        """Every module that pages load, and their drawings."""
        named: list[InputPanel | ContactTab | Page] = [
            *self.panels.values(), *self.tabs.values(), *self.pages.values()
        ]
        pictures = [page.icon for page in self.pages.values() if isinstance(page.icon, Asset)]
        return [*self.bubbles.values(), *(each.module for each in named), *pictures]

    @property
    def packages(self) -> set[str]:
        """The packages whose files have to be served."""
        return {asset.package for asset in self.assets}

    def view(self) -> dict[str, Any]:
        """As pages read it."""
        return {
            "bubbles": {kind: asset_url(asset) for kind, asset in self.bubbles.items()},
            "panels": [
                {"name": panel.name, "title": panel.title, "icon": panel.icon,
                 "module": asset_url(panel.module)}
                for panel in self.panels.values()
            ],
            "tabs": [
                {"name": tab.name, "title": tab.title, "module": asset_url(tab.module)}
                for tab in sorted(self.tabs.values(), key=lambda tab: (tab.order, tab.name))
            ],
            "pages": [
                {"name": page.name, "title": page.title, "place": page.place.value,
                 "module": asset_url(page.module), **_icon(page.icon)}
                for page in sorted(self.pages.values(), key=lambda page: (page.order, page.name))
            ],
            "feeds": sorted(self.feeds),
            "texts": self.texts,
            "problems": self.problems,
        }


def _icon(icon: str | Asset) -> dict[str, str]:
    return {"icon": icon} if isinstance(icon, str) else {"icon": "", "picture": asset_url(icon)}


def asset_url(asset: Asset) -> str:
    """Where the shell serves a file of a plugin."""
    return f"/plugins/{asset.package}/{asset.path}"


def collect(answers: Iterable[Sequence[Contribution]]) -> Catalogue:
    """Check the hook's answers one contribution at a time; a bad one spoils no other."""
    catalogue = Catalogue()
    for answer in answers:
        if not isinstance(answer, Sequence) or isinstance(answer, (str, bytes)):
            catalogue.problems.append(
                f"A plugin answered contribute_ui with {type(answer).__name__}, not a list of contributions."
            )
            continue
        for contribution in answer:
            try:
                _add(catalogue, contribution)
            except ContributionInvalid as error:
                catalogue.problems.append(str(error))
    return catalogue


def _add(catalogue: Catalogue, contribution: Any) -> None:
    adder = _ADDERS.get(type(contribution))
    if adder is None:
        raise ContributionInvalid(
            f"{type(contribution).__name__} is nothing the pages know:"
            " contribute Bubble, InputPanel, ContactTab, Page, PageMethod, PageFeed or Texts."
        )
    adder(catalogue, contribution)


def _add_bubble(catalogue: Catalogue, bubble: Bubble) -> None:
    check_asset(bubble.module)
    other = catalogue.bubbles.get(bubble.kind)
    if other is not None:
        raise ContributionInvalid(
            f"Two bubbles for the message kind {bubble.kind!r}: {asset_url(other)} is used,"
            f" {asset_url(bubble.module)} is not."
        )
    catalogue.bubbles[bubble.kind] = bubble.module


def _add_panel(catalogue: Catalogue, panel: InputPanel) -> None:
    _add_named(catalogue.panels, panel, "input panels")


def _add_tab(catalogue: Catalogue, tab: ContactTab) -> None:
    _add_named(catalogue.tabs, tab, "contact tabs")


def _add_page(catalogue: Catalogue, page: Page) -> None:
    if not _PAGE.match(page.name):
        raise ContributionInvalid(
            f"The page {page.name!r} of {page.module.package}: use lower-case words joined by '-',"
            " as in 'my-page'."
        )
    if not isinstance(page.place, Place):
        raise ContributionInvalid(
            f"The page {page.name!r}: place={page.place!r} should be one of"
            f" {', '.join(str(each) for each in Place)}."
        )
    if page.name in PLACES or not isinstance(page.exported, bool):
        raise ContributionInvalid(
            f"The page {page.name!r}: that is a place of the shell's own." if page.name in PLACES
            else f"The page {page.name!r}: exported={page.exported!r} should be True or False."
        )
    if isinstance(page.icon, Asset):
        check_asset(page.icon)
    _add_named(catalogue.pages, page, "pages")


def _add_method(catalogue: Catalogue, method: PageMethod) -> None:
    _add_call(catalogue.methods, method, method.handler, "page methods")


def _add_feed(catalogue: Catalogue, feed: PageFeed) -> None:
    _add_call(catalogue.feeds, feed, feed.source, "page feeds")


def _add_call(known: dict[str, C], new: C, function: Any, what: str) -> None:
    if not isinstance(new.name, str) or not _CALL.match(new.name):
        raise ContributionInvalid(
            f"The name {new.name!r} among the {what}: use PLUGIN.WORD in lower case, as in 'log.levels'."
        )
    if not callable(function):
        raise ContributionInvalid(f"{new.name!r} among the {what} has nothing that can be called.")
    if new.name in known:
        raise ContributionInvalid(f"Two {what} named {new.name!r}: the first one is used.")
    known[new.name] = new


def _add_named(known: dict[str, N], new: N, what: str) -> None:
    check_asset(new.module)
    other = known.get(new.name)
    if other is not None:
        raise ContributionInvalid(
            f"Two {what} named {new.name!r}: the one of {other.module.package} is used,"
            f" that of {new.module.package} is not."
        )
    known[new.name] = new


def _add_texts(catalogue: Catalogue, texts: Texts) -> None:
    if texts.language not in LANGUAGES:
        raise ContributionInvalid(
            f"Texts for the language {texts.language!r}: the pages speak {' and '.join(LANGUAGES)}."
        )
    for key, text in texts.texts.items():
        catalogue.texts[texts.language].setdefault(str(key), str(text))


_ADDERS: dict[type, Callable[[Catalogue, Any], None]] = {
    Bubble: _add_bubble, InputPanel: _add_panel, ContactTab: _add_tab, Texts: _add_texts,
    Page: _add_page, PageMethod: _add_method, PageFeed: _add_feed,
}


def check_asset(asset: Asset) -> Path:
    """The file on disk. Raises `ContributionInvalid` when there is none inside the folder `web`."""
    path = PurePosixPath(asset.path)
    if path.is_absolute() or ".." in path.parts or "\\" in asset.path or not path.parts:
        raise ContributionInvalid(
            f"{asset.package} contributes {asset.path!r}: name a file below its folder 'web',"
            " such as 'bubbles/poll.js'."
        )
    folder = _web_folder(asset.package)
    file = folder.joinpath(*path.parts)
    if not file.is_file() or not file.resolve().is_relative_to(folder.resolve()):
        raise ContributionInvalid(
            f"{asset.package} contributes {asset.path!r}, but {file} does not exist;"
            " is it part of the package's data files (package_data in setup.cfg)?"
        )
    return file


def _web_folder(package: str) -> Path:
    if not _PACKAGE.match(package):
        raise ContributionInvalid(f"{package!r} is not the name of a Python package.")
    try:
        module = import_module(package)
    except Exception as error:  # whatever a plugin's import raises, it concerns that plugin alone
        raise ContributionInvalid(f"The package {package!r} cannot be imported: {error}.") from error
    source = getattr(module, "__file__", None)
    if source is None:
        raise ContributionInvalid(f"The package {package!r} is not in a folder of its own.")
    return Path(source).parent / FOLDER
