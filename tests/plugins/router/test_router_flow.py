"""Addresses on their way: who is asked, who is waited for, and what fails closed."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from router_support import ANNA, Building, Person, contributor
from trio.testing import wait_all_tasks_blocked
from tulou_contracts.routing import (
    SIGNED_IN, Guard, Interceptor, Navigation, Origin, Redirect, Refuse, Route, RouteForbidden, RouteLoops,
    RouteNotFound, RoutesChanged, RouteUnavailable, ToFunction, ToPage, ToRoute, contribute_routes,
)

from tulou import Plugin, Restart, implements
from tulou.correlation import correlation

PAGE = Route(name="shop.page", path="page", target=ToPage(page="page"), exported=True, owner="shop")
MINE = Route(name="shop.mine", path="mine", target=ToPage(page="mine"), exported=True, owner="shop",
             guards=[SIGNED_IN])


async def yes(*args: Any) -> None:
    return None


async def no(*args: Any) -> Refuse:
    return Refuse(reason="Not today.")


# -- signing in --


async def test_an_address_goes_on_once_somebody_signed_in(tmp_path: Path, autojump_clock: Any) -> None:
    building = Building(tmp_path, [MINE])
    async with building.running() as router, trio.open_nursery() as nursery:
        nursery.start_soon(router.open, "tulou://mine")
        await trio.sleep(100)
        assert building.screen.presented == []
        await building.person.sign_in(ANNA)
        await wait_all_tasks_blocked()
        assert [each[0].page for each in building.screen.presented] == ["mine"]


@pytest.mark.parametrize("own", ["app.page", "shell.page"])
async def test_a_route_to_a_page_waits_as_the_page_itself_does(
    tmp_path: Path, autojump_clock: Any, own: str
) -> None:
    itself = Route(name=own, path="app/page", target=ToPage(page="page"), exported=True, guards=[SIGNED_IN])
    building = Building(tmp_path, [PAGE, itself])
    async with building.running() as router, trio.open_nursery() as nursery:
        nursery.start_soon(router.open, "tulou://page")
        await trio.sleep(100)
        assert building.screen.presented == []
        await building.person.sign_in(ANNA)
        await wait_all_tasks_blocked()
        assert [each[0].page for each in building.screen.presented] == ["page"]
        assert {each.name: each.guards for each in router.routes()}["shop.page"] == (SIGNED_IN,)


async def test_it_goes_on_for_the_same_account_only(tmp_path: Path, autojump_clock: Any) -> None:
    building = Building(tmp_path, [MINE], person=Person(ANNA))
    async with building.running() as router, trio.open_nursery() as nursery:
        async def opened() -> None:
            with pytest.raises(RouteForbidden, match=ANNA):
                await router.open("tulou://mine")

        nursery.start_soon(opened)
        await wait_all_tasks_blocked()
        await building.person.sign_in("lin@acme.example")
    assert building.screen.presented == []


async def test_waiting_for_a_person_has_an_end(tmp_path: Path, autojump_clock: Any) -> None:
    building = Building(tmp_path, [MINE], config={"sign_in_patience": 60.0})
    async with building.running() as router:
        before = trio.current_time()
        with pytest.raises(RouteForbidden, match="signed in"):
            await router.open("tulou://mine")
        assert trio.current_time() - before == pytest.approx(60, abs=1)


async def test_a_navigation_that_waits_can_be_cancelled(tmp_path: Path, autojump_clock: Any) -> None:
    building = Building(tmp_path, [MINE])
    async with building.running() as router:
        with trio.move_on_after(5) as scope:
            await router.open("tulou://mine")
        assert scope.cancelled_caught
        await building.person.sign_in(ANNA)
        await wait_all_tasks_blocked()
        assert building.screen.presented == []


async def test_who_changes_the_account_while_guards_think_does_not_get_the_page(
    tmp_path: Path, autojump_clock: Any
) -> None:
    building = Building(tmp_path, [MINE], person=Person(ANNA, True))

    async def slow(navigation: Navigation) -> None:
        await building.person.sign_in("lin@acme.example")

    building.plugins.append(contributor("slow", Interceptor(name="slow", intercept=slow, owner="slow")))
    async with building.running() as router:
        with pytest.raises(RouteForbidden, match="another account"):
            await router.open("tulou://mine")


async def test_after_the_wait_everything_is_decided_anew(tmp_path: Path, autojump_clock: Any) -> None:
    building = Building(tmp_path, [MINE])
    async with building.running() as router, trio.open_nursery() as nursery:
        async def opened() -> None:
            with pytest.raises(RouteUnavailable):
                await router.open("tulou://mine")

        nursery.start_soon(opened)
        await wait_all_tasks_blocked()
        await building.kernel.disable("shop")
        await building.person.sign_in(ANNA)
    assert building.screen.presented == []


# -- starting --


async def test_an_address_at_a_cold_start_waits_until_everybody_is_up(
    tmp_path: Path, autojump_clock: Any
) -> None:
    late = Route(name="late.page", path="late", target=ToPage(page="late"), owner="late")
    building = Building(tmp_path, [PAGE], ready=False, plugins=[
        contributor("late", late, Interceptor(name="late", intercept=yes, owner="late"),
                    start=lambda: trio.sleep(20))])
    async with building.running() as router:
        await router.open("tulou://late")
        assert building.screen.presented[0][0].page == "late"


async def test_while_an_interceptor_is_starting_nothing_passes_and_waiting_has_an_end(
    tmp_path: Path, autojump_clock: Any
) -> None:
    pauses = [0.0, 25.0, 3.0]
    strict = contributor("strict", Interceptor(name="strict", intercept=no, owner="strict"),
                         start=lambda: trio.sleep(pauses.pop(0)))
    building = Building(tmp_path, [PAGE], plugins=[strict], config={"start_patience": 5.0})
    async with building.running() as router, trio.open_nursery() as nursery:
        for error, match in ((RouteUnavailable, "'strict' is still starting"), (RouteForbidden, "Not today")):
            await building.kernel.disable("strict")
            nursery.start_soon(building.kernel.enable, "strict")
            await wait_all_tasks_blocked()
            with pytest.raises(error, match=match):
                await router.open("tulou://page")
            await trio.sleep(30)
    assert building.screen.presented == []


async def test_a_plugin_that_waits_for_one_that_will_not_come_holds_up_nobody(
    tmp_path: Path, autojump_clock: Any
) -> None:
    class Wanted:
        """A contract that its only provider never offers."""

    @asynccontextmanager
    async def broken(ctx: Any) -> Any:
        raise RuntimeError("on purpose")
        yield

    @asynccontextmanager
    async def never(ctx: Any) -> Any:
        yield

    building = Building(tmp_path, [PAGE], ready=False, plugins=[
        Plugin(name="broken", run=broken, provides=(Wanted,), restart=Restart(attempts=0)),
        Plugin(name="waits", run=never, requires=(Wanted,))])
    async with building.running() as router:
        before = trio.current_time()
        await router.open("tulou://page")
        assert trio.current_time() - before < 5


async def test_an_interceptor_whose_plugin_failed_stays_in_force_also_after_a_restart(
    tmp_path: Path, autojump_clock: Any, caplog: Any
) -> None:
    fine = contributor("strict", Interceptor(name="strict", intercept=yes, owner="strict"))
    async with Building(tmp_path, [PAGE], plugins=[fine]).running() as router:
        await router.open("tulou://page")

    async def broken() -> None:
        raise RuntimeError("broken at start")

    bad = contributor("strict", Interceptor(name="strict", intercept=yes, owner="strict"), start=broken)
    building = Building(tmp_path, [PAGE], plugins=[bad])
    building.ready = False
    async with building.running() as router:
        await trio.sleep(120)  # its attempts are used up
        with pytest.raises(RouteForbidden, match="strict"):
            await router.open("tulou://page")
        assert building.screen.presented == []
        await building.kernel.disable("strict")  # a person takes the responsibility
        await router.open("tulou://page")
    async with Building(tmp_path, [PAGE]).running() as router:
        await router.open("tulou://page")


async def test_a_plugin_that_fails_to_say_what_it_registers_does_not_lose_its_interceptor(
    tmp_path: Path, autojump_clock: Any
) -> None:
    class Fickle:
        broken = False

        @implements(contribute_routes)
        def contribute_routes(self) -> Any:
            if self.broken:
                raise RuntimeError("on purpose")
            return [Interceptor(name="fickle", intercept=yes, owner="fickle")]

    fickle = Fickle()

    @asynccontextmanager
    async def run(ctx: Any) -> Any:
        ctx.implement(fickle)
        yield

    building = Building(tmp_path, [PAGE], plugins=[Plugin(name="fickle", run=run)])
    async with building.running() as router:
        await router.open("tulou://page")
        fickle.broken = True
        building.kernel.publish(RoutesChanged())
        await wait_all_tasks_blocked()
        with pytest.raises(RouteForbidden, match="fickle"):
            await router.open("tulou://page")
        fickle.broken = False
        building.kernel.publish(RoutesChanged())
        await wait_all_tasks_blocked()
        await router.open("tulou://page")


async def test_an_interceptor_that_is_required_and_never_came(tmp_path: Path, autojump_clock: Any) -> None:
    async with Building(tmp_path, [PAGE], config={"required": ["policy"]}, ready=False).running() as router:
        with pytest.raises(RouteForbidden, match="policy"):
            await router.open("tulou://page")


async def test_who_takes_too_long_to_decide_has_said_no(tmp_path: Path, autojump_clock: Any) -> None:
    async def never(*args: Any) -> None:
        await trio.sleep_forever()

    guarded = Route(name="shop.g", path="g", target=ToPage(page="g"), guards=["slow"])
    building = Building(tmp_path, [guarded, Guard(name="slow", check=never)])
    async with building.running() as router:
        with pytest.raises(RouteForbidden, match="10 s"):
            await router.open("tulou://g")


# -- plugins that leave --


async def test_a_plugin_that_left_is_told_apart_from_an_address_that_never_was(
    tmp_path: Path, autojump_clock: Any
) -> None:
    building = Building(tmp_path, [PAGE])
    async with building.running() as router:
        await building.kernel.disable("shop")
        await wait_all_tasks_blocked()
        with pytest.raises(RouteUnavailable, match="'shop' is not here"):
            await router.open("tulou://page")
        with pytest.raises(RouteNotFound):
            await router.open("tulou://pages")
        [status] = router.routes()
        assert not status.available and status.owner == "shop"
        await building.kernel.enable("shop")
        await router.open("tulou://page")
    async with Building(tmp_path, []).running() as router:  # uninstalled by now
        with pytest.raises(RouteUnavailable):
            await router.open("tulou://page", origin=Origin.OUTSIDE)


async def test_a_plugin_that_failed_is_told_as_one_that_failed(tmp_path: Path, autojump_clock: Any) -> None:
    route = Route(name="late.page", path="late", target=ToPage(page="late"), owner="late")
    async with Building(tmp_path, plugins=[contributor("late", route)]).running() as router:
        await router.open("tulou://late")

    async def broken() -> None:
        raise RuntimeError("broken at start")

    building = Building(tmp_path, plugins=[contributor("late", route, start=broken)], ready=False)
    async with building.running() as router:
        await trio.sleep(120)  # its attempts are used up
        with pytest.raises(RouteUnavailable, match="the plugin 'late' has failed; the log says why"):
            await router.open("tulou://late")


async def test_a_page_that_nobody_shows_is_unavailable(tmp_path: Path, autojump_clock: Any) -> None:
    building = Building(tmp_path, [PAGE])
    building.screen.lacking.add("page")
    async with building.running() as router:
        with pytest.raises(RouteUnavailable):
            await router.open("tulou://page")


# -- circles and depth --


async def test_a_long_way_and_a_wide_circle_both_end(tmp_path: Path, autojump_clock: Any) -> None:
    steps = [Route(name=f"shop.s{n}", path=f"s{n}", target=ToRoute(path=f"s{n + 1}")) for n in range(30)]
    growing = Route(name="shop.grow", path="grow", target=ToPage(page="x"), any_parameters=True)

    async def more(navigation: Navigation) -> Redirect | None:
        return Redirect(url=navigation.url + "1") if navigation.route == "shop.grow" else None

    building = Building(tmp_path, [*steps, growing, Interceptor(name="more", intercept=more)])
    async with building.running() as router:
        for url in ("tulou://s0", "tulou://grow?n=1"):
            with pytest.raises(RouteLoops):
                await router.open(url)
        assert building.screen.presented == []


async def test_a_redirection_to_elsewhere_or_inside_gains_nothing(
    tmp_path: Path, autojump_clock: Any
) -> None:
    secret = Route(name="shop.secret", path="secret", target=ToPage(page="secret"))
    goals = iter(["https://evil.example/", "tulou://secret"])

    async def lead(navigation: Navigation) -> Redirect | None:
        return Redirect(url=next(goals)) if navigation.route == "shop.page" else None

    building = Building(tmp_path, [PAGE, secret, Interceptor(name="lead", intercept=lead)])
    async with building.running() as router:
        for _ in range(2):
            with pytest.raises(Exception, match="no address|outside"):
                await router.open("tulou://page", origin=Origin.OUTSIDE)
        assert building.screen.presented == []


async def test_what_is_open_at_the_same_time_is_bounded(tmp_path: Path, autojump_clock: Any) -> None:
    async def long(navigation: Navigation) -> None:
        await trio.sleep_forever()

    building = Building(tmp_path, [Route(name="shop.long", path="long", target=ToFunction(function=long))])
    async with building.running() as router, trio.open_nursery() as nursery:
        for _ in range(64):
            nursery.start_soon(router.open, "tulou://long")
        await wait_all_tasks_blocked()
        with pytest.raises(RouteUnavailable):
            await router.open("tulou://long")
        nursery.cancel_scope.cancel()


async def test_a_navigation_is_one_act(tmp_path: Path, autojump_clock: Any) -> None:
    seen = []

    async def note(navigation: Navigation) -> None:
        seen.append(correlation())

    building = Building(tmp_path, [Route(name="shop.f", path="f", target=ToFunction(function=note)),
                                   Interceptor(name="note", intercept=note)])
    async with building.running() as router:
        await router.open("tulou://f")
    assert seen[0] == seen[1] != ""


async def test_an_error_of_a_function_is_the_callers(tmp_path: Path, autojump_clock: Any) -> None:
    async def fail(navigation: Navigation) -> None:
        raise LookupError("mine")

    async with Building(tmp_path, [Route(name="shop.f", path="f", target=ToFunction(function=fail))]
                        ).running() as router:
        with pytest.raises(LookupError):
            await router.open("tulou://f")


# -- wrong registrations --


@pytest.mark.parametrize("wrong", [
    Route(name="X", path="x", target=ToPage(page="x")),
    Route(name="shop.x", path="", target=ToPage(page="x")),
    Route(name="shop.x", path="{all}", target=ToPage(page="x")),
    Route(name="shop.x", path="x", target="page"),
    Route(name="shop.x", path="x", target=ToRoute(path="y/{z}")),
    Route(name="shop.x", path="x", target=ToRoute(path="{x}")),
    Route(name="shop.x", path="x", target=ToPage(page="x"), exported="yes"),
    Route(name="shop.x", path="x", target=ToPage(page="x"), guards="signed-in"),
    Route(name="shop.x", path="page", target=ToPage(page="x")),
    Route(name="shop.page", path="x", target=ToPage(page="x")),
    Guard(name=SIGNED_IN, check=yes), Guard(name="a:b", check=yes), "route", None, 7,
])  # type: ignore[arg-type]
async def test_a_wrong_contribution_is_told_and_spoils_no_other(tmp_path: Path, wrong: Any) -> None:
    building = Building(tmp_path, [PAGE, wrong])
    async with building.running() as router:
        assert len(router.problems()) == 1 and router.problems()[0].endswith(".")
        await router.open("tulou://page")


async def test_what_is_remembered_may_be_damaged(tmp_path: Path, autojump_clock: Any) -> None:
    folder = tmp_path / "profile" / "router"
    folder.mkdir(parents=True)
    for damage in ("", "{", "[]", '{"interceptors": [], "routes": 7}', "\x00" * 50,
                   json.dumps({"interceptors": {}, "routes": [{"name": "a.b", "path": "//", "owner": "",
                                                               "exported": 1}]})):
        (folder / "known.json").write_text(damage)
        (folder / "company.json").write_text(damage)
        async with Building(tmp_path, [PAGE]).running() as router:
            await router.open("tulou://page")


async def test_a_folder_that_cannot_be_written_is_no_obstacle(
    tmp_path: Path, autojump_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tulou_router.memory

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tulou_router.memory, "_replace", full)
    async with Building(tmp_path, [PAGE]).running() as router:
        await router.open("tulou://page")
