"""What pages tell of the machine: its network, its clock; and which pages are counted as opened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shell_diary import Diary, diary_on
from shell_fakes import furnished
from tulou_contracts.network_state import (
    ClockSkewed, NetworkMonitor, NetworkState, NetworkStateChanged, Reach,
)
from tulou_contracts.routing import RoutingError
from tulou_contracts.tracking import Tracker
from tulou_contracts.transport import ConnectionState
from tulou_contracts.ui import Notice, Notices

from tulou import Plugin
from tulou.testing import fake
from tulou_shell.opening import place_of

pytestmark = pytest.mark.browser


class Network:
    """A monitor that is told what to see."""

    def __init__(self) -> None:
        self.state = NetworkState(reach=Reach.UP)

    async def look(self) -> NetworkState:
        return self.state


class Counter:
    """A tracker that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def track(self, name: str, /, **fields: Any) -> None:
        self.told.append((name, fields))


@pytest.fixture
def diary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Diary, Plugin]]:
    yield from diary_on(tmp_path, monkeypatch)


def see(app: Any, network: Network, reach: Reach, detail: str = "") -> None:
    network.state = NetworkState(reach=reach, detail=detail)
    app.call(app.kernel.publish, NetworkStateChanged(state=network.state))


def test_a_missing_network_is_named_instead_of_the_server(start: Any, visit: Any) -> None:
    network = Network()
    app = start(furnished, plugins=[fake(NetworkMonitor, network, rank=1)])
    page = visit(app)
    app.call(app.room.connection, ConnectionState.WAITING, "unreachable", 30.0)
    page.wait_for_selector(".bar:has-text('无法连接服务器')")
    see(app, network, Reach.DOWN)
    page.wait_for_selector(".bar:has-text('没有联网')")
    see(app, network, Reach.CAPTIVE, "http://login.example/")
    page.wait_for_selector(".bar:has-text('先登录'):has-text('http://login.example/')")
    see(app, network, Reach.UP)
    page.wait_for_selector(".bar:has-text('无法连接服务器')")


def test_a_connection_that_works_is_believed_more_than_the_network(start: Any, visit: Any) -> None:
    network = Network()
    network.state = NetworkState(reach=Reach.DOWN)  # the server may be on this very machine
    page = visit(start(furnished, plugins=[fake(NetworkMonitor, network, rank=1)]))
    page.wait_for_selector(".item")
    assert page.locator(".bar").count() == 0


@pytest.mark.parametrize(("language", "late", "early"), [
    ("zh-CN", "慢了约 5 分钟", "快了约 60 分钟"), ("en-GB", "about 5 minutes late", "about 60 minutes early"),
])
def test_a_wrong_clock_is_told_until_it_is_right(
    start: Any, visit: Any, language: str, late: str, early: str
) -> None:
    app = start(furnished)
    page = visit(app, language=language)
    app.call(app.kernel.publish, ClockSkewed(seconds=300.0))
    page.wait_for_selector(f".notice:has-text('{late}')")
    app.call(app.kernel.publish, ClockSkewed(seconds=-3600.0))
    page.wait_for_selector(f".notice:has-text('{early}')")
    assert page.locator(".notice").count() == 1
    app.call(app.kernel.publish, ClockSkewed(seconds=0.0))
    page.wait_for_selector(".notice", state="detached")


def test_values_of_a_notice_stand_in_its_words(start: Any, visit: Any) -> None:
    app = start(furnished)
    page = visit(app)
    app.call(app.kernel.service(Notices).show,
             Notice(id="a", title="到 {where}", text="{x} {gone}", values={"where": "/家/{x}", "x": "<b>"}))
    page.wait_for_selector(".notice-title:text-is('到 /家/{x}')")
    assert page.inner_text(".notice-text") == "<b> {gone}"


def test_a_plugins_page_is_counted_by_its_name(start: Any, visit: Any, diary: Any) -> None:
    counter = Counter()
    app = start(furnished, plugins=[diary[1], fake(Tracker, counter)])
    page = visit(app, "/#/app/diary?q=secret")
    page.wait_for_selector("tulou-page .page-body > :not(.page-loading)")
    for _ in range(200):
        if counter.told:
            break
        page.wait_for_timeout(20)
    assert counter.told == [("shell.page-opened", {"page": "diary"})]


@pytest.mark.parametrize(("url", "outside", "chinese"), [
    ("tulou://nowhere/at", False, "应用里没有 tulou://nowhere/at 这个地址。"),
    ("tulou://settings", True, "tulou://settings 不允许从应用外部打开。"),
    ("tulou://app/gone", False, "页面“gone”不在这里：对应的插件没有运行。"),
])
def test_refusals_are_said_in_chinese(
    start: Any, visit: Any, url: str, outside: bool, chinese: str
) -> None:
    page = visit(start(furnished))
    with pytest.raises(RoutingError) as caught:
        place_of(url, [], outside=outside)
    assert _refusal(page, str(caught.value)) == chinese


def test_refusals_of_the_router_are_said_in_chinese_and_others_stay(start: Any, visit: Any) -> None:
    page = visit(start(furnished))
    assert _refusal(page, "tulou://x cannot be opened now: the plugin 'log' is not here.") \
        == "现在打不开 tulou://x：插件“log”没有运行。"
    assert _refusal(page, "Not opened: nobody signed in for that.") == "没有打开：没有人登录。"
    assert _refusal(page, "The route log.open needs the parameter 'id'.") == "log.open 缺少参数“id”。"
    assert _refusal(page, "Your boss says no.") is None


def _refusal(page: Any, text: str) -> Any:
    return page.evaluate(
        "async (text) => (await import('/plugins/tulou_shell/refusals.js')).refusal(text)", text)
