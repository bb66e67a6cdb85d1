"""The company's routes: only in order, only to what is exported, and back when they are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import example, given
from hypothesis import strategies as st
from router_support import ANNA, Building, Person
from trio.testing import wait_all_tasks_blocked
from tulou_contracts.routing import (
    SIGNED_IN, Origin, Parameter, ParameterType, ParameterWrong, Route, RouteForbidden, RouteNotFound,
    RouteUnavailable, ToPage,
)
from tulou_router.pushed import DocumentWrong, aliases_of

CHAT = Route(name="shop.chat", path="chat/{address}", target=ToPage(page="chat"), exported=True, owner="shop",
             parameters={"address": Parameter(type=ParameterType.ADDRESS),
                         "topic": Parameter(optional=True, longest=10)})
SECRET = Route(name="shop.secret", path="secret", target=ToPage(page="secret"), owner="shop")


def help_to(address: str, path: str = "help/{topic}", **more: Any) -> Mapping[str, Any]:
    return {"routes": [{"path": path, "to": "shop.chat", "exported": True,
                        "parameters": {"address": address, "topic": "{topic}"}, **more}]}


class At:
    def __init__(self, folder: Path) -> None:
        self.building = Building(folder, [CHAT, SECRET], person=Person(ANNA, True))

    async def issue(self, *args: Any, **named: Any) -> None:
        self.building.office.issue(*args, **named)
        await wait_all_tasks_blocked()

    def pages(self) -> list[Any]:
        return [each[0].parameters for each in self.building.screen.presented]


@pytest.fixture
def at(tmp_path: Path) -> At:
    return At(tmp_path)


async def test_a_pushed_address_leads_to_a_registered_route(at: At) -> None:
    async with at.building.running() as router:
        await at.issue(1, help_to("help@acme.example"))
        await router.open("tulou://help/leave", origin=Origin.OUTSIDE)
        assert at.pages() == [{"address": "help@acme.example", "topic": "leave"}]
        [status] = [each for each in router.routes() if each.pushed]
        assert status.path == "help/{topic}" and status.exported
        with pytest.raises(ParameterWrong):
            await router.open("tulou://help/a-topic-that-is-too-long")
        with pytest.raises(ParameterWrong):
            await router.open("tulou://help/x?more=1")


async def test_a_pushed_address_cannot_reach_what_is_not_exported(at: At) -> None:
    async with at.building.running() as router:
        await at.issue(1, {"routes": [{"path": "way-in", "to": "shop.secret", "exported": True},
                                      {"path": "gone", "to": "left.route"}]})
        for origin in Origin:
            with pytest.raises(RouteForbidden):
                await router.open("tulou://way-in", origin=origin)
        with pytest.raises(RouteUnavailable):
            await router.open("tulou://gone")
        assert at.pages() == []


async def test_a_pushed_address_is_not_for_outside_unless_it_says_so(at: At) -> None:
    async with at.building.running() as router:
        await at.issue(1, help_to("help@acme.example", exported=False))
        with pytest.raises(RouteForbidden):
            await router.open("tulou://help/x", origin=Origin.OUTSIDE)
        await router.open("tulou://help/x")


async def test_plugins_keep_their_addresses(at: At) -> None:
    async with at.building.running() as router:
        await at.issue(1, help_to("evil@acme.example", path="chat/{topic}"))
        await router.open("tulou://chat/lin@acme.example")
        assert at.pages() == [{"address": "lin@acme.example"}]
        assert "chat/{topic}" in router.problems()[0]


async def test_its_guards_stand_before_the_routes_own(at: At, autojump_clock: Any) -> None:
    async with at.building.running() as router:
        await at.issue(1, help_to("help@acme.example", guards=["nobody-has-this"]))
        with pytest.raises(RouteForbidden):
            await router.open("tulou://help/x")
        at.building.person.signed_in = False
        await at.issue(2, help_to("help@acme.example", guards=[SIGNED_IN]))
        with pytest.raises(RouteForbidden, match="signed in"):
            await router.open("tulou://help/x")


async def test_a_document_that_is_wrong_leaves_the_version_before_also_after_a_restart(
    at: At, tmp_path: Path
) -> None:
    async with at.building.running() as router:
        await at.issue(6, help_to("six@acme.example"))
        await at.issue(7, help_to("seven@acme.example", path="help/../{topic}"))
        assert "version 7" in router.problems()[0] and "Version 6 holds on" in router.problems()[0]
        await router.open("tulou://help/x")
        assert at.pages()[-1]["address"] == "six@acme.example"
    again = At(tmp_path)
    again.building.office.held = at.building.office.held
    async with again.building.running() as router:
        await router.open("tulou://help/x")
        assert again.pages()[-1]["address"] == "six@acme.example"
        await again.issue(8, help_to("eight@acme.example"))
        await router.open("tulou://help/x")
        assert again.pages()[-1]["address"] == "eight@acme.example" and not router.problems()


async def test_the_company_can_go_back_to_a_version(at: At) -> None:
    async with at.building.running() as router:
        await at.issue(1, help_to("one@acme.example"))
        await at.issue(2, help_to("two@acme.example"))
        await at.issue(3, {"back_to": 1})
        await router.open("tulou://help/x")
        assert at.pages()[-1]["address"] == "one@acme.example"
        await at.issue(4, {"back_to": 99})
        assert "99" in router.problems()[0]
        await router.open("tulou://help/x")


async def test_going_back_holds_after_a_restart_and_after_many_versions(at: At, tmp_path: Path) -> None:
    async with at.building.running():
        await at.issue(1, help_to("one@acme.example"))
        for version in range(2, 7):
            await at.issue(version, {"back_to": 1} if version == 5 else help_to(f"v{version}@acme.example"))
        await at.issue(7, {"back_to": 5})  # 1 itself is forgotten by now
        for version in range(8, 12):
            await at.issue(version, {"back_to": version - 1})
    again = At(tmp_path)
    again.building.office.held = at.building.office.held
    async with again.building.running() as router:
        await router.open("tulou://help/x")
        assert again.pages()[-1]["address"] == "one@acme.example"


async def test_routes_are_over_when_their_time_is(at: At, autojump_clock: Any) -> None:
    async with at.building.running() as router:
        now = at.building.office.now()
        await at.issue(1, help_to("one@acme.example"), valid_until=now + 60_000_000)
        await router.open("tulou://help/x")
        await trio.sleep(61)
        with pytest.raises(RouteNotFound):
            await router.open("tulou://help/x")


async def test_withdrawn_and_out_of_date_leave_nothing(at: At) -> None:
    async with at.building.running() as router:
        await at.issue(1, help_to("one@acme.example"))
        await at.issue(2, None)
        with pytest.raises(RouteNotFound):
            await router.open("tulou://help/x")
        await at.issue(3, help_to("old@acme.example"), valid_until=1)
        with pytest.raises(RouteNotFound):
            await router.open("tulou://help/x")


async def test_versions_of_another_account_are_not_gone_back_to(at: At) -> None:
    async with at.building.running() as router:
        await at.issue(1, help_to("one@acme.example"), account=ANNA)
        await at.issue(2, {"nonsense": True}, account="lin@acme.example")
        with pytest.raises(RouteNotFound):
            await router.open("tulou://help/x")


GOOD = {"path": "a", "to": "x.y"}


@pytest.mark.parametrize("content", [
    {}, [], None, {"routes": {}}, {"routes": [7]}, {"routes": [GOOD], "more": 1}, {"routes": [GOOD] * 1001},
    {"routes": [GOOD, GOOD]}, {"routes": [{**GOOD, "function": "os.system"}]}, {"routes": [{"path": "a"}]},
    {"routes": [{**GOOD, "to": "tulou://x"}]}, {"routes": [{**GOOD, "to": ["x.y"]}]},
    {"routes": [{**GOOD, "path": "{all}"}]}, {"routes": [{**GOOD, "path": "a/" * 20 + "a"}]},
    {"routes": [{**GOOD, "path": 7}]}, {"routes": [{**GOOD, "exported": 1}]},
    {"routes": [{**GOOD, "parameters": {"a": 1}}]}, {"routes": [{**GOOD, "parameters": {"a b": "x"}}]},
    {"routes": [{**GOOD, "parameters": {"a": "x" * 2000}}]}, {"routes": [{**GOOD, "guards": "signed-in"}]},
    {"routes": [{**GOOD, "guards": ["x"] * 9}]}, {"routes": [{**GOOD, "title": "x" * 300}]},
])
def test_hostile_content_is_refused_in_words(content: Any) -> None:
    with pytest.raises(DocumentWrong, match="document|field"):
        aliases_of(content)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
                        ["routes", "path", "to", "parameters", "exported", "guards", "title", "x"]), inner))


@example({"routes": [{"path": []}]})
@given(JSON | JSON.map(lambda each: {"routes": [each]}))
def test_any_content_is_read_or_refused(content: Any) -> None:
    try:
        aliases_of(content)
    except DocumentWrong:
        pass
