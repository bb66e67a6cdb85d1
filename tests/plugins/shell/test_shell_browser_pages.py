"""Contributed pages in a real browser: their way to Python and back, their places, and their leaving."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shell_diary import Diary, diary_on
from shell_fakes import BO, furnished, until

from tulou import Plugin
from tulou_contracts.ui import Notice, Notices

pytestmark = pytest.mark.browser
CHAT = f"/#/chats/{BO.replace('@', '%40')}"


@pytest.fixture
def diary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Diary, Plugin]]:
    yield from diary_on(tmp_path, monkeypatch)


def picture(page: Any, name: str) -> None:
    """Keep what is shown, for who wants to look: TULOU_SHOTS names a folder."""
    if "TULOU_SHOTS" in os.environ:
        page.screenshot(path=f"{os.environ['TULOU_SHOTS']}/{name}")


def wait_for(condition: Callable[[], bool], page: Any) -> None:
    for _ in range(500):
        if condition():
            return
        page.wait_for_timeout(20)
    raise AssertionError("never true")


def test_a_page_of_the_bar_calls_python_and_is_told_errors_as_sentences(
    start: Any, visit: Any, diary: Any
) -> None:
    app = start(furnished, plugins=[diary[1]])
    page = visit(app)
    page.click("[data-tab='app/diary']")
    until(page, "location.hash === '#/app/diary'")
    assert page.inner_text(".page-head .pane-title") == "日记"
    assert page.locator("[data-tab='app/diary'][aria-current=page]").count() == 1
    for method, answer in (
        ("greet", '{"hello":"你"}'), ("fail", "日记本是锁着的。"),
        ("break", "土楼内部出错了，日志里有详情。"), ("none", "对应的插件没有运行。"),
    ):
        page.click(f".card button:text-is('{method}')")
        page.wait_for_selector(f".answer:text-is('{answer}')")


@pytest.mark.parametrize("language, answer", [
    ("zh-CN", "日记本锁着，你。"), ("en-US", "The diary is locked, 你."),
])
def test_a_worded_error_is_told_in_the_pages_language(
    start: Any, visit: Any, diary: Any, language: str, answer: str
) -> None:
    page = visit(start(furnished, plugins=[diary[1]]), "/#/app/diary", language=language)
    page.click(".card button:text-is('locked')")
    page.wait_for_selector(f".answer:text-is('{answer}')")


def test_parameters_come_from_the_address_and_change_with_it(start: Any, visit: Any, diary: Any) -> None:
    app = start(furnished, plugins=[diary[1]])
    page = visit(app, "/#/app/diary?q=%E4%BD%A0%26&a=1&__proto__=x")
    assert '{"q":"你&","a":"1","__proto__":"x"}' in page.inner_text(".shown")
    page.evaluate("document.querySelector('.card').parentNode.kept = true")
    page.goto(app.url + "/#/app/diary?q=2")
    page.wait_for_selector(".shown:text-is('{\"q\":\"2\"}')")
    assert page.evaluate("document.querySelector('.card').parentNode.kept") is True


def test_a_feed_is_told_in_order_held_up_and_closed_when_the_page_goes(
    start: Any, visit: Any, diary: Any
) -> None:
    app = start(furnished, plugins=[diary[1]])
    page = visit(app, "/#/app/diary?feed=diary.count")
    page.wait_for_selector(".heard:text-is('1000')")
    assert page.evaluate(
        "document.querySelector('.card').parentNode.heard.every((each, index) => each.number === index)")
    assert diary[0].open == 1
    page.goto(app.url + "/#/app/diary?feed=diary.short")
    page.wait_for_selector(".over:text-is('没有更多了。')")
    wait_for(lambda: diary[0].open == 0, page)
    page.goto(app.url + "/#/app/diary?feed=diary.count&from=900")
    page.wait_for_selector(".heard:text-is('100')")
    page.goto(app.url + "/#/chats")
    wait_for(lambda: diary[0].open == 0, page)
    page.goto(app.url + "/#/app/diary?feed=diary.count&from=900")
    page.wait_for_selector(".heard:text-is('100')")
    page.close()
    wait_for(lambda: diary[0].open == 0, page.context.new_page())


def test_when_the_plugin_leaves_the_page_says_so_and_comes_back_with_it(
    start: Any, visit: Any, diary: Any
) -> None:
    app = start(furnished, plugins=[diary[1]])
    page = visit(app, "/#/app/diary?feed=diary.count&from=990")
    page.wait_for_selector(".heard:text-is('10')")
    app.call_async(app.kernel.disable, "diary")
    page.wait_for_selector(".page-body .empty-title:text-is('这个页面不在这里')")
    wait_for(lambda: diary[0].open == 0, page)
    assert page.locator("[data-tab='app/diary']").count() == 0
    app.call_async(app.kernel.enable, "diary")
    page.wait_for_selector(".heard:text-is('10')")
    assert diary[0].open == 1


def test_a_feed_goes_on_after_the_app_was_started_anew(start: Any, visit: Any, diary: Any) -> None:
    app = start(furnished, plugins=[diary[1]])
    page = visit(app, "/#/app/diary?feed=diary.count&from=990")
    page.wait_for_selector(".heard:text-is('10')")
    app.stop()
    app.start()
    wait_for(lambda: diary[0].open == 1, page)
    page.wait_for_selector(".heard:text-is('10')")


def test_a_page_beside_a_conversation_on_wide_screens(start: Any, visit: Any, diary: Any) -> None:
    app = start(furnished, plugins=[diary[1]])
    page = visit(app, CHAT + "/app/diary-aside?q=%E5%91%A8%E6%8A%A5", width=1440, height=900)
    page.wait_for_selector(".beside .card")
    for name in ("tulou-conversation", "tulou-conversation-list", ".beside .card"):
        assert page.locator(name).is_visible()
    picture(page, "three-panes.png")
    page.set_viewport_size({"width": 900, "height": 700})
    assert not page.locator("tulou-conversation").is_visible()
    assert page.locator("tulou-conversation-list").is_visible()
    picture(page, "two-panes.png")
    page.set_viewport_size({"width": 390, "height": 844})
    until(page, "document.querySelector('.beside').getBoundingClientRect().width === 390")
    assert not page.locator("tulou-conversation-list").is_visible()
    assert page.locator(".beside .card").is_visible()
    picture(page, "one-pane.png")
    page.keyboard.press("Escape")
    page.wait_for_selector("tulou-conversation")
    until(page, "location.hash.endsWith('.example')")


def test_an_intent_opens_beside_on_wide_screens_and_instead_on_others(
    start: Any, visit: Any, diary: Any
) -> None:
    app = start(furnished, plugins=[diary[1]])
    page = visit(app, "/#/app/diary", width=900)
    page.click("button:text-is('aside')")
    until(page, "location.hash === '#/app/diary-aside?from=5'")
    page.go_back()
    until(page, "location.hash === '#/app/diary'")


def test_notices_are_on_every_page_and_closed_on_all_of_them(start: Any, visit: Any, diary: Any) -> None:
    app = start(furnished, plugins=[diary[1]])
    one, two = visit(app, CHAT), visit(app, width=390, height=844)
    board = app.call(lambda: app.kernel.service(Notices))
    app.call(board.show, Notice(id="a", title="日志可以发送了", text="服务器请求把日志调到详细级别。",
                                url="tulou://app/diary?q=1"))
    app.call(board.show, Notice(id="b", title="第二条 <b>"))
    for page in (one, two):
        page.wait_for_selector("[data-notice=b]:has-text('第二条 <b>')")
    picture(one, "notices.png")
    picture(two, "notices-phone.png")
    app.call(board.show, Notice(id="b", title="改了"))
    two.wait_for_selector("[data-notice=b]:has-text('改了')")
    two.click("[data-notice=b] [aria-label='关闭']")
    one.wait_for_selector("[data-notice=b]", state="detached")
    one.click("[data-notice=a] .bar-button")
    until(one, "location.hash.endsWith('.example/app/diary?q=1')")
    two.wait_for_selector("[data-notice=a]", state="detached")
    app.call(board.show, Notice(id="c", title="去哪儿", url="tulou://app/nowhere"))
    one.click("[data-notice=c] .bar-button")
    one.wait_for_selector("[data-notice=c] .form-error")
    app.call(board.withdraw, "c")
    one.wait_for_selector("[data-notice=c]", state="detached")


def test_pages_of_the_settings_are_listed_there(start: Any, visit: Any, diary: Any) -> None:
    app = start(furnished, plugins=[diary[1]])
    page = visit(app, "/#/settings", width=390, height=844)
    page.click("[data-page=diary-settings]")
    page.wait_for_selector(".page-body .card")
    picture(page, "settings-page-phone.png")
    page.click("[aria-label='返回']")
    until(page, "location.hash === '#/settings'")
    picture(page, "settings-phone.png")


def test_a_faulty_page_says_so(start: Any, visit: Any, diary: Any, tmp_path: Path) -> None:
    (tmp_path / "packages/diary_of_test/web/page.js").write_text(
        "export default class extends HTMLElement { set parameters(x) { throw new Error('on purpose'); } }")
    app = start(furnished, plugins=[diary[1]])
    page = visit(app, "/#/app/diary")
    page.wait_for_selector(".empty-title:text-is('这个页面无法显示')")
    page.goto(app.url + "/#/settings")
    page.wait_for_selector(".plugin-line:has-text('diary_of_test/page.js 有问题')")
