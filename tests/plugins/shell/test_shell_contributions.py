"""What plugins add to the pages: good ones are used, each bad one is named and passed over."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tulou_contracts.testing.ui import NoticesConformance, UiConformance
from tulou_contracts.ui import (
    Asset, Bubble, ContactTab, Contribution, ContributionInvalid, InputPanel, Notice, Notices, Page,
    PageFeed, PageMethod, Texts,
)

from tulou_shell.contributions import OwnContributions, asset_url, check_asset, collect
from tulou_shell.notices import NoticeBoard

WEB = Path(__file__).parents[3] / "plugins/shell/tulou_shell/web"


class TestOwnContributions(UiConformance):
    def contributions(self) -> Sequence[Contribution]:
        return OwnContributions().contribute_ui()


class TestNoticeBoard(NoticesConformance):
    board: NoticeBoard

    def notices(self) -> Notices:
        self.pushed: list[Any] = [[]]
        self.board = NoticeBoard(lambda name, data: self.pushed.append(data))
        return self.board

    def shown(self) -> Sequence[Notice]:
        assert self.board.view() == self.pushed[-1]
        return [Notice(**each) for each in self.board.view()]


@pytest.fixture
def polls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An installed package with one module in its folder web, and a secret beside it."""
    package = tmp_path / "polls_of_test"
    (package / "web").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "secret.js").write_text("")
    (package / "web" / "poll.js").write_text("export default class extends HTMLElement {}")
    (package / "web" / "way_out.js").symlink_to(package / "secret.js")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "polls_of_test"
    sys.modules.pop("polls_of_test", None)


def test_a_bubble_of_another_package_is_served_below_its_name(polls: str) -> None:
    catalogue = collect([[Bubble(kind="poll", module=Asset(polls, "poll.js"))]])
    assert catalogue.problems == []
    assert catalogue.view()["bubbles"] == {"poll": "/plugins/polls_of_test/poll.js"}
    assert catalogue.packages == {"polls_of_test"}


def test_a_missing_file_is_named_and_the_others_are_used(polls: str) -> None:
    catalogue = collect([
        [Bubble(kind="gone", module=Asset(polls, "gone.js")),
         Bubble(kind="poll", module=Asset(polls, "poll.js"))],
        [Texts(language="zh", texts={"poll.title": "投票"})],
    ])
    assert list(catalogue.bubbles) == ["poll"]
    assert catalogue.texts["zh"] == {"poll.title": "投票"}
    [problem] = catalogue.problems
    assert "polls_of_test" in problem and "gone.js" in problem and "package_data" in problem


@pytest.mark.parametrize("path", [
    "../secret.js", "/etc/passwd", "", ".", "web/../../secret.js", "..\\secret.js", "way_out.js",
])
def test_no_way_leads_out_of_the_web_folder(polls: str, path: str) -> None:
    with pytest.raises(ContributionInvalid):
        check_asset(Asset(polls, path))


@pytest.mark.parametrize("package", ["no_such_package_of_test", "os; rm", "", "..", "builtins"])
def test_a_package_that_is_none_is_refused_with_a_sentence(package: str) -> None:
    with pytest.raises(ContributionInvalid, match=re.escape(repr(package)) if package else "''"):
        check_asset(Asset(package, "x.js"))


def test_a_package_that_fails_to_import_harms_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_of_test.py").write_text("raise RuntimeError('no')")
    monkeypatch.syspath_prepend(str(tmp_path))
    catalogue = collect([[Bubble(kind="x", module=Asset("broken_of_test", "x.js"))]])
    assert catalogue.bubbles == {} and len(catalogue.problems) == 1


def test_the_first_of_two_bubbles_for_a_kind_is_used_and_the_second_told(polls: str) -> None:
    first = Asset(polls, "poll.js")
    catalogue = collect([
        [Bubble(kind="text", module=first)],
        [Bubble(kind="text", module=Asset("tulou_shell", "bubbles/text.js"))],
    ])
    assert catalogue.bubbles["text"] == first
    assert "tulou_shell" in catalogue.problems[0]


def test_two_panels_of_a_name_and_nonsense_are_told(polls: str) -> None:
    panel = InputPanel(name="poll", title="poll.title", module=Asset(polls, "poll.js"), icon="📊")
    answers: list[Any] = [[panel, panel, object()], "text", None, [Texts(language="fr", texts={})]]
    catalogue = collect(answers)
    assert [each["name"] for each in catalogue.view()["panels"]] == ["poll"]
    assert len(catalogue.problems) == 5


def test_the_shells_own_texts_have_the_same_keys_in_both_languages() -> None:
    keys = {
        language: set(re.findall(r'^  "([^"]+)":', (WEB / f"texts/{language}.js").read_text(), re.M))
        for language in ("zh", "en")
    }
    assert keys["zh"] == keys["en"] and len(keys["zh"]) > 100


def test_every_text_that_the_pages_name_exists() -> None:
    known = set(re.findall(r'^  "([^"]+)":', (WEB / "texts/en.js").read_text(), re.M))
    used = {
        key for file in WEB.rglob("*.js")
        for key in re.findall(r'\bt\("([a-z]\w*\.[\w-]+)"', file.read_text())
    }
    assert used - known == set()


def test_every_error_code_has_a_text() -> None:
    from tulou_shell.faults import CODES

    known = (WEB / "texts/zh.js").read_text()
    assert [code for _, code in CODES if f'"error.{code}"' not in known] == []


