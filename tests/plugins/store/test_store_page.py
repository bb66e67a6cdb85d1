"""The page of what is stored, in a real browser; and what people are told of repairs."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from tulou_store import plugin as store_plugin
from tulou_store.pages import StoragePages
from tulou_store.telling import Teller
from tulou_store.texts import TEXTS

from tulou import Composition, Kernel, Level, Plugin
from tulou_contracts.storage import Repair, Storage, StorageNearlyFull, StorageRepaired
from tulou_contracts.testing.storage import NOTES, add
from tulou_contracts.testing.ui import UiConformance
from tulou_contracts.ui import Shell


class TestPages(UiConformance):
    pages = StoragePages(None, None, None, None)

    def contributions(self):
        return self.pages.contribute_ui()


class Board:
    """Notices, once there are any pages."""

    def __init__(self):
        self.shown = []
        self.there = False

    def get(self):
        return self if self.there else None

    def show(self, notice):
        self.shown.append(notice)


def test_what_happened_before_there_were_pages_is_told_on_them():
    board = Board()
    teller = Teller(board)
    teller.tell(StorageRepaired(repair=Repair("p", "p.damaged-1", 7, ("im_message",))))
    teller.tell("another event")
    board.there = True
    teller.come()
    teller.tell(StorageNearlyFull(used=95 << 20, allowed=100 << 20))
    teller.come()
    assert [each.id for each in board.shown] == ["store.repaired", "store.nearly-full"]
    for texts in TEXTS:
        said = [texts.texts[each.text].format(**each.values) for each in board.shown]
        assert "im_message" in said[0] and "p.damaged-1" in said[0] and "95" in said[1]


@asynccontextmanager
async def guest(ctx):
    database = await ctx.service(Storage).database("kit", NOTES)
    await database.write(add("笔记"))
    yield


class App:
    """Shell, store and crypto in a kernel in a thread of its own."""

    def __init__(self, profile: Path, **config):
        for name in ("tulou_net", "tulou_shell", "tulou_crypto"):
            pytest.importorskip(name, reason="needs the rooms that pages stand on")
        self._profile, self._config = profile, config
        self._ready, self._error = threading.Event(), None
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()
        assert self._ready.wait(30)
        if self._error is not None:
            raise self._error

    def _main(self):
        async def main():
            composition = Composition.of("net", "shell", "crypto", "store", "guest")
            composition = composition.with_config("crypto", keyring="file")
            composition = composition.with_config("store", **self._config)
            composition = composition.with_config("shell", announce="nothing")
            room = Plugin(name="guest", run=guest, requires=(Storage,), level=Level.FEATURE)
            self._stop, self._token = trio.Event(), trio.lowlevel.current_trio_token()
            self.kernel = Kernel(composition, profile=self._profile, plugins=[store_plugin, room])
            async with self.kernel.running():
                self._ready.set()
                await self._stop.wait()

        try:
            trio.run(main)
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    def call(self, function):
        return trio.from_thread.run_sync(function, trio_token=self._token)

    def stop(self):
        self.call(self._stop.set)
        self._thread.join(20)


@pytest.fixture
def visit(chromium, tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    opened, complaints = [], []

    def go(locale="en-GB", width=1280, **config):
        app = App(tmp_path / "profile", **config)
        context = chromium.new_context(locale=locale, viewport={"width": width, "height": 800})
        opened.append((app, context))
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(app.call(lambda: app.kernel.service(Shell).entry_url()))
        page.wait_for_selector("tulou-sign-in, .frame")
        page.goto(app.call(lambda: app.kernel.service(Shell).url) + "/#/app/storage")
        page.wait_for_selector(".storage-total")
        return page

    yield go
    for app, context in opened:
        context.close()
        app.stop()
    assert complaints == []


@pytest.mark.browser
def test_a_backup_is_made_and_the_page_says_where(visit, tmp_path):
    page = visit()
    page.wait_for_selector(".storage-safety:has-text('not encrypted')")
    page.wait_for_selector(".storage-saved:text-is('never')")
    target = tmp_path / "home" / "备份 1.tulou-backup"
    page.fill("input[name=target]", str(target))
    page.click(".storage-backup button[type=submit]")
    page.wait_for_selector(f".storage-made:has-text('{target}'):has-text('not encrypted')")
    assert target.stat().st_size > 0
    page.wait_for_selector(".storage-saved:not(:text-is('never'))")
    page.fill("input[name=target]", str(target))
    page.click(".storage-backup button[type=submit]")
    page.wait_for_selector(".storage-backup .form-error:has-text('is there already')")
    page.fill("input[name=target]", "relative.tulou-backup")
    page.click(".storage-backup button[type=submit]")
    page.wait_for_selector(".storage-backup .form-error:has-text('from the root')")


@pytest.mark.browser
def test_an_encrypted_profile_shows_its_recovery_key_after_a_click(visit, tmp_path):
    page = visit("zh-CN", 390, encrypt=True, quota_mb=1)
    page.wait_for_selector(".storage-safety:has-text('已加密')")
    assert page.locator(".storage-key").count() == 0
    page.click(".storage-show")
    key = page.inner_text(".storage-key")
    assert len(key.replace("-", "")) == 55
    assert "上限 1 MiB" in page.inner_text(".storage-total")
    page.wait_for_selector(".storage-backup .field-hint:has-text('需要口令')")
    page.fill("input[name=passphrase]", "correct horse 电池")
    page.click(".storage-backup button[type=submit]")
    page.wait_for_selector(".storage-made:has-text('备份已写入')")
    assert list((tmp_path / "home").glob("*.tulou-backup"))
    assert page.input_value("input[name=passphrase]") == ""
    page.click(".storage-look")
    page.wait_for_selector(".storage-checked:has-text('没有发现问题')")
    assert page.evaluate("document.querySelector('.storage-page').scrollWidth <= innerWidth")
