"""The page in a real browser: writing, reading, and what can go wrong in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from shell_fakes import BO, MINUTE, App, Room, furnished, until

from tulou_contracts.messaging import MessagePrevented, MessageState
from tulou_contracts.transport import Presence

pytestmark = pytest.mark.browser
CHAT = f"/#/chats/{BO.replace('@', '%40')}"
BOX = "tulou-composer textarea"


def befriended(room: Room) -> None:
    room.contact(BO, "陈博文")
    room.add(BO, "早", at=room.now() - 10 * MINUTE)
    room.read[BO] = room.position


def texts(page: Any) -> list[str]:
    return list(page.locator(".row-message .bubble").all_inner_texts())


def has_text(page: Any, text: str) -> None:
    page.locator(".row-message .bubble", has_text=text).last.wait_for()


def test_enter_sends_and_ticks_follow_the_state(start: Callable[..., App], visit: Callable[..., Any]) -> None:
    app = start(befriended)
    page = visit(app, CHAT)
    page.fill(BOX, "周报发你了")
    page.press(BOX, "Enter")
    page.wait_for_selector(".own[data-state=queued]")
    assert page.input_value(BOX) == ""
    message = app.room.messages[BO][-1]
    for state in ("sent", "delivered", "read"):
        app.call(app.room.change, BO, message.id, state=MessageState(state))
        page.wait_for_selector(f".own[data-state={state}]")
    # an older answer cannot turn it back
    assert texts(page) == ["早", "周报发你了"]


def test_a_message_shows_once_when_its_push_overtakes_the_answer(start: Any, visit: Any) -> None:
    app = start(befriended)
    page = visit(app, CHAT)
    answered, real = trio.Event(), app.room.send

    async def answer_late(*args: Any, **named: Any) -> Any:
        message = await real(*args, **named)
        await answered.wait()
        return message

    app.room.send = answer_late  # type: ignore[method-assign]
    for _ in range(2):
        page.fill(BOX, "一样的话")
        page.press(BOX, "Enter")
    page.wait_for_selector(".own[data-state=queued]")
    assert texts(page) == ["早", "一样的话", "一样的话"]
    app.call(answered.set)
    until(page, "document.querySelectorAll('.own[data-state=queued]').length === 2")
    assert texts(page) == ["早", "一样的话", "一样的话"]


def test_shift_enter_makes_a_line_and_blank_text_is_not_sent(start: Any, visit: Any) -> None:
    app = start(befriended)
    page = visit(app, CHAT)
    page.fill(BOX, "   ")
    page.press(BOX, "Enter")
    assert page.is_disabled(".send")
    page.fill(BOX, "一")
    page.press(BOX, "Shift+Enter")
    page.type(BOX, "二")
    page.press(BOX, "Enter")
    has_text(page, "一\n二")
    page.wait_for_selector(".own[data-state=queued]")
    assert app.room.messages[BO][-1].body == "一\n二"


def test_an_enter_of_the_input_method_does_not_send(start: Any, visit: Any) -> None:
    app = start(befriended)
    page = visit(app, CHAT)
    page.focus(BOX)
    session = page.context.new_cdp_session(page)
    session.send("Input.imeSetComposition", {"text": "ni'hao", "selectionStart": 6, "selectionEnd": 6})
    # as browsers report the Enter that takes a candidate: composing, or key code 229
    for init in ({"isComposing": True, "keyCode": 13}, {"isComposing": False, "keyCode": 229}):
        page.eval_on_selector(BOX, """(box, init) => box.dispatchEvent(
            new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, cancelable: true, ...init}))""", init)
    session.send("Input.insertText", {"text": "你好"})
    assert page.input_value(BOX) == "你好"
    assert len(app.room.messages[BO]) == 1
    page.press(BOX, "Enter")
    has_text(page, "你好")


@pytest.mark.parametrize("attack", [
    "<img src=x onerror=\"document.title='owned'\">",
    "<script>document.title='owned'</script>",
    "javascript:document.title='owned'",
    "https://example.com/\"onmouseover=\"document.title='owned'",
    "</textarea><svg onload=\"document.title='owned'\">",
])
def test_markup_in_a_message_is_text(start: Any, visit: Any, attack: str) -> None:
    app = start(befriended)
    app.call(app.room.contact, BO, attack)
    app.call(app.room.add, BO, attack, data={"x": attack})
    page = visit(app, CHAT)
    has_text(page, attack)
    assert page.locator("tulou-conversation-list .item-preview").first.inner_text() == attack
    assert page.locator(".bubble img, .bubble script, .bubble svg, .item img").count() == 0
    for link in page.locator(".bubble a").all():
        assert link.get_attribute("href").startswith("https://example.com/")
        assert link.get_attribute("onmouseover") is None
    assert "owned" not in page.title().replace(attack, "")


def test_addresses_become_links_without_the_sentence_around_them(start: Any, visit: Any) -> None:
    app = start(befriended)
    app.call(app.room.add, BO, "看https://a.example/报告，(http://b.example/x_(1)) 和www.c.example。http://")
    page = visit(app, CHAT)
    links = page.locator(".bubble a")
    links.first.wait_for()
    assert links.all_inner_texts() == ["https://a.example/", "http://b.example/x_(1)", "www.c.example"]
    assert [each.get_attribute("href") for each in links.all()] == [
        "https://a.example/", "http://b.example/x_(1)", "https://www.c.example/"]
    assert {each.get_attribute("rel") for each in links.all()} == {"noopener noreferrer nofollow"}


def test_text_that_could_not_be_sent_is_back_in_the_box(start: Any, visit: Any) -> None:
    app = start(befriended)
    page = visit(app, CHAT)
    app.room.fail_send = MessagePrevented("plugin 'dlp' says: no card numbers")
    page.fill(BOX, "卡号 1234")
    page.press(BOX, "Enter")
    page.wait_for_selector(".composer-problem:has-text('no card numbers')")
    assert page.input_value(BOX) == "卡号 1234"
    assert texts(page) == ["早"]
    # written on meanwhile: nothing of it is lost
    app.room.hold_send = trio.Event()
    page.press(BOX, "Enter")
    page.fill(BOX, "下一条")
    app.call(app.room.hold_send.set)
    until(page, "document.querySelector('tulou-composer textarea').value === '卡号 1234\\n下一条'")


def test_two_pages_of_one_account_stay_equal(start: Any, visit: Any) -> None:
    app = start(befriended)
    one = visit(app, CHAT)
    two = visit(app, CHAT, context=one.context)
    other_browser = visit(app, CHAT, width=360, height=740)
    one.fill(BOX, "第一页写的")
    one.press(BOX, "Enter")
    for page in (two, other_browser):
        has_text(page, "第一页写的")
    app.call(app.room.add, BO, "收到")
    for page in (one, two, other_browser):
        has_text(page, "收到")
    assert texts(one) == texts(two) == texts(other_browser) == ["早", "第一页写的", "收到"]
    app.call(app.room.contact, BO, "新名字", Presence.BUSY)
    for page in (one, two, other_browser):
        page.wait_for_selector("tulou-conversation .pane-title:has-text('新名字')")
        page.wait_for_selector("tulou-conversation .presence-busy")


def test_a_storm_reaches_every_page_whole_and_once(start: Any, visit: Any) -> None:
    app = start(befriended)
    page = visit(app, CHAT)

    def storm() -> None:
        for index in range(600):
            app.room.add(BO, f"第 {index} 条")

    app.call(storm)
    has_text(page, "第 599 条")
    shown = [each for each in texts(page) if each.startswith("第")]
    assert shown == [f"第 {index} 条" for index in range(600)][-len(shown):] and len(shown) >= 50


def test_an_unknown_kind_shows_its_text(start: Any, visit: Any) -> None:
    app = start(befriended)
    app.call(app.room.add, BO, "投票：去哪里吃饭？", kind="x-poll", data={"options": "a,b"})
    page = visit(app, CHAT)
    has_text(page, "投票：去哪里吃饭？")
    assert page.locator(".bubble-note").count() == 1


def test_what_is_new_is_marked_and_counts_as_read_when_seen(start: Any, visit: Any) -> None:
    def behind(room: Room) -> None:
        for index in range(80):
            room.add(BO, f"旧 {index}", at=room.now() - 90 * MINUTE + index)
        room.read[BO] = room.position
        for index in range(40):
            room.add(BO, f"新 {index}", at=room.now() - 30 * MINUTE + index)

    app = start(behind)
    page = visit(app)
    page.wait_for_selector(".item .badge:has-text('40')")
    assert page.title().startswith("(40)")
    page.click(".item")
    page.wait_for_selector(".row-unread")
    assert page.locator(".row-unread + .row-message .bubble").inner_text() == "新 0"
    assert page.locator(".row-unread").is_visible()
    jump = page.locator(".jump")
    jump.wait_for()
    assert 0 < app.room._line(BO).unread < 40  # only what was in view
    jump.click()
    page.wait_for_selector(".item .badge", state="detached")
    assert app.room._line(BO).unread == 0
    assert not page.title().startswith("(")


def test_older_messages_come_when_scrolled_to_and_the_place_is_kept(start: Any, visit: Any) -> None:
    def long(room: Room) -> None:
        for index in range(130):
            room.add(BO, f"消息 {index}", at=room.now() - 300 * MINUTE + index)
        room.read[BO] = room.position

    app = start(long)
    page = visit(app, CHAT)
    has_text(page, "消息 129")
    assert len(texts(page)) == 50
    page.eval_on_selector(".log", "log => log.scrollTop = 200")
    until(page, "document.querySelectorAll('.row-message').length === 100")
    top = page.eval_on_selector(".log", "log => log.scrollTop")
    assert top > 1000  # what was in view before still is
    page.eval_on_selector(".log", "log => log.scrollTop = 0")
    until(page, "document.querySelectorAll('.row-message').length === 130")
    assert texts(page) == [f"消息 {index}" for index in range(130)]
    assert "会话从这里开始" in page.inner_text(".log-notice")


def test_a_change_far_up_tears_no_hole_into_the_history(start: Any, visit: Any) -> None:
    def long(room: Room) -> None:
        for index in range(130):
            room.add(BO, f"消息 {index}", outgoing=True, at=room.now() - 300 * MINUTE + index)

    app = start(long)
    page = visit(app, CHAT)
    has_text(page, "消息 129")
    messages = app.room.messages[BO]
    for index in (3, 129):
        app.call(app.room.change, BO, messages[index].id, state=MessageState.READ)
    page.wait_for_selector(".own[data-state=read]:has-text('消息 129')")
    for count in (100, 130):
        page.eval_on_selector(".log", "log => log.scrollTop = 0")
        until(page, "count => document.querySelectorAll('.row-message').length === count", count)
    assert texts(page) == [f"消息 {index}" for index in range(130)]
    assert page.locator(".own[data-state=read]").count() == 2


def test_a_failed_message_says_why_and_can_be_sent_again(start: Any, visit: Any) -> None:
    app = start(befriended)
    message = app.call(app.room.add, BO, "出错了", outgoing=True, state=MessageState.FAILED, reason="没有这个人")
    page = visit(app, CHAT)
    page.wait_for_selector(".failure:has-text('没有这个人')")
    page.click(".failure button")
    page.wait_for_selector(".own[data-state=queued]")
    assert app.room.messages[BO][-1].id == message.id and page.locator(".failure").count() == 0


def test_a_draft_is_kept_over_a_reload_and_shown_in_the_list(start: Any, visit: Any) -> None:
    app = start(befriended)
    page = visit(app, CHAT)
    page.fill(BOX, "还没写完")
    page.reload()
    page.wait_for_selector(BOX)
    assert page.input_value(BOX) == "还没写完"
    page.goto(app.url + "/#/chats")
    page.wait_for_selector(".item:has-text('[草稿] 还没写完')")


def test_a_chat_is_started_by_address(start: Any, visit: Any) -> None:
    app = start()
    page = visit(app)
    page.wait_for_selector(".empty")
    page.click(".side-head .icon-button")
    page.fill("dialog input[name=address]", "lin")
    page.fill("dialog input[name=name]", "林悦")
    page.check("dialog input[name=contact]")
    page.press("dialog input[name=name]", "Enter")
    page.wait_for_selector(".pane-title:has-text('林悦')")
    assert "lin@tulou.example" in app.room.titles and "lin@tulou.example" in app.room.people
    page.fill(BOX, "你好")
    page.press(BOX, "Enter")
    page.wait_for_selector(".item:has-text('你好')")


def test_a_chat_is_started_by_picking_a_contact(start: Any, visit: Any) -> None:
    def people(room: Room) -> None:
        room.contact(BO, "陈博文")
        room.contact("lin@tulou.example", "林悦")

    app = start(people)
    page = visit(app, width=360, height=740)
    page.click(".empty .button")
    page.fill("dialog input[name=address]", "林")
    assert page.locator(".pick .item").count() == 1
    page.click(".pick .item")
    page.wait_for_selector(".pane-title:has-text('林悦')")
    assert page.locator("dialog").count() == 0
    page.click("[aria-label=返回]")
    page.click(".side-head .icon-button")
    page.fill("dialog input[name=address]", "博文")
    page.press("dialog input[name=address]", "Enter")
    page.wait_for_selector(".pane-title:has-text('陈博文')")
    assert set(app.room.titles) == {BO, "lin@tulou.example"}


def test_a_wrong_address_keeps_the_dialog_open_and_escape_closes_it(start: Any, visit: Any) -> None:
    app = start()
    page = visit(app)
    page.click(".side-head .icon-button")
    page.fill("dialog input[name=address]", "@")
    app.room.open_conversation = refuse  # type: ignore[method-assign]
    page.press("dialog input[name=address]", "Enter")
    page.wait_for_selector("dialog .form-error:has-text('无法发送')")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")


async def refuse(address: str, title: str = "") -> Any:
    from tulou_contracts.messaging import MessageInvalid

    raise MessageInvalid(f"{address} is not an address")


def test_an_emoji_panel_puts_text_at_the_cursor(start: Any, visit: Any) -> None:
    app = start(befriended)
    page = visit(app, CHAT)
    page.fill(BOX, "好的")
    page.click("[data-panel=emoji]")
    page.locator(".emoji").first.click()
    assert page.input_value(BOX) == "好的😀"
    page.keyboard.press("Escape")
    page.wait_for_selector(".panel", state="hidden")


def test_a_text_that_no_socket_would_carry_is_refused_in_words_and_kept(start: Any, visit: Any) -> None:
    app = start(befriended)
    page = visit(app, CHAT)
    page.evaluate("([box]) => { const area = document.querySelector(box); area.value = 'x'.repeat(300000);"
                  " area.dispatchEvent(new InputEvent('input', {bubbles: true})); }", [BOX])
    page.press(BOX, "Enter")
    page.locator(".composer-problem", has_text="太长").wait_for()
    assert page.evaluate("box => document.querySelector(box).value.length", BOX) == 300_000
    assert not page.locator(".own", has_text="xxx").count()


def test_a_paste_that_could_not_be_sent_is_refused_at_once(start: Any, visit: Any) -> None:
    app = start(furnished)
    page = visit(app, CHAT)
    page.fill("textarea", "schon da")
    for size, kept in ((200_000, True), (10, False)):
        taken = page.evaluate(
            """(size) => {
              const clipboardData = new DataTransfer();
              clipboardData.setData("text", "x".repeat(size));
              return document.querySelector("textarea").dispatchEvent(
                new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
            }""", size)
        assert taken is not kept
    assert page.input_value("textarea") == "schon da"
    assert "100000" in page.inner_text(".composer-problem")


def test_a_list_of_more_conversations_than_a_page_gets_goes_on_when_asked(start: Any, visit: Any) -> None:
    def crowd(room: Room) -> None:
        for number in range(520):
            room.add(f"p{number}@tulou.example", "hallo", at=room.now() - number * MINUTE)

    app = start(crowd)
    page = visit(app)
    until(page, "document.querySelectorAll('.items > li').length === 500")
    page.click(".list-more button")
    until(page, "document.querySelectorAll('.items > li').length === 520")
    assert page.locator(".list-more").count() == 0
