"""The page in a real browser: what would leave, the choice, the counts; in both languages."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
import tulou_tracking
from tracking_world import URL, Collector, declaring
from tulou import Composition, Kernel
from tulou.testing import fake
from tulou_contracts.network import HttpClient
from tulou_contracts.testing.tracking import TABLE
from tulou_contracts.tracking import Tracker, TrackingControl
from tulou_contracts.ui import Shell
from tulou_tracking.texts import TEXTS

pytestmark = pytest.mark.browser
tulou_store = pytest.importorskip("tulou_store", reason="needs store, which keeps things")
WEB = Path(tulou_tracking.__file__).parent / "web"


class App:
    """Shell, store and tracking in a kernel in a thread of its own."""

    def __init__(self, profile: Path, **config: Any) -> None:
        pytest.importorskip("tulou_net", reason="needs net, which serves pages")
        pytest.importorskip("tulou_shell", reason="needs shell, which shows pages")
        self._profile = profile
        self._config = {"endpoint": URL, "starts": False, "batch_age": 1e9} | config
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()
        assert self._ready.wait(30)
        if self._error is not None:
            raise self._error

    def _main(self) -> None:
        async def main() -> None:
            self.collector = Collector()
            plugins = [tulou_store.plugin, tulou_tracking.plugin, declaring(*TABLE),
                       fake(HttpClient, self.collector, rank=9)]
            composition = Composition.of("net", "shell", *(each.name for each in plugins))
            composition = composition.with_config("tracking", **self._config)
            composition = composition.with_config("shell", announce="nothing")
            self._stop, self._token = trio.Event(), trio.lowlevel.current_trio_token()
            self.kernel = Kernel(composition, profile=self._profile, plugins=plugins)
            async with self.kernel.running():
                self._ready.set()
                await self._stop.wait()

        try:
            trio.run(main)
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        return trio.from_thread.run_sync(function, *args, trio_token=self._token)

    def track(self, *names: str, **fields: Any) -> None:
        tracker = self.kernel.service(Tracker)
        for name in names:
            self.call(lambda: tracker.track(name, **fields))

    @property
    def control(self) -> TrackingControl:
        return self.kernel.service(TrackingControl)

    def entry(self) -> str:
        return str(self.call(lambda: self.kernel.service(Shell).entry_url()))

    def url(self) -> str:
        return str(self.call(lambda: self.kernel.service(Shell).url))

    def stop(self) -> None:
        self.call(self._stop.set)
        self._thread.join(20)


@pytest.fixture
def visit(chromium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Start an app with these settings, and open the page in it."""
    for name in ("DO_NOT_TRACK", "DNT"):
        monkeypatch.delenv(name, raising=False)
    apps: list[App] = []
    contexts = []
    complaints: list[str] = []

    def go(*, language: str = "zh-CN", width: int = 1280, **config: Any) -> Any:
        app = App(tmp_path / "profile", **config)
        apps.append(app)
        contexts.append(chromium.new_context(locale=language, viewport={"width": width, "height": 800}))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda each: complaints.append(each.text) if each.type == "error" else None)
        page.goto(app.entry())
        page.wait_for_selector("tulou-sign-in, .frame")
        page.goto(app.url() + "/#/app/tracking")
        return app, page

    yield go
    for each in contexts:
        each.close()
    for app in apps:
        app.stop()
    assert complaints == []


def test_the_page_shows_exactly_what_would_leave(visit: Any) -> None:
    app, page = visit(consent="full")
    page.wait_for_selector(".tracking-page")
    app.track("kit.personal", what="<b>打开</b>", name="王小明")
    page.wait_for_selector(".tracking-lines:has-text('王小明')")
    shown = page.inner_text(".tracking-lines")
    assert '"what":"<b>打开</b>"' in shown and '"name":"kit.personal"' in shown and '"sent_at":' in shown
    assert page.inner_text(".tracking-where").endswith(URL)
    page.click(".tracking-send")
    page.wait_for_selector(".tracking-counts:has-text('kit.personal')")
    page.wait_for_selector(".tracking-held:text-is('没有等待发送的事件。')")
    [event] = app.collector.events()
    line = re.sub(r',"sent_at":\d+', "", shown)
    assert f'"id":"{event["id"]}"' in line, "what left is what was shown"


def test_a_choice_is_taken_and_shown(visit: Any) -> None:
    app, page = visit(consent="off", language="en-GB")
    page.wait_for_selector(".tracking-note:has-text('You have not chosen yet')")
    assert page.is_checked("input[value=off]")
    page.check("input[value=anonymous]")
    page.wait_for_selector(".tracking-note", state="hidden")
    app.track("kit.personal", what="opened", name="王小明")
    page.wait_for_selector(".tracking-lines:has-text('opened')")
    assert "王小明" not in page.inner_text(".tracking-page")
    page.check("input[value=off]")
    page.wait_for_selector(".tracking-held:text-is('No event waits.')")
    page.wait_for_selector(".tracking-counts:has-text('consent was withdrawn')")
    assert app.call(app.control.state).chosen.value == "off"


def test_what_waits_can_be_thrown_away_and_the_table_is_shown(visit: Any) -> None:
    app, page = visit(consent="full", language="en-GB")
    page.wait_for_selector(".tracking-page")
    app.track("kit.plain", "kit.plain", kind="text")
    page.wait_for_selector(".tracking-held:has-text('Events that wait: 2')")
    page.click(".tracking-empty")
    page.wait_for_selector(".tracking-counts:has-text('thrown away by you')")
    page.click("summary")
    table = page.inner_text(".tracking-table")
    assert "kit.never-sampled" in table and "0 %" in table
    assert "name (text, personal)" in table and "secret (text, never leaves)" in table


def test_a_system_that_asks_not_to_track_leaves_nothing_to_choose(visit: Any) -> None:
    _, page = visit(consent="full", do_not_track=True)
    page.wait_for_selector(".tracking-note:has-text('DO_NOT_TRACK')")
    assert page.is_disabled("input[value=full]") and page.is_checked("input[value=off]")


def test_a_report_that_does_not_leave_is_told(visit: Any) -> None:
    app, page = visit(consent="full", language="en-GB")
    app.collector.answers = [503]
    page.wait_for_selector(".tracking-page")
    app.track("kit.plain")
    page.click(".tracking-send:not([disabled])")
    page.wait_for_selector(".tracking-fault:has-text('answered 503')")
    page.wait_for_selector(".tracking-problems:has-text('answered 503')")


def test_the_page_is_found_in_the_settings_and_fits_a_phone(visit: Any) -> None:
    app, page = visit(consent="full", width=360)
    page.wait_for_selector(".tracking-page")
    app.track("kit.personal", what="字" * 200)
    page.wait_for_selector(".tracking-lines:has-text('字字')")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate("(() => { const body = document.querySelector('.tracking-page');"
                         " return body.scrollWidth <= body.clientWidth + 1; })()")


def test_every_text_that_the_page_names_exists() -> None:
    known = set(TEXTS[0].texts)
    source = (WEB / "tracking.js").read_text("utf-8")
    used = set(re.findall(r'["`](tracking\.[a-z-]+)["`]', source))
    assert used - known - {"tracking.state", "tracking.preview", "tracking.report", "tracking.table"} == set()
