"""The page in a real browser: signing in, losing and finding connections, small screens, no plugins."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from shell_fakes import BO, ME, App, Room, furnished, until

from tulou import Plugin, implements
from tulou_contracts.identity import Identity
from tulou_contracts.messaging import Messenger
from tulou_contracts.transport import ConnectionState, Presence, Transport
from tulou_contracts.ui import Asset, Bubble, ContactTab, InputPanel, Shell, Texts, contribute_ui

pytestmark = pytest.mark.browser
CHAT = f"/#/chats/{BO.replace('@', '%40')}"
BOX = "tulou-composer textarea"


def stranger(room: Room) -> None:
    room.account, room.signed_in = None, False


def test_the_first_sign_in_and_its_errors_as_sentences(
    start: Callable[..., App], visit: Callable[..., Any]
) -> None:
    app = start(stranger)
    page = visit(app)
    error = page.locator("form .form-error")

    def attempt(address: str, password: str, endpoint: str = "") -> str:
        page.fill("[name=address]", address)
        page.fill("[name=password]", password)
        if endpoint:
            page.click("summary") if not page.is_visible("[name=endpoint]") else None
            page.fill("[name=endpoint]", endpoint)
        page.click("button[type=submit]")
        error.wait_for()
        return str(error.inner_text())

    assert "请输入帐号" in attempt("", "")
    assert "请输入密码" in attempt(ME, "")
    assert "格式是" in attempt("anna", "geheim")
    assert "帐号或密码不正确" in attempt(ME, "falsch")
    assert "无法连接服务器" in attempt(ME, "geheim", "ws://127.0.0.1:1/nowhere")
    assert page.input_value("[name=address]") == ME  # nothing that was typed is lost
    page.fill("[name=endpoint]", "")
    page.click("button[type=submit]")
    page.wait_for_selector("tulou-conversation-list")


def test_registration(start: Any, visit: Any) -> None:
    app = start(stranger)
    page = visit(app, language="en-GB")
    page.click(".entrance-other .link-button")
    page.fill("[name=address]", "zoe@tulou.example")
    page.fill("[name=password]", "one")
    page.fill("[name=repeat]", "two")
    page.click("button[type=submit]")
    page.wait_for_selector("form .form-error:has-text('not the same')")
    page.fill("[name=repeat]", "one")
    page.click("button[type=submit]")
    page.wait_for_selector("tulou-conversation-list")
    assert app.room.passwords["zoe@tulou.example"] == "one"


def test_signing_out_on_one_page_signs_out_all_and_the_account_stays_known(start: Any, visit: Any) -> None:
    app = start(furnished)
    one = visit(app, "/#/settings")
    two = visit(app, CHAT, context=one.context)
    two.fill(BOX, "半句话")
    one.click(".button.danger")
    one.click("dialog .button.primary")
    for page in (one, two):
        page.wait_for_selector("tulou-sign-in")
        assert page.input_value("[name=address]") == ME
        assert page.get_attribute("[name=address]", "readonly") is not None
    assert two.evaluate("Object.keys(localStorage).filter(key => key.includes('draft')).length") == 0
    one.fill("[name=password]", "geheim")
    one.press("[name=password]", "Enter")
    for page in (one, two):
        page.wait_for_selector("tulou-conversation-list")


def test_the_connection_is_told_with_what_can_be_done(start: Any, visit: Any) -> None:
    app = start(furnished)
    page = visit(app)
    app.call(app.room.connection, ConnectionState.WAITING, "no route", 90.0)
    bar = page.locator(".bar")
    page.wait_for_selector(".bar:has-text('秒后重试')")
    first = int("".join(filter(str.isdigit, bar.inner_text())))
    until(
        page, "first => Number(document.querySelector('.bar').innerText.replace(/\\D/g, '')) < first", first)
    page.click(".bar-button")
    page.wait_for_selector(".bar", state="detached")
    app.call(app.room.connection, ConnectionState.REPLACED)
    page.wait_for_selector(".bar-danger:has-text('另一台设备')")
    page.click(".bar-button")
    page.wait_for_selector(".bar", state="detached")
    app.call(app.room.connection, ConnectionState.REFUSED, "wrong password")
    page.wait_for_selector(".bar-danger:has-text('重新登录')")


def test_the_page_comes_back_after_python_restarts_and_keeps_what_was_written(start: Any, visit: Any) -> None:
    app = start(furnished)
    page = visit(app, CHAT)
    page.fill(BOX, "写了一半")
    app.stop()
    page.wait_for_selector(".bar-warn:has-text('没有响应')")
    page.press(BOX, "Enter")
    page.wait_for_selector(".composer-problem:has-text('文字已保留')")
    assert page.input_value(BOX) == "写了一半"
    app.room.add(BO, "你不在的时候写的")
    app.start()
    page.wait_for_selector(".bar", state="detached")
    page.locator(".bubble", has_text="你不在的时候写的").wait_for()
    page.press(BOX, "Enter")
    page.wait_for_selector(".own[data-state=queued]:has-text('写了一半')")
    assert [each.body for each in app.room.messages[BO]].count("写了一半") == 1


def test_a_message_whose_answer_was_lost_is_neither_lost_nor_doubled(start: Any, visit: Any) -> None:
    app = start(furnished)
    page = visit(app, CHAT)
    real = app.room.send

    async def stored_but_never_answered(*args: Any, **named: Any) -> Any:
        await real(*args, **named)
        await trio.sleep_forever()

    app.room.send = stored_but_never_answered  # type: ignore[method-assign]
    page.fill(BOX, "到了吗")
    page.press(BOX, "Enter")
    page.wait_for_selector(".own[data-state=queued]:has-text('到了吗')")
    app.stop()
    app.room.send = real  # type: ignore[method-assign]
    app.start()
    page.wait_for_selector(".bar", state="detached")
    until(page, "document.querySelectorAll('.own[data-state=sending]').length === 0")
    assert page.locator(".own .bubble", has_text="到了吗").count() == 1
    assert page.input_value(BOX) == ""


def test_a_message_that_was_never_stored_is_back_in_the_box(start: Any, visit: Any) -> None:
    app = start(furnished)
    page = visit(app, CHAT)
    real, held = app.room.send, []

    async def never(*args: Any, **named: Any) -> Any:
        held.append(args)
        await trio.sleep_forever()

    app.room.send = never  # type: ignore[method-assign]
    page.fill(BOX, "没存下来")
    page.press(BOX, "Enter")
    page.wait_for_selector(".own[data-state=sending]")
    while not held:
        page.wait_for_timeout(20)
    app.stop()
    app.room.send = real  # type: ignore[method-assign]
    app.start()
    page.wait_for_selector(".composer-problem:has-text('文字已保留')")
    assert page.input_value(BOX) == "没存下来"
    assert page.locator(".own .bubble", has_text="没存下来").count() == 0


NAMELESS = """() => [...document.querySelectorAll('button, a[href], input, textarea, [role=log], dialog')]
    .filter(each => each.checkVisibility())
    .filter(each => !(each.getAttribute('aria-label') || each.innerText?.trim() || each.labels?.length))
    .map(each => each.outerHTML)"""

CONTRAST = """() => {
    const probe = document.body.appendChild(document.createElement('span'));
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const light = (token) => {
        probe.style.color = `var(${token})`;
        canvas.fillStyle = getComputedStyle(probe).color;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((byte) => {
            const part = byte / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ratio = (one, other) => {
        const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
        return (bright + 0.05) / (dark + 0.05);
    };
    const pairs = [
        ['--ink', '--surface'], ['--ink-soft', '--surface'], ['--ink-soft', '--surface-side'],
        ['--ink-soft', '--surface-rail'], ['--ink-soft', '--surface-active'], ['--ink-faint', '--surface'],
        ['--ink-on-brand', '--brand-fill'], ['--ink-on-brand', '--danger-fill'], ['--link', '--surface'],
        ['--bubble-own-ink', '--bubble-own'], ['--bubble-other-ink', '--bubble-other'],
        ['--link', '--bubble-own'], ['--link', '--bubble-other'], ['--brand', '--surface'],
        ['--danger', '--surface-danger'], ['--warn', '--surface-notice'], ['--earth', '--surface'],
    ];
    const found = pairs.map(([ink, ground]) => [ink, ground, ratio(ink, ground)]);
    probe.remove();
    return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_has_a_name_and_can_be_read(start: Any, visit: Any, scheme: str) -> None:
    app = start(furnished)
    page = visit(app, color_scheme=scheme)
    for path in ("chats", f"chats/{BO}", "contacts", f"contacts/{BO}", "settings"):
        page.goto(f"{app.url}/#/{path}")
        page.wait_for_selector(".frame")
        assert page.evaluate(NAMELESS) == [], path
    for ink, ground, ratio in page.evaluate(CONTRAST):
        assert ratio >= 4.5, f"{ink} on {ground}: {ratio:.2f}"  # WCAG 2.2, 1.4.3


def test_the_keyboard_alone_is_enough(start: Any, visit: Any) -> None:
    app = start(furnished)
    page = visit(app)
    page.wait_for_selector(".item")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.item')"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector(BOX)
    until(page, "document.activeElement.matches('tulou-composer textarea')")
    page.keyboard.type("只用键盘")
    page.keyboard.press("Enter")
    page.locator(".own .bubble", has_text="只用键盘").wait_for()


@pytest.mark.parametrize("width, height", [(360, 740), (820, 1180), (1280, 800)])
def test_every_width_is_usable_without_scrolling_sideways(
    start: Any, visit: Any, width: int, height: int
) -> None:
    app = start(furnished)
    app.call(app.room.add, BO, "长" * 300 + "w" * 400)
    page = visit(app, width=width, height=height, has_touch=width < 700)
    page.click(f".item[href='#/chats/{BO.replace('@', '%40')}']")
    page.wait_for_selector(BOX)
    page.fill(BOX, "在手机上")
    page.click(".send")
    page.locator(".own .bubble", has_text="在手机上").wait_for()
    for path in ("chats", f"chats/{BO}", "contacts", f"contacts/{BO}", "settings"):
        page.goto(f"{app.url}/#/{path}")
        page.wait_for_selector(".frame")
        wide = page.evaluate("""() =>
            [document.documentElement, ...document.querySelectorAll('.log, .scroll, .pane')]
            .filter(each => each.clientWidth && each.scrollWidth > each.clientWidth + 1)
            .map(each => each.className)""")
        assert wide == [], path
    if width < 700:
        page.goto(f"{app.url}/#/chats/{BO}")
        assert not page.is_visible("tulou-conversation-list")
        for button in page.locator("button:visible").all():
            box = button.bounding_box()
            assert box["width"] >= 34 and box["height"] >= 30
        page.click("[aria-label=返回]")
        page.wait_for_selector("tulou-conversation-list", state="visible")


def test_language_and_theme_are_switched_and_remembered(start: Any, visit: Any) -> None:
    app = start(furnished)
    page = visit(app, "/#/settings", color_scheme="light")
    page.click(".segment:has-text('English')")
    page.wait_for_selector("h1:has-text('Settings')")
    page.click(".segment:has-text('Dark')")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    page.wait_for_selector("h1:has-text('Settings')")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    page.click(".segment:has-text('Light')")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark


@pytest.mark.parametrize("lacking, words", [
    (Messenger, "消息插件"), (Transport, "没有连接服务器的插件"), (Identity, "登录插件"),
])
def test_the_page_opens_without_a_plugin_and_says_which(
    start: Any, visit: Any, lacking: type, words: str
) -> None:
    contracts = tuple(each for each in (Identity, Messenger, Transport) if each is not lacking)
    app = start(furnished, contracts=contracts)
    page = visit(app)
    page.goto(app.url + "/#/settings")
    page.wait_for_selector(".plugin-line")
    page.goto(app.url + "/#/chats")
    if lacking is not Identity:
        page.locator(f"text={words}").first.wait_for()


def test_a_plugin_that_goes_and_comes_back_while_the_page_is_open(start: Any, visit: Any) -> None:
    app = start(furnished)
    page = visit(app, CHAT)
    page.wait_for_selector(".row-message")
    app.call_async(app.kernel.disable, "room")
    page.locator("text=消息插件（im）没有运行").first.wait_for()
    app.call_async(app.kernel.enable, "room")
    page.wait_for_selector(".row-message")
    page.wait_for_selector(".item")
    page.fill(BOX, "又好了")
    page.press(BOX, "Enter")
    page.wait_for_selector(".own[data-state=queued]:has-text('又好了')")


def poll_plugin(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Plugin:
    package = folder / "poll_of_test"
    (package / "web").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "web" / "poll.js").write_text("""
        import { h, fill } from "tulou/dom";
        import { t } from "tulou/texts";
        export default class extends HTMLElement {
          set message({ data }) { fill(this, h("b", {class: "poll"}, t("poll.title") + data.question)); }
        }""")
    (package / "web" / "panel.js").write_text("""
        export default class extends HTMLElement {
          connectedCallback() {
            const button = document.createElement("button");
            button.className = "ask";
            button.textContent = this.conversation;
            button.onclick = () => this.dispatchEvent(new CustomEvent("tulou-send", {
              detail: {body: "投票：吃什么", kind: "poll", data: {question: "吃什么"}}}));
            this.replaceChildren(button);
          }
        }""")
    (package / "web" / "tab.js").write_text("""
        export default class extends HTMLElement {
          set contact(contact) { this.textContent = `asked ${contact.name} twice`; this.className = "asked"; }
        }""")
    (package / "web" / "broken.js").write_text("throw new Error('broken on purpose')")
    monkeypatch.syspath_prepend(str(folder))

    @implements(contribute_ui)
    def contribute() -> Any:
        return [
            Bubble(kind="poll", module=Asset("poll_of_test", "poll.js")),
            Bubble(kind="broken", module=Asset("poll_of_test", "broken.js")),
            Bubble(kind="gone", module=Asset("poll_of_test", "gone.js")),
            InputPanel(name="poll", title="poll.title", module=Asset("poll_of_test", "panel.js"), icon="?"),
            ContactTab(name="poll", title="poll.title", module=Asset("poll_of_test", "tab.js")),
            Texts(language="zh", texts={"poll.title": "投票："}),
            Texts(language="en", texts={"poll.title": "Poll: "}),
        ]

    contribute.__name__ = "contribute_ui"

    @asynccontextmanager
    async def run(ctx: Any) -> Any:
        ctx.implement(contribute)
        yield

    return Plugin(name="poll", run=run)


def test_a_plugin_brings_bubbles_panels_and_words_and_takes_them_away(
    start: Any, visit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start(furnished, plugins=[poll_plugin(tmp_path, monkeypatch)])
    app.call(app.room.add, BO, "坏掉的气泡", kind="broken")
    page = visit(app, CHAT)
    page.click("[data-panel=poll]")
    assert page.inner_text(".ask") == BO
    page.click(".ask")
    page.wait_for_selector(".poll:has-text('投票：吃什么')")
    page.locator(".bubble", has_text="坏掉的气泡").wait_for()
    assert "gone.js" in " ".join(app.call(lambda: app.kernel.service(Shell).catalogue.problems))
    app.call_async(app.kernel.disable, "poll")
    page.wait_for_selector("[data-panel=poll]", state="detached")
    page.wait_for_selector(".poll", state="detached")
    page.locator(".bubble", has_text="投票：吃什么").wait_for()
    app.call_async(app.kernel.enable, "poll")
    page.wait_for_selector(".poll")
    page.complaints[:] = [each for each in page.complaints if "broken" not in each]


def test_a_plugin_adds_a_tab_to_a_persons_page(
    start: Any, visit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start(furnished, plugins=[poll_plugin(tmp_path, monkeypatch)])
    page = visit(app, f"/#/contacts/{BO}")
    page.wait_for_selector(".facts")
    page.get_by_role("tab", name="投票：").click()
    page.wait_for_selector(".asked:has-text('asked 陈博文 twice')")
    assert page.locator(".facts").count() == 0
    app.call(app.room.contact, BO, "新名字", Presence.BUSY)
    page.wait_for_selector(".asked:has-text('asked 新名字 twice')")
    app.call_async(app.kernel.disable, "poll")
    page.wait_for_selector(".facts")
    assert page.locator(".tabs").is_hidden()
