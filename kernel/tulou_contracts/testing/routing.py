"""Conformance of a router, and a router in memory for other rooms' tests.

    class TestMine(RouterConformance):
        @asynccontextmanager
        async def open(self, *contributions):
            ...
            yield RouterEnds(router, presented)
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode

import pytest
import trio

from tulou_contracts.routing import (
    SIGNED_IN, AddressWrong, Guard, Interceptor, Navigation, Origin, Outcome, PageIntent, Parameter,
    ParameterType, ParameterWrong, Presenter, Redirect, Refuse, Route, RouteContribution,
    RouteForbidden, RouteLoops, RouteNotFound, Router, RouteStatus, RouteUnavailable, ToFunction,
    ToPage, ToRoute,
)

Presented = list[tuple[PageIntent, str]]


class RouterEnds(NamedTuple):
    """A router that is ready, and what was presented: intent and place."""

    router: Router
    presented: Presented


async def told(navigation: Navigation) -> Any:
    """A target that answers what it got."""
    return dict(navigation.parameters), navigation.origin


CHAT = Route(
    name="shop.chat", path="chat/{address}", target=ToPage(page="chat"), exported=True, owner="shop",
    parameters={"address": Parameter(type=ParameterType.ADDRESS)},
)
BUY = Route(
    name="shop.buy", path="shop/buy/{thing}", target=ToFunction(function=told), owner="shop",
    parameters={"count": Parameter(type=ParameterType.INTEGER, default=1, least=1, most=9),
                "gift": Parameter(type=ParameterType.FLAG, optional=True)},
)
NEWS = Route(name="shop.news", path="shop/news", target=ToPage(page="news"), any_parameters=True)
OLD = Route(name="shop.old", path="old/{address}", target=ToRoute(path="chat/{address}"), exported=True)
BACK = Route(name="shop.back", path="back", target=ToRoute(path="shop/buy/x"), exported=True)
ROUND = Route(name="shop.round", path="round/{n}", target=ToRoute(path="round-again/{n}"))
AGAIN = Route(name="shop.again", path="round-again/{n}", target=ToRoute(path="round/{n}"))
ALL = (CHAT, BUY, NEWS, OLD, BACK, ROUND, AGAIN)


class RouterConformance:
    """What every router owes those who register and those who open."""

    def open(self, *contributions: RouteContribution) -> AbstractAsyncContextManager[RouterEnds]:
        """A router with these registered; nobody is signed in."""
        raise NotImplementedError

    async def test_a_page_is_presented_where_it_was_asked_for(self) -> None:
        async with self.open(*ALL) as (router, presented):
            outcome = await router.open("tulou://chat/anna@acme.example", at="page-7")
            assert outcome.route == "shop.chat" and outcome.intent is not None and outcome.result is None
            assert presented == [(outcome.intent, "page-7")]
            assert outcome.intent.page == "chat"
            assert outcome.intent.parameters == {"address": "anna@acme.example"}

    async def test_a_function_answers_with_parameters_of_their_types(self) -> None:
        async with self.open(*ALL) as (router, presented):
            outcome = await router.open("tulou://shop/buy/%E8%8C%B6?count=3&gift=true")
            assert outcome.result == ({"thing": "茶", "count": 3, "gift": True}, Origin.INSIDE)
            plain = await router.open("tulou://shop/buy/x")
            assert plain.result == ({"thing": "x", "count": 1}, Origin.INSIDE)
            assert presented == []

    @pytest.mark.parametrize("url", [
        "tulou://shop/buy/x?count=0", "tulou://shop/buy/x?count=10", "tulou://shop/buy/x?count=1.5",
        "tulou://shop/buy/x?count=", "tulou://shop/buy/x?count=٣", "tulou://shop/buy/x?gift=maybe",
        "tulou://shop/buy/x?price=1", "tulou://chat/nobody", "tulou://chat/a%20b@acme.example",
        "tulou://chat/a@b@c", "tulou://chat/a@b%2Fresource",
    ])
    async def test_wrong_parameters_reach_nobody(self, url: str) -> None:
        async with self.open(*ALL) as (router, presented):
            with pytest.raises(ParameterWrong):
                await router.open(url)
            assert presented == []

    @pytest.mark.parametrize("url", ["", "chat/anna@acme.example", "https://acme.example/chat/a@b",
                                     "javascript:alert(1)", "tulou:chat", "tulou://" + "a" * 10_000])
    async def test_what_is_no_address_is_refused(self, url: str) -> None:
        async with self.open(*ALL) as (router, _):
            with pytest.raises(AddressWrong):
                await router.open(url)
            assert not router.leads(url)

    async def test_unknown_addresses_are_not_found(self) -> None:
        async with self.open(*ALL) as (router, _):
            for url in ("tulou://nowhere", "tulou://chat", "tulou://shop", "tulou://shop/buy/x/y"):
                with pytest.raises(RouteNotFound):
                    await router.open(url)
                assert not router.leads(url)

    async def test_outside_reaches_exported_routes_only(self) -> None:
        async with self.open(*ALL) as (router, presented):
            await router.open("tulou://chat/anna@acme.example", origin=Origin.OUTSIDE)
            await router.open("tulou://old/anna@acme.example", origin=Origin.OUTSIDE)
            assert len(presented) == 2
            for url in ("tulou://shop/news", "tulou://shop/buy/x", "tulou://back"):
                with pytest.raises(RouteForbidden):
                    await router.open(url, origin=Origin.OUTSIDE)
            assert not router.leads("tulou://shop/news", origin=Origin.OUTSIDE)
            assert router.leads("tulou://shop/news") and len(presented) == 2

    async def test_circles_end(self) -> None:
        async with self.open(*ALL) as (router, _):
            with pytest.raises(RouteLoops):
                await router.open("tulou://round/1")

    async def test_what_opens_itself_ends(self) -> None:
        routers: list[Router] = []

        async def again(navigation: Navigation) -> Any:
            return (await routers[0].open(navigation.url)).result

        route = Route(name="shop.self", path="self", target=ToFunction(function=again))
        async with self.open(route) as (router, _):
            routers.append(router)
            with pytest.raises(RouteLoops):
                await router.open("tulou://self")

    async def test_interceptors_are_asked_by_priority_and_may_refuse_or_lead_elsewhere(self) -> None:
        asked: list[str] = []

        def one(name: str, answer: Any) -> Callable[[Navigation], Awaitable[Any]]:
            async def intercept(navigation: Navigation) -> Any:
                asked.append(name)
                return answer if navigation.route == "shop.news" else None
            return intercept

        low = Interceptor(name="low", intercept=one("low", Refuse(reason="No news today.")))
        high = Interceptor(name="high", priority=9,
                           intercept=one("high", Redirect(url="tulou://chat/a@acme.example")))
        async with self.open(*ALL, low, high) as (router, presented):
            await router.open("tulou://shop/news")
            assert asked == ["high", "high", "low"] and presented[0][0].page == "chat"
        async with self.open(*ALL, low) as (router, presented):
            with pytest.raises(RouteForbidden, match="No news today"):
                await router.open("tulou://shop/news")
            assert presented == []

    async def test_what_cannot_decide_says_no(self) -> None:
        async def broken(*args: Any) -> Any:
            raise RuntimeError("broken")

        async def odd(*args: Any) -> Any:
            return True

        for wrong in (broken, odd):
            async with self.open(CHAT, Interceptor(name="x", intercept=wrong)) as (router, presented):
                with pytest.raises(RouteForbidden):
                    await router.open("tulou://chat/a@acme.example")
                assert presented == []
            guarded = Route(name="shop.g", path="g", target=ToPage(page="g"), guards=["x"])
            async with self.open(guarded, Guard(name="x", check=wrong)) as (router, presented):
                with pytest.raises(RouteForbidden):
                    await router.open("tulou://g")
                assert presented == []

    async def test_guards_decide_over_routes_that_name_them(self) -> None:
        async def check(navigation: Navigation, detail: str) -> str | None:
            return None if detail == "read" else f"You may not {detail}."

        routes = [Route(name=f"shop.{each}", path=each, target=ToPage(page=each), guards=[f"may:{each}"])
                  for each in ("read", "write")]
        absent = Route(name="shop.absent", path="absent", target=ToPage(page="x"), guards=["nobody"])
        async with self.open(*routes, absent, Guard(name="may", check=check)) as (router, presented):
            await router.open("tulou://read")
            with pytest.raises(RouteForbidden, match="may not write"):
                await router.open("tulou://write")
            with pytest.raises(RouteForbidden):
                await router.open("tulou://absent")
            assert [each[0].page for each in presented] == ["read"]

    async def test_nobody_is_signed_in_so_nothing_that_wants_it_opens(self, autojump_clock: Any) -> None:
        route = Route(name="shop.mine", path="mine", target=ToPage(page="mine"), guards=[SIGNED_IN])
        async with self.open(route) as (router, presented):
            with pytest.raises(RouteForbidden):
                await router.open("tulou://mine")
            assert presented == []

    async def test_addresses_are_made_that_lead_back(self) -> None:
        async with self.open(*ALL) as (router, _):
            address = router.address("shop.buy", {"thing": "a/b ?&%茶", "count": 2, "gift": False})
            outcome = await router.open(address)
            assert outcome.result[0] == {"thing": "a/b ?&%茶", "count": 2, "gift": False}
            with pytest.raises(RouteNotFound):
                router.address("shop.none")
            with pytest.raises(ParameterWrong):
                router.address("shop.chat", {"address": "nobody"})

    async def test_routes_are_listed_with_what_they_are(self) -> None:
        async with self.open(*ALL) as (router, _):
            known = {each.name: each for each in router.routes()}
            assert {each.name for each in ALL} <= set(known)
            assert known["shop.chat"].exported and not known["shop.buy"].exported
            assert all(each.available and not each.pushed for each in known.values())
            assert router.links[0] == "tulou://" and not router.problems()

    async def test_a_navigation_can_be_cancelled(self, autojump_clock: Any) -> None:
        ended = []

        async def long(navigation: Navigation) -> Any:
            try:
                await trio.sleep_forever()
            finally:
                ended.append(navigation.route)

        async with self.open(Route(name="shop.long", path="long", target=ToFunction(function=long))) as ends:
            with trio.move_on_after(1) as scope:
                await ends.router.open("tulou://long")
            assert scope.cancelled_caught and ended == ["shop.long"]


class PresenterEnds(NamedTuple):
    """A presenter that knows the page `known`; `shown` is what people see: page and parameters as texts."""

    presenter: Presenter
    known: str
    shown: Callable[[], list[tuple[str, dict[str, str]]]]


class PresenterConformance:
    """What who shows pages owes the router."""

    def present(self) -> AbstractAsyncContextManager[PresenterEnds]:
        """One with an open page in front of a person."""
        raise NotImplementedError

    async def test_a_page_is_shown_with_its_parameters_as_texts(self) -> None:
        async with self.present() as (presenter, known, shown):
            await presenter.present(PageIntent(page=known, parameters={"a": "茶", "b": 3, "c": True}))
            assert shown() == [(known, {"a": "茶", "b": "3", "c": "true"})]

    async def test_a_place_that_is_gone_is_no_obstacle(self) -> None:
        async with self.present() as (presenter, known, shown):
            await presenter.present(PageIntent(page=known, parameters={}), "a page that was closed")
            assert len(shown()) == 1

    async def test_a_page_that_nobody_has_is_told(self) -> None:
        async with self.present() as (presenter, _, shown):
            with pytest.raises(RouteUnavailable):
                await presenter.present(PageIntent(page="no-such-page-of-test", parameters={}))
            assert shown() == []


@dataclass
class _Registered:
    route: Route
    shape: re.Pattern[str]


class FakeRouter:
    """A router in memory: what it is given is registered, what it presents is in `presented`."""

    links = ("tulou://",)

    def __init__(self, *contributions: RouteContribution, signed_in: bool = False) -> None:
        self.presented: Presented = []
        self.opened: list[tuple[str, Origin]] = []
        self.signed_in = signed_in
        self._registered = [_Registered(each, _shape(each.path)) for each in contributions
                            if isinstance(each, Route)]
        self._guards = {each.name: each for each in contributions if isinstance(each, Guard)}
        self._interceptors = sorted((each for each in contributions if isinstance(each, Interceptor)),
                                    key=lambda each: -each.priority)
        self._depth = 0

    async def open(self, url: str, *, origin: Origin = Origin.INSIDE, at: str = "") -> Outcome:
        """Follow an address to its end."""
        self.opened.append((url, origin))
        if self._depth > 8:
            raise RouteLoops(f"{url} opens itself")
        self._depth += 1
        try:
            return await self._follow(url, origin, at)
        finally:
            self._depth -= 1

    async def _follow(self, url: str, origin: Origin, at: str) -> Outcome:
        via: list[str] = []
        while url not in via:
            route, given = self._find(url, origin)
            values = _checked(route, given)
            navigation = Navigation(url=url, route=route.name, parameters=values, origin=origin, account="",
                                    via=tuple(via))
            via.append(url)
            elsewhere = await self._decide(route, navigation)
            if elsewhere is None and isinstance(route.target, ToRoute):
                elsewhere = "tulou://" + re.sub(r"\{(\w+)\}", lambda each: quote(given[each[1]]),
                                                route.target.path)
            if elsewhere is not None:
                url = elsewhere
            elif isinstance(route.target, ToFunction):
                return Outcome(route=route.name, result=await route.target.function(navigation))
            else:
                assert isinstance(route.target, ToPage)
                intent = PageIntent(page=route.target.page, title=route.title,
                                    parameters={**values, **route.target.fixed})
                self.presented.append((intent, at))
                return Outcome(route=route.name, intent=intent)
        raise RouteLoops(f"{url} leads in a circle")

    async def _decide(self, route: Route, navigation: Navigation) -> str | None:
        for interceptor in self._interceptors:
            answer = await self._asked(interceptor.intercept(navigation))
            if isinstance(answer, Redirect):
                return answer.url
            if answer is not None:
                raise RouteForbidden(getattr(answer, "reason", "an interceptor failed"))
        for named in route.guards:
            name, _, detail = named.partition(":")
            if name == SIGNED_IN and self.signed_in:
                continue
            if name not in self._guards:
                raise RouteForbidden(f"the guard {name} says no")
            refusal = await self._asked(self._guards[name].check(navigation, detail))
            if refusal is not None:
                raise RouteForbidden(str(refusal))
        return None

    async def _asked(self, question: Awaitable[Any]) -> Any:
        try:
            return await question
        except Exception as error:
            raise RouteForbidden("who should decide failed") from error

    def _find(self, url: str, origin: Origin) -> tuple[Route, dict[str, str]]:
        if not url.startswith(self.links[0]) or len(url) > 4096:
            raise AddressWrong(f"{url[:80]!r} is no address")
        path, _, query = url.removeprefix(self.links[0]).partition("?")
        for each in self._registered:
            match = each.shape.fullmatch(path)
            if match:
                if origin is Origin.OUTSIDE and not each.route.exported:
                    raise RouteForbidden(f"{url} is not for outside")
                texts = {name: unquote(text) for name, text in match.groupdict().items()}
                return each.route, {**texts, **dict(parse_qsl(query, keep_blank_values=True))}
        raise RouteNotFound(f"{url} leads nowhere")

    def leads(self, url: str, *, origin: Origin = Origin.INSIDE) -> bool:
        """Whether a route would take this address."""
        try:
            self._find(url, origin)
        except (AddressWrong, RouteForbidden, RouteNotFound):
            return False
        return True

    def address(self, route: str, parameters: Mapping[str, Any] | None = None) -> str:
        """The address of a route by its name."""
        found = [each.route for each in self._registered if each.route.name == route]
        if not found:
            raise RouteNotFound(f"there is no route {route!r}")
        texts = {name: str(value).lower() if isinstance(value, bool) else str(value)
                 for name, value in (parameters or {}).items()}
        _checked(found[0], texts)
        path = re.sub(r"\{(\w+)\}", lambda each: quote(texts.pop(each[1]), safe="@"), found[0].path)
        return f"tulou://{path}" + (f"?{urlencode(texts)}" if texts else "")

    def routes(self) -> Sequence[RouteStatus]:
        """Every route."""
        return [
            RouteStatus(name=each.route.name, path=each.route.path, leads_to="", guards=each.route.guards,
                        parameters=each.route.parameters, exported=each.route.exported,
                        owner=each.route.owner, pushed=False, available=True)
            for each in sorted(self._registered, key=lambda each: each.route.path)
        ]

    def problems(self) -> Sequence[str]:
        """None."""
        return ()


def _shape(path: str) -> re.Pattern[str]:
    return re.compile("/".join(
        f"(?P<{each[1:-1]}>[^/]+)" if each.startswith("{") else re.escape(each) for each in path.split("/")))


def _checked(route: Route, given: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, text in given.items():
        parameter = route.parameters.get(name)
        if parameter is None and not (route.any_parameters or f"{{{name}}}" in route.path):
            raise ParameterWrong(f"{route.name} has no parameter {name!r}")
        values[name] = _read(parameter or Parameter(), name, text)
    for name, parameter in route.parameters.items():
        if name not in values and parameter.default is not None:
            values[name] = parameter.default
        elif name not in values and not parameter.optional:
            raise ParameterWrong(f"{route.name} needs {name!r}")
    return values


_FORMS = {
    ParameterType.INTEGER: r"-?[0-9]{1,16}", ParameterType.NUMBER: r"-?[0-9]+(\.[0-9]+)?",
    ParameterType.FLAG: "true|false|1|0", ParameterType.ADDRESS: r"[^\s@/]+@[^\s@/]+",
}


def _read(parameter: Parameter, name: str, text: str) -> Any:
    good = re.fullmatch(_FORMS.get(parameter.type, "(?s:.*)"), text) and len(text) <= parameter.longest
    if not good or parameter.type is ParameterType.CHOICE and text not in parameter.choices:
        raise ParameterWrong(f"{name!r} cannot be {text!r}")
    if parameter.type is ParameterType.FLAG:
        return text in ("true", "1")
    if parameter.type not in (ParameterType.INTEGER, ParameterType.NUMBER):
        return text
    value = int(text) if parameter.type is ParameterType.INTEGER else float(text)
    if parameter.least is not None and value < parameter.least \
            or parameter.most is not None and value > parameter.most:
        raise ParameterWrong(f"{name!r} cannot be {text}")
    return value
