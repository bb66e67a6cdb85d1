"""A plugin with pages of its own: what tests of contributed pages look at."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from tulou import Plugin, implements
from tulou.errors import TulouError
from tulou_contracts.ui import Asset, Page, PageFeed, PageMethod, Place, Texts, WordedError, contribute_ui

MODULE = """
import { fill, h } from "tulou/dom";
const button = (word, onclick) => h("button", { class: "button", onclick }, word);
export default class extends HTMLElement {
  connectedCallback() { this.classList.add("card-page"); this.draw(); }
  set parameters(values) {
    this.values = values;
    this.stop?.();
    if (values.feed) this.stop = this.hear(values.feed, values.from ?? "0");
    this.draw();
  }
  hear(feed, from) {
    const started = () => (this.heard = []);
    const ended = (fault) => { this.over = fault ? fault.message : "over"; this.draw(); };
    return this.tulou.listen(feed, { from }, (value) => this.take(value), { started, ended });
  }
  take(value) {
    this.heard.push(value);
    this.draw();
  }
  async ask(method) {
    try { this.answer = JSON.stringify(await this.tulou.call(method, { who: "你" })); }
    catch (error) { this.answer = error.message; }
    this.draw();
  }
  draw() {
    if (!this.isConnected) return;
    fill(this, h("article", { class: "card" }, h("h2", {}, this.tulou.text("diary.title")),
      h("pre", { class: "shown" }, JSON.stringify(this.values)),
      h("p", { class: "answer" }, this.answer ?? ""), h("p", { class: "over" }, this.over ?? ""),
      h("p", { class: "heard" }, String(this.heard?.length ?? 0)),
      ["greet", "fail", "break", "none", "locked"].map(
        (each) => button(each, () => this.ask(`diary.${each}`))),
      button("aside", () => this.tulou.open("tulou://app/diary-aside?from=5"))));
  }
}
"""


class Refusing(TulouError):
    """Something a person understands."""


class Locked(WordedError):
    """Something a person understands in either language."""


class Diary:
    """A plugin with two pages, methods, and feeds that tests look into."""

    def __init__(self) -> None:
        self.open = 0
        self.told = 0

    async def greet(self, params: Mapping[str, Any]) -> Any:
        return {"hello": params["who"]}

    async def fail(self, params: Mapping[str, Any]) -> Any:
        raise Refusing("日记本是锁着的。")

    async def broken(self, params: Mapping[str, Any]) -> Any:
        raise RuntimeError("on purpose: a secret")

    async def locked(self, params: Mapping[str, Any]) -> Any:
        raise Locked("the diary is locked", key="diary.locked", values={"who": params["who"]})

    async def count(self, params: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
        self.open += 1
        try:
            for number in range(int(params["from"]), 1000):
                yield {"number": number}
                self.told = number
            await trio.sleep_forever()
        finally:
            self.open -= 1

    async def short(self, params: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
        yield 1
        raise Refusing("没有更多了。")

    @implements(contribute_ui)
    def contribute_ui(self) -> Any:
        module = Asset("diary_of_test", "page.js")
        return [
            Page(name="diary", title="diary.title", module=module, icon="📔", place=Place.BAR),
            Page(name="diary-settings", title="diary.title", module=module, place=Place.SETTINGS),
            Page(name="diary-aside", title="diary.aside", module=module, icon="🔎"),
            PageMethod(name="diary.greet", handler=self.greet),
            PageMethod(name="diary.fail", handler=self.fail),
            PageMethod(name="diary.break", handler=self.broken),
            PageMethod(name="diary.locked", handler=self.locked),
            PageFeed(name="diary.count", source=self.count),
            PageFeed(name="diary.short", source=self.short),
            Texts(language="zh", texts={"diary.title": "日记", "diary.aside": "旁边的一页"}),
            Texts(language="en", texts={"diary.title": "Diary", "diary.aside": "Aside"}),
            Texts(language="zh", texts={"diary.locked": "日记本锁着，{who}。"}),
            Texts(language="en", texts={"diary.locked": "The diary is locked, {who}."}),
        ]


def diary_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Diary, Plugin]]:
    web = tmp_path / "packages" / "diary_of_test" / "web"
    web.mkdir(parents=True)
    (web.parent / "__init__.py").write_text("")
    (web / "page.js").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    diary = Diary()

    @asynccontextmanager
    async def run(ctx: Any) -> Any:
        ctx.implement(diary)
        yield

    yield diary, Plugin(name="diary", run=run)
    sys.modules.pop("diary_of_test", None)
