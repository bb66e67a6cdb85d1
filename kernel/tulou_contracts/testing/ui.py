"""Conformance of what a plugin contributes to the pages.

Subclass the suite in a test module and answer with the plugin's contributions::

    class TestMine(UiConformance):
        pages = MyPages(...)                        # one object, as in the app: a feed is known by its source

        def contributions(self):
            return self.pages.contribute_ui()

It reads files only: that a module draws what it should is for a browser test.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path, PurePosixPath

from tulou_contracts.ui import (
    Asset, Bubble, ContactTab, Contribution, InputPanel, Notice, Notices, Page, PageFeed, PageMethod, Texts,
)

LANGUAGES = ("en", "zh")

_DEFAULT_EXPORT = re.compile(r"^\s*export\s+default\b|\bas\s+default\b", re.MULTILINE)
_FOREIGN = re.compile(r"""(?:\bfrom\s*|\bimport\s*\(?\s*)["']((?:https?:)?//[^"']+)""")
_PAGE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_CALL = re.compile(r"[a-z][a-z0-9-]*\.[a-z][a-z0-9_-]*\Z")
_MARKUP = re.compile(r"\.(?:innerHTML|outerHTML)\s*=[^=]|insertAdjacentHTML|document\.write|\beval\s*\(")


class UiConformance:
    """What every contribution owes the pages."""

    def contributions(self) -> Sequence[Contribution]:
        """What the plugin's `contribute_ui` answers."""
        raise NotImplementedError

    def test_every_answer_is_a_contribution(self) -> None:
        strange = [each for each in self.contributions()
                   if not isinstance(each, Contribution)]
        assert not strange, (
            "the pages know Bubble, InputPanel, ContactTab, Page, PageMethod, PageFeed and Texts,"
            f" not {strange}"
        )

    def test_files_exist_inside_the_web_folder(self) -> None:
        for asset in self._modules():
            path = PurePosixPath(asset.path)
            assert not path.is_absolute() and ".." not in path.parts, \
                f"{asset.path}: name a file below the package's folder 'web', without '..'"
            file = _file(asset)
            assert file.is_file(), f"{file} does not exist"

    def test_files_are_served_as_modules(self) -> None:
        for asset in self._modules():
            assert asset.path.endswith((".js", ".mjs")), \
                f"{asset.path}: browsers take a module only from a .js or .mjs file"

    def test_modules_have_a_default_export(self) -> None:
        for asset in self._modules():
            assert _DEFAULT_EXPORT.search(_text(asset)), \
                f"{asset.path}: export the element's class as default ('export default class ...')"

    def test_modules_load_nothing_from_elsewhere(self) -> None:
        for asset in self._modules():
            foreign = _FOREIGN.findall(_text(asset))
            assert not foreign, f"{asset.path}: the page's policy refuses {foreign}; ship the file"

    def test_modules_turn_no_string_into_markup(self) -> None:
        for asset in self._modules():
            found = _MARKUP.findall(_text(asset))
            assert not found, f"{asset.path}: the page's policy refuses {found}; make DOM nodes"

    def test_kinds_and_names_are_unique(self) -> None:
        kinds = Counter(each.kind for each in self.contributions() if isinstance(each, Bubble))
        panels = Counter(each.name for each in self.contributions() if isinstance(each, InputPanel))
        tabs = Counter(each.name for each in self.contributions() if isinstance(each, ContactTab))
        pages = Counter(each.name for each in self.contributions() if isinstance(each, Page))
        methods = Counter(each.name for each in self.contributions() if isinstance(each, PageMethod))
        feeds = Counter(each.name for each in self.contributions() if isinstance(each, PageFeed))
        for what in (kinds, panels, tabs, pages, methods, feeds):
            assert all(count == 1 for count in what.values()), f"contributed twice: {what}"
            assert "" not in what, "a kind or name is empty"

    def test_names_of_pages_can_stand_in_an_address(self) -> None:
        strange = [each.name for each in self.contributions()
                   if isinstance(each, Page) and not _PAGE.match(each.name)]
        assert not strange, f"pages are named by lower-case words joined by '-', not {strange}"

    def test_methods_and_feeds_are_named_by_their_plugin(self) -> None:
        strange = [each.name for each in self.contributions()
                   if isinstance(each, (PageMethod, PageFeed)) and not _CALL.match(each.name)]
        assert not strange, f"methods and feeds are named PLUGIN.WORD, not {strange}"

    def test_contributing_again_names_the_same_functions(self) -> None:
        ours = [(each.name, each) for each in self.contributions() if isinstance(each, PageFeed)]
        again = dict((each.name, each) for each in self.contributions() if isinstance(each, PageFeed))
        for name, each in ours:
            assert again.get(name) == each, \
                f"the feed {name!r} has another source at every asking, so pages would begin it anew: " \
                "name a function, or a method of one object that stays; not a lambda, a partial, or a" \
                " method of a new object at every asking (make the object once, outside contributions())"

    def test_texts_have_the_same_keys_in_both_languages(self) -> None:
        keys = {language: self._keys(language) for language in LANGUAGES}
        for language in LANGUAGES:
            lacking = set().union(*keys.values()) - keys[language]
            assert not lacking, f"texts lack in {language!r}: {sorted(lacking)}"

    def test_texts_are_in_languages_of_the_pages(self) -> None:
        strange = {each.language for each in self.contributions() if isinstance(each, Texts)} - set(LANGUAGES)
        assert not strange, f"the pages speak {LANGUAGES}, not {sorted(strange)}"

    def _keys(self, language: str) -> set[str]:
        return {key for each in self.contributions()
                if isinstance(each, Texts) and each.language == language
                for key, text in each.texts.items() if text.strip()}

    def _modules(self) -> list[Asset]:
        return [each.module for each in self.contributions()
                if isinstance(each, (Bubble, InputPanel, ContactTab, Page))]


class NoticesConformance:
    """What a board of notices owes those who show something on it."""

    def notices(self) -> Notices:
        """A board with nothing on it."""
        raise NotImplementedError

    def shown(self) -> Sequence[Notice]:
        """What people see on that board now."""
        raise NotImplementedError

    def test_a_notice_is_seen_until_it_is_withdrawn(self) -> None:
        board = self.notices()
        board.show(Notice(id="a", title="一"))
        board.show(Notice(id="b", title="二"))
        board.withdraw("a")
        assert [each.title for each in self.shown()] == ["二"]

    def test_a_later_one_of_the_same_id_takes_its_place(self) -> None:
        board = self.notices()
        board.show(Notice(id="a", title="one"))
        board.show(Notice(id="a", title="two"))
        assert [each.title for each in self.shown()] == ["two"]

    def test_withdrawing_what_is_not_there_is_harmless(self) -> None:
        board = self.notices()
        board.withdraw("none")
        assert list(self.shown()) == []

    def test_what_is_shown_is_bounded(self) -> None:
        board = self.notices()
        for number in range(1000):
            board.show(Notice(id=str(number), title="x" * 10_000))
        shown = self.shown()
        assert len(shown) <= 100 and shown[-1].id == "999"


def _file(asset: Asset) -> Path:
    source = import_module(asset.package).__file__
    assert source is not None, f"{asset.package} is not in a folder of its own"
    return Path(source).parent / "web" / asset.path


def _text(asset: Asset) -> str:
    return _file(asset).read_text("utf-8")
