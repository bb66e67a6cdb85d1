"""The page in a real browser, in the real shell."""

from __future__ import annotations

import gzip
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tulou_log

sys.path.insert(0, str(Path(__file__).parents[1] / "shell"))
pytest.importorskip("tulou_shell", reason="needs shell, which shows pages")
from log_kit import until  # noqa: E402
from shell_fakes import App  # noqa: E402

from tulou.correlation import correlated  # noqa: E402
from tulou.testing.kit import fake  # noqa: E402
from tulou_contracts.company import Company  # noqa: E402
from tulou_contracts.identity import Identity  # noqa: E402
from tulou_contracts.logs import Logs, Personal, Verbosity  # noqa: E402
from tulou_contracts.network import HttpResponse  # noqa: E402
from tulou_contracts.transport import SignalReceived  # noqa: E402

pytestmark = pytest.mark.browser


class FakeCompany:
    """Takes reports."""

    url = "https://company.example"

    def __init__(self) -> None:
        self.reports: list[tuple[str, bytes]] = []
        self.status = 204

    def document(self, kind: str) -> None:
        return None

    async def refresh(self, kind: str) -> None:
        return None

    async def report(self, collector: str, body: bytes, **_: Any) -> HttpResponse:
        self.reports.append((collector, body))
        return HttpResponse(status=self.status)


@pytest.fixture
def company() -> FakeCompany:
    return FakeCompany()


@pytest.fixture
def app(tmp_path: Path, company: FakeCompany) -> Iterator[App]:
    started = App(tmp_path / "profile", plugins=[tulou_log.plugin, fake(Company, company)]).start()
    yield started
    started.stop()


@pytest.fixture
def visit(chromium: Any, app: App) -> Iterator[Callable[..., Any]]:
    contexts, complaints = [], []

    def go(path: str = "/#/app/log", language: str = "en-GB", width: int = 1280,
           waits_for: str = ".log-page") -> Any:
        context = chromium.new_context(viewport={"width": width, "height": 800}, locale=language)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda each: complaints.append(each.text) if each.type == "error" else None)
        page.goto(app.entry())
        page.wait_for_selector(".frame")
        page.goto(app.url + path)
        page.wait_for_selector(waits_for)
        return page

    yield go
    for each in contexts:
        each.close()
    assert complaints == []


def say(level: int, *words: Any) -> None:
    logging.getLogger("tulou.plugin.subject").log(level, *words)


def test_lines_come_and_a_filter_keeps_some(app: App, visit: Callable[..., Any]) -> None:
    say(logging.WARNING, "earlier %d", 1)
    page = visit()
    page.wait_for_selector(".log-line:has-text('earlier 1')")
    with correlated("act-7"):
        app.call(say, logging.ERROR, "<b>later</b> %s \x1b[31m", Personal("li@example.org"))
    line = page.wait_for_selector(".log-line[data-level=error]:has-text('later')")
    assert "<b>later</b> <person:" in line.inner_text() and "\\x1b[31m" in line.inner_text()
    page.fill("input[name=text]", "EARLIER")
    page.wait_for_selector(".log-line:has-text('later')", state="detached")
    page.wait_for_selector(".log-line:has-text('earlier 1')")
    page.fill("input[name=text]", "")
    page.select_option("select[name=level]", "error")
    page.wait_for_selector(".log-line:has-text('earlier 1')", state="detached")
    page.wait_for_selector(".log-line:has-text('later')")


def test_a_level_is_set(app: App, visit: Callable[..., Any]) -> None:
    say(logging.WARNING, "so that there is a logger")
    page = visit(language="zh-CN")
    page.click("[data-tab=levels]")
    assert page.inner_text("[data-tab=levels]") == "级别"
    page.select_option("select[name=level-subject]", "debug")

    def set_now() -> bool:
        levels = app.call(lambda: app.kernel.service(Logs).levels())
        return levels.get("subject") is Verbosity.DEBUG

    until(set_now)
    page.select_option("select[name=level-subject]", "")
    until(lambda: not set_now())


def test_nothing_leaves_before_a_person_has_seen_it_and_agreed(
    app: App, visit: Callable[..., Any], company: FakeCompany
) -> None:
    say(logging.ERROR, "somebody wrote %s", "Geheimnis Kanarienvogel")
    page = visit()
    page.click("[data-tab=report]")
    page.click("[data-action=preview]")
    text = page.inner_text(".log-preview")
    assert company.reports == []
    page.click("[data-action=send]")
    page.wait_for_selector(".log-sent")
    (collector, body), = company.reports
    assert collector == "logs"
    assert gzip.decompress(body).decode().strip() == text.strip()
    assert "Kanarienvogel" not in text and "<text>" in text


def test_the_servers_question_is_a_notice_that_opens_the_page(
    app: App, visit: Callable[..., Any], company: FakeCompany
) -> None:
    say(logging.ERROR, "anything")
    domain = app.call(lambda: app.kernel.service(Identity).account.address).partition("@")[2]
    page = visit("/", waits_for=".frame")
    app.call(app.kernel.publish, SignalReceived(
        sender=domain, name="log.request", content={"id": "r1", "reason": "ticket 12"}))
    notice = page.wait_for_selector("[data-notice=log-r1]")
    assert "The server asks for your logs" in notice.inner_text()
    notice.query_selector(".bar-button").click()
    page.wait_for_selector(".log-note:has-text('ticket 12')")
    page.click("[data-action=preview]")
    assert company.reports == []
    page.click("[data-action=send]")
    page.wait_for_selector(".log-sent")
    assert len(company.reports) == 1
    page.wait_for_selector("[data-notice=log-r1]", state="detached")


def test_what_is_not_taken_is_told(app: App, visit: Callable[..., Any], company: FakeCompany) -> None:
    company.status = 503
    say(logging.ERROR, "anything")
    page = visit()
    page.click("[data-tab=report]")
    page.click("[data-action=preview]")
    page.click("[data-action=send]")
    page.wait_for_selector(".log-fault:has-text('503')")
    assert page.is_enabled("[data-action=send]")


def test_a_phone_can_use_it(app: App, visit: Callable[..., Any]) -> None:
    say(logging.ERROR, "a long line %s", "x " * 500)
    page = visit(width=360)
    page.wait_for_selector(".log-line")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
