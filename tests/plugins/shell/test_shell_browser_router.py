"""The shell and the real router in a real browser: signing in on the way, panes by device, leaving."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from shell_diary import diary_on
from shell_fakes import BO, ME, Room, furnished, until
from tulou_contracts.routing import (
    Origin, Route, RouteForbidden, Router, RouteUnavailable, ToPage, contribute_routes,
)

from tulou import Context, Plugin, implements
from tulou_shell.handover import hand_over

pytestmark = pytest.mark.browser
router_package = pytest.importorskip("tulou_router", reason="needs router")
CHAT = f"tulou://chat/{BO}"


def signed_out(room: Room) -> None:
    furnished(room)
    room.signed_in = False


def with_router(*plugins: Any) -> Any:
    return {"plugins": [router_package.plugin, *plugins]}


@pytest.fixture
def diary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    yield from diary_on(tmp_path, monkeypatch)


def test_an_address_waits_for_the_person_and_goes_on(start: Any, visit: Any) -> None:
    app = start(signed_out, **with_router())
    link = hand_over(app.profile / "shell", CHAT).link
    page = visit(app, link=link)
    page.fill("input[name=password]", "geheim")
    page.click("tulou-sign-in button[type=submit]")
    until(page, "location.hash.startsWith('#/chats/bowen')")
    page.wait_for_selector("tulou-conversation")


class Entries:
    """An address of one's own for a page, as the documentation writes it: without a guard."""

    @implements(contribute_routes)
    def contribute_routes(self) -> Any:
        return [Route(name="diary.entry", path="entry/{q}", target=ToPage(page="diary"), exported=True)]


@asynccontextmanager
async def entries(ctx: Context) -> AsyncIterator[None]:
    ctx.implement(Entries())
    yield


def test_an_address_of_a_plugins_own_route_waits_as_well(start: Any, visit: Any, diary: Any) -> None:
    app = start(signed_out, **with_router(diary[1], Plugin(name="entries", run=entries)))
    page = visit(app, link=hand_over(app.profile / "shell", "tulou://entry/%E5%8C%97%E4%BA%AC").link)
    page.wait_for_selector("tulou-sign-in")
    page.fill("input[name=password]", "geheim")
    page.click("tulou-sign-in button[type=submit]")
    page.wait_for_selector('.shown:text-is(\'{"q":"北京"}\')')


@pytest.mark.parametrize("width", [1280, 390])
def test_who_arrives_sees_no_ring_and_who_uses_the_keyboard_sees_one_at_the_control(
    start: Any, visit: Any, diary: Any, width: int
) -> None:
    rings = """() => [...document.querySelectorAll("*")].filter((each) =>
        getComputedStyle(each).outlineStyle !== "none").map((each) => each.className)"""
    app = start(furnished, **with_router(diary[1], Plugin(name="entries", run=entries)))
    page = visit(app, link=hand_over(app.profile / "shell", "tulou://entry/1").link, width=width)
    page.wait_for_selector(".page-body .card")
    until(page, "document.activeElement.matches('.page-body')")  # for the keys that scroll
    assert page.evaluate(rings) == []
    page.keyboard.press("Tab")
    assert page.evaluate(rings) == ["button"]


def test_the_shells_places_are_routes_like_anybodys(start: Any, visit: Any, diary: Any) -> None:
    app = start(furnished, **with_router(diary[1]))
    page = visit(app)
    router = app.call(lambda: app.kernel.service(Router))
    for url, hash_ in ((CHAT, "#/chats/bowen"), (f"tulou://contact/{BO}", "#/contacts/bowen"),
                       ("tulou://settings", "#/settings"), ("tulou://app/diary?q=1", "#/app/diary?q=1"),
                       ("tulou://contacts", "#/contacts"), ("tulou://chats", "#/chats")):
        app.call_async(router.open, url)
        until(page, f"location.hash.startsWith({hash_!r})")
    known = {each.name: each for each in app.call(router.routes)}
    assert known["shell.chat"].exported and not known["shell.settings"].exported
    assert known["app.diary"].owner == "diary-of-test" and not known["app.diary"].exported

    async def outside() -> None:
        await router.open("tulou://app/diary", origin=Origin.OUTSIDE)

    with pytest.raises(RouteForbidden):
        app.call_async(outside)


def test_a_page_whose_plugin_left_is_told_and_its_link_says_so(start: Any, visit: Any, diary: Any) -> None:
    app = start(furnished, **with_router(diary[1]))
    page = visit(app, "/#/app/diary")
    page.wait_for_selector(".page-body .card")
    app.call_async(app.kernel.disable, "diary")
    page.wait_for_selector(".empty-title:text-is('这个页面不在这里')")
    router = app.call(lambda: app.kernel.service(Router))
    for _ in range(200):
        if not app.call(router.leads, "tulou://app/diary"):
            break
        page.wait_for_timeout(20)
    with pytest.raises(RouteUnavailable):
        app.call_async(router.open, "tulou://app/diary")
    app.call_async(app.kernel.disable, "router")  # and without the router the app goes on
    app.call(app.room.add, BO, f"见 {CHAT}")
    page.goto(app.url + f"/#/chats/{BO.replace('@', '%40')}")
    page.locator("a.inside-link").last.click()
    page.goto(app.url + "/#/contacts")
    until(page, "location.hash === '#/contacts'")


@pytest.mark.parametrize("device, width, visible", [
    ("pc", 1440, {"tulou-conversation-list", "tulou-conversation", ".beside tulou-page"}),
    ("pc", 1000, {"tulou-conversation-list", ".beside tulou-page"}),
    ("pad", 1440, {"tulou-conversation-list", ".beside tulou-page"}),
    ("phone", 1440, {".beside tulou-page"}),
    ("pc", 390, {".beside tulou-page"}),
])
def test_panes_go_by_device_and_by_width(
    start: Any, visit: Any, diary: Any, device: str, width: int, visible: set[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr("tulou_shell.service._device_name", lambda ctx: device)
    app = start(furnished, **with_router(diary[1]))
    page = visit(app, f"/#/chats/{BO.replace('@', '%40')}/app/diary-aside?q=1", width=width, height=800)
    page.wait_for_selector(".beside .card")
    shown = {each for each in ("tulou-conversation-list", "tulou-conversation", ".beside tulou-page")
             if page.locator(each).is_visible()}
    assert shown == visible
    page.keyboard.press("Escape")
    until(page, "!location.hash.includes('/app/')")


def test_an_intent_of_a_page_goes_beside_on_a_pc_and_instead_on_a_pad(
    start: Any, visit: Any, diary: Any, monkeypatch: Any
) -> None:
    for device, beside in (("pc", True), ("pad", False)):
        monkeypatch.setattr("tulou_shell.service._device_name", lambda ctx, device=device: device)
        app = start(furnished, **with_router(diary[1]))
        page = visit(app, f"/#/chats/{BO.replace('@', '%40')}", width=1440)
        page.wait_for_selector("tulou-conversation")
        router = app.call(lambda app=app: app.kernel.service(Router))
        app.call_async(router.open, "tulou://app/diary-aside?from=1")
        page.wait_for_selector("tulou-page .card")
        assert page.evaluate("location.hash.startsWith('#/chats/')") is beside
        page.go_back()
        until(page, "location.hash.startsWith('#/chats/bowen') && !location.hash.includes('/app/')")


def test_who_it_is_for(start: Any) -> None:
    app = start(furnished, **with_router())
    assert hand_over(app.profile / "shell", CHAT, ME).link
