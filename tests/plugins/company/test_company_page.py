"""The page in a real browser: what is held, what was refused, and that there is no company."""

from __future__ import annotations

import threading

import pytest
import trio
from company_office import KEY, FakeService, Key, signed
from tulou_company import plugin
from tulou_company.pages import Pages

from tulou import Composition, Kernel
from tulou.testing import fake
from tulou_contracts.crypto import SignedTexts
from tulou_contracts.network import HttpClient
from tulou_contracts.storage import Storage
from tulou_contracts.testing.crypto import FakeSignedTexts
from tulou_contracts.testing.memory_storage import MemoryStorage
from tulou_contracts.testing.signalling import FakeSignals
from tulou_contracts.testing.ui import UiConformance
from tulou_contracts.transport import Signalling
from tulou_contracts.ui import Shell

REAL_TIME = True
LIN = "lin@example.org"


class TestPages(UiConformance):
    pages = Pages(None, None)

    def contributions(self):
        return self.pages.contribute_ui()


class App:
    """Shell and company in a kernel in a thread of its own."""

    def __init__(self, profile, texts, **config):
        pytest.importorskip("tulou_net", reason="needs net, which serves pages")
        pytest.importorskip("tulou_shell", reason="needs shell, which shows pages")
        self.service = FakeService()
        self.service.texts = texts
        self._profile, self._config = profile, config
        self._ready, self._error = threading.Event(), None
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()
        assert self._ready.wait(30)
        if self._error is not None:
            raise self._error

    def _main(self):
        async def main():
            signals = FakeSignals()
            signals.answer("company.token", self.service.token)
            fakes = {Storage: MemoryStorage(), SignedTexts: FakeSignedTexts(),
                     Signalling: signals.of(LIN)}
            plugins = [plugin, fake(HttpClient, self.service, rank=9),
                       *(fake(contract, each) for contract, each in fakes.items())]
            composition = Composition.of("net", "shell", *(each.name for each in plugins))
            composition = composition.with_config("company", **self._config)
            composition = composition.with_config("shell", announce="nothing")
            self._stop, self._token = trio.Event(), trio.lowlevel.current_trio_token()
            self.kernel = Kernel(composition, profile=self._profile, plugins=plugins, now=lambda: NOW)
            async with self.kernel.running():
                self._ready.set()
                await self._stop.wait()

        try:
            trio.run(main)
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    def entry(self):
        return trio.from_thread.run_sync(
            lambda: self.kernel.service(Shell).entry_url(), trio_token=self._token)

    def stop(self):
        trio.from_thread.run_sync(self._stop.set, trio_token=self._token)
        self._thread.join(20)


NOW = 1_767_225_600_000_000 + 1_000_000


@pytest.fixture
def visit(chromium, tmp_path):
    opened = []

    def go(texts=(), locale="en-GB", **config):
        app = App(tmp_path / "profile", list(texts), **config)
        context = chromium.new_context(locale=locale)
        opened.append((app, context))
        page = context.new_page()
        page.goto(app.entry())
        page.wait_for_selector(".rail-tab[data-tab=settings]")
        page.click(".rail-tab[data-tab=settings]")
        page.click("text=公司" if locale.startswith("zh") else "text=Company")
        page.wait_for_selector(".company-page")
        return app, page

    yield go
    for app, context in opened:
        context.close()
        app.stop()


@pytest.mark.browser
def test_a_person_sees_what_is_held_and_what_was_refused(visit):
    app, page = visit([signed(), signed("routes", key=Key())], root_keys=[KEY.public])
    page.wait_for_selector(".company-documents td:has-text('policy')")
    assert "everybody" in page.inner_text(".company-documents")
    assert "no pinned key" in page.inner_text(".company-refusals")
    app.service.texts = [signed(version=2, content={"x": "<img src=x onerror=alert(1)>"})]
    page.click(".company-look")
    page.wait_for_selector(".company-documents td:text-is('2')")
    page.wait_for_selector(".company-refusals", state="detached")
    app.service.down = True
    page.click(".company-look")
    page.wait_for_selector(".company-trouble:has-text('no connection')")


@pytest.mark.browser
def test_without_a_company_it_says_so_in_the_persons_language(visit):
    _, page = visit(locale="zh-CN")
    page.wait_for_selector(".company-none:has-text('没有设置公司')")
