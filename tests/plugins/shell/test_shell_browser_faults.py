"""Contributed modules with faults in a real browser: what the page shows, tells and waits for."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from shell_fakes import BO, furnished, until

from tulou import Plugin, implements
from tulou_contracts.ui import Asset, Bubble, InputPanel, contribute_ui

pytestmark = pytest.mark.browser
CHAT = f"/#/chats/{BO.replace('@', '%40')}"
FAULT = "这类消息的插件有问题。"
GOOD = "export default class extends HTMLElement { set message(m) { this.textContent = `卡片 ${m.body}`; } }"
FAULTY = {
    "setter": "export default class extends HTMLElement { set message(m) { throw new Error(m.body); } }",
    "no-default": "export class Card extends HTMLElement {}",
    "constructor": "export default class extends HTMLElement { constructor() { super(); null.x; } }",
    "no-element": "export default class {}",
    "syntax": "export default class extends {",
}


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Plugin]]:
    """A plugin with a bubble for each kind, and an input panel from the last module."""
    def make(**modules: str) -> Plugin:
        web = tmp_path / "packages" / "cards_of_test" / "web"
        web.mkdir(parents=True)
        (web.parent / "__init__.py").write_text("")
        for kind, source in modules.items():
            (web / f"{kind}.js").write_text(source)
        monkeypatch.syspath_prepend(str(tmp_path / "packages"))

        class Cards:
            @implements(contribute_ui)
            def contribute_ui(self) -> Any:
                bubbles = [Bubble(kind=kind, module=Asset("cards_of_test", f"{kind}.js")) for kind in modules]
                panel = InputPanel(name="card", title="卡片", icon="?", module=bubbles[-1].module)
                return [*bubbles, panel]

        @asynccontextmanager
        async def run(ctx: Any) -> Any:
            ctx.implement(Cards())
            yield

        return Plugin(name="cards", run=run)

    yield make
    sys.modules.pop("cards_of_test", None)


def forgive(page: Any, words: str) -> None:
    page.complaints[:] = [each for each in page.complaints if words not in each]


@pytest.mark.parametrize("kind", FAULTY)
def test_a_faulty_bubble_shows_its_body_and_the_fault_is_told_once(
    start: Any, visit: Any, cards: Any, caplog: Any, kind: str
) -> None:
    app = start(furnished, plugins=[cards(**{kind: FAULTY[kind]})])
    for number in range(2):
        app.call(app.room.add, BO, f"正文 {number}", kind=kind)
    app.call(app.room.add, BO, "别的", kind="none-such")
    page, second = visit(app, CHAT), visit(app, CHAT)
    for each in (page, second):
        until(each, f"document.querySelectorAll('.bubble[data-kind={kind}] .bubble-note').length === 2")
        assert each.locator(f".bubble[data-kind={kind}]").all_inner_texts() == [
            f"正文 0\n{FAULT}", f"正文 1\n{FAULT}"]
        assert "没有安装" in each.inner_text(".bubble[data-kind=none-such]")
    page.goto(app.url + "/#/settings")
    line = page.locator(f".plugin-line:has-text('/plugins/cards_of_test/{kind}.js 有问题')")
    line.wait_for()
    assert line.count() == 1 and page.locator(".plugin-fine").count() == 0
    told = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert len(told) == 1 and f"/plugins/cards_of_test/{kind}.js" in told[0] and "Error: " in told[0]
    app.call_async(app.kernel.disable, "cards")
    line.wait_for(state="detached")
    forgive(page, f"cards_of_test/{kind}.js")


def test_a_faulty_panel_is_told_too(start: Any, visit: Any, cards: Any) -> None:
    app = start(furnished, plugins=[cards(**{"no-default": FAULTY["no-default"]})])
    page = visit(app, CHAT)
    page.click("[data-panel=card]")
    page.wait_for_selector(".composer-problem:has-text('没有成功')")
    page.goto(app.url + "/#/settings")
    page.wait_for_selector(".plugin-line:has-text('cards_of_test/no-default.js 有问题')")
    forgive(page, "cards_of_test/no-default.js")


def test_python_started_anew_is_told_again(start: Any, visit: Any, cards: Any, caplog: Any) -> None:
    app = start(furnished, plugins=[cards(setter=FAULTY["setter"])])
    app.call(app.room.add, BO, "正文", kind="setter")
    page = visit(app, CHAT)
    page.wait_for_selector(f".bubble-note:has-text('{FAULT}')")
    page.goto(app.url + "/#/settings")
    page.wait_for_selector(".plugin-line:has-text('setter.js')")
    app.stop()
    page.wait_for_selector(".bar-warn")
    app.start()
    page.wait_for_selector(".bar", state="detached")
    page.wait_for_selector(".plugin-line:has-text('setter.js')")
    forgive(page, "cards_of_test/setter.js")


def test_a_module_that_cannot_be_fetched_is_no_fault_and_comes_when_python_is_back(
    start: Any, visit: Any, cards: Any, caplog: Any
) -> None:
    app = start(furnished, plugins=[cards(card=GOOD)])
    page = visit(app, CHAT)
    lost: list[str] = []
    page.route("**/card.js", lambda route: (lost.append(route.request.url), route.abort("connectionrefused")))
    app.call(app.room.add, BO, "今天", kind="card")
    page.wait_for_selector(".bubble:has-text('今天')")
    while len(lost) < 2:  # the module, and the question whether anybody answers
        page.wait_for_timeout(20)
    app.stop()
    page.wait_for_selector(".bar-warn")
    assert page.locator(".bubble-note").count() == 0
    page.unroute("**/card.js")
    app.start()
    page.wait_for_selector(".bubble:has-text('卡片 今天')")
    page.goto(app.url + "/#/settings")
    page.wait_for_selector(".plugin-fine")


def test_a_style_may_be_a_text_or_an_object_and_nothing_else(start: Any, visit: Any) -> None:
    page = visit(start(furnished))
    styled = """async (style) => {
        const { h } = await import("tulou/dom");
        const element = h("strong", { style }, "x");
        document.body.append(element);
        const { display, fontSize } = getComputedStyle(element);
        const gap = element.style.getPropertyValue("--gap");
        element.remove();
        return [display, fontSize, gap];
    }"""
    wanted = ["block", "31px", "4px"]
    assert page.evaluate(styled, "display: block; font-size: 31px; --gap: 4px") == wanted
    assert page.evaluate(styled, {"display": "block", "fontSize": "31px", "--gap": "4px"}) == wanted
    assert page.evaluate(styled, {"display": "block", "font-size": "31px", "--gap": "4px"}) == wanted
    assert page.evaluate(styled, None)[0] == "inline"
    for wrong in (5, True, ["display: block"]):
        with pytest.raises(Exception, match="TypeError: style: give declarations"):
            page.evaluate(styled, wrong)