def test_own_modules_are_found_at_their_url() -> None:
    for each in OwnContributions().contribute_ui():
        assert isinstance(each, (Bubble, InputPanel, ContactTab))
        assert asset_url(each.module).startswith("/plugins/tulou_shell/")
        assert check_asset(each.module).is_file()


BAD: list[tuple[str, list[Any]]] = [
    ("test_every_answer_is_a_contribution", ["text"]),
    ("test_files_exist_inside_the_web_folder", [Bubble(kind="x", module=Asset("tulou_shell", "gone.js"))]),
    ("test_files_exist_inside_the_web_folder", [Bubble(kind="x", module=Asset("tulou_shell", "../page.py"))]),
    ("test_files_are_served_as_modules", [Bubble(kind="x", module=Asset("tulou_shell", "icon.svg"))]),
    ("test_modules_have_a_default_export", [Bubble(kind="x", module=Asset("tulou_shell", "dom.js"))]),
    ("test_kinds_and_names_are_unique",
     [Bubble(kind="x", module=Asset("tulou_shell", "bubbles/text.js"))] * 2),
    ("test_texts_have_the_same_keys_in_both_languages", [Texts(language="zh", texts={"a": "b"})]),
    ("test_texts_are_in_languages_of_the_pages", [Texts(language="tlh", texts={})]),
]


@pytest.mark.parametrize("check, contributions", BAD)
def test_the_conformance_suite_finds_what_is_wrong(check: str, contributions: list[Any]) -> None:
    class Suite(UiConformance):
        def contributions(self) -> Sequence[Contribution]:
            return contributions

    with pytest.raises(AssertionError):
        getattr(Suite(), check)()


@pytest.mark.parametrize("line, check", [
    ("import x from 'https://cdn.example/x.js';", "test_modules_load_nothing_from_elsewhere"),
    ('await import("//cdn.example/x.js");', "test_modules_load_nothing_from_elsewhere"),
    ("this.innerHTML = message.body;", "test_modules_turn_no_string_into_markup"),
])
def test_the_conformance_suite_reads_the_modules(polls: str, line: str, check: str) -> None:
    class Suite(UiConformance):
        def contributions(self) -> Sequence[Contribution]:
            return [Bubble(kind="poll", module=Asset(polls, "poll.js"))]

    getattr(Suite(), check)()
    file = check_asset(Asset(polls, "poll.js"))
    file.write_text(f"{line}\nexport default class extends HTMLElement {{}}")
    with pytest.raises(AssertionError, match="policy"):
        getattr(Suite(), check)()


def test_contact_tabs_stand_in_order_and_one_of_a_name_wins() -> None:
    ours = Asset("tulou_shell", "tabs/details.js")
    catalogue = collect([[
        ContactTab(name="org", title="Organisation", module=ours),
        ContactTab(name="details", title="contacts.details", module=ours, order=0),
        ContactTab(name="org", title="Again", module=ours),
        ContactTab(name="gone", title="Gone", module=Asset("tulou_shell", "tabs/none.js")),
    ]])
    assert [each["name"] for each in catalogue.view()["tabs"]] == ["details", "org"]
    assert [each for each in catalogue.problems if "'org'" in each]
    assert [each for each in catalogue.problems if "tabs/none.js" in each]


async def _nothing(params: Any) -> Any:
    return None


OURS = Asset("tulou_shell", "tabs/details.js")


@pytest.mark.parametrize("wrong", [
    Page(name="My Page", title="x", module=OURS), Page(name="", title="x", module=OURS),
    Page(name="a/b", title="x", module=OURS), Page(name="x?y", title="x", module=OURS),
    Page(name="x", title="x", module=OURS, place="bar"),  # type: ignore[arg-type]
    Page(name="x", title="x", module=Asset("tulou_shell", "tabs/none.js")),
    PageMethod(name="levels", handler=_nothing), PageMethod(name="Log.levels", handler=_nothing),
    PageMethod(name="log.x\n", handler=_nothing),
    PageMethod(name="log.levels", handler=None), PageFeed(name="log", source=None),  # type: ignore[arg-type]
])
def test_a_wrong_page_or_call_is_told_and_spoils_no_other(wrong: Any) -> None:
    good = Page(name="good", title="x", module=OURS)
    catalogue = collect([[wrong, good, PageMethod(name="good.word", handler=_nothing)]])
    assert len(catalogue.problems) == 1 and list(catalogue.pages) == ["good"]
    assert list(catalogue.methods) == ["good.word"] and catalogue.feeds == {}


def test_pages_stand_in_order_and_the_first_of_a_name_wins() -> None:
    method = PageMethod(name="a.b", handler=_nothing)
    catalogue = collect([[
        Page(name="z", title="1", module=OURS, order=5), Page(name="a", title="2", module=OURS),
        Page(name="z", title="3", module=OURS), method, method,
    ]])
    assert [each["title"] for each in catalogue.view()["pages"]] == ["1", "2"]
    assert len(catalogue.problems) == 2


def test_the_suite_finds_a_feed_that_is_another_one_at_every_asking() -> None:
    class Suite(UiConformance):
        def contributions(self) -> Sequence[Contribution]:
            return [PageFeed(name="a.b", source=lambda params: None)]  # type: ignore[arg-type, return-value]

    with pytest.raises(AssertionError, match="lambda"):
        Suite().test_contributing_again_names_the_same_functions()
