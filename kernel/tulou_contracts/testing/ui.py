"""Conformance of what a plugin contributes to the pages.

Subclass the suite in a test module and answer with the plugin's contributions::

    class TestMine(UiConformance):
        def contributions(self):
            return MyContributions().contribute_ui()

It reads files only: that a module draws what it should is for a browser test.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path, PurePosixPath

from tulou_contracts.ui import Asset, Bubble, ContactTab, Contribution, InputPanel, Texts

LANGUAGES = ("en", "zh")

_DEFAULT_EXPORT = re.compile(r"^\s*export\s+default\b|\bas\s+default\b", re.MULTILINE)
_FOREIGN = re.compile(r"""(?:\bfrom\s*|\bimport\s*\(?\s*)["']((?:https?:)?//[^"']+)""")
_MARKUP = re.compile(r"\.(?:innerHTML|outerHTML)\s*=[^=]|insertAdjacentHTML|document\.write|\beval\s*\(")


class UiConformance:
    """What every contribution owes the pages."""

    def contributions(self) -> Sequence[Contribution]:
        """What the plugin's `contribute_ui` answers."""
        raise NotImplementedError

    def test_every_answer_is_a_contribution(self) -> None:
        strange = [each for each in self.contributions()
                   if not isinstance(each, (Bubble, InputPanel, ContactTab, Texts))]
        assert not strange, f"the pages know Bubble, InputPanel, ContactTab and Texts, not {strange}"

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
        for what in (kinds, panels, tabs):
            assert all(count == 1 for count in what.values()), f"contributed twice: {what}"
            assert "" not in what, "a kind or name is empty"

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
                if isinstance(each, (Bubble, InputPanel, ContactTab))]


def _file(asset: Asset) -> Path:
    source = import_module(asset.package).__file__
    assert source is not None, f"{asset.package} is not in a folder of its own"
    return Path(source).parent / "web" / asset.path


def _text(asset: Asset) -> str:
    return _file(asset).read_text("utf-8")
