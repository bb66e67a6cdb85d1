"""The pure parts: addresses taken apart, the table of routes, parameters; also as anybody might send them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tulou_contracts.routing import (
    AddressWrong, Parameter, ParameterType, ParameterWrong, Route, RoutingError, ToPage,
)
from tulou_router.table import PathWrong, Table, pattern_of
from tulou_router.url import LONGEST, PARAMETERS, SEGMENTS, put_together, take_apart
from tulou_router.values import MOST_EXACT, checked, fault_of, written

TEXT = st.characters(exclude_categories=["Cs"])
SEGMENT = st.text(TEXT, min_size=1).filter(lambda each: each not in (".", ".."))
NAME = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,10}", fullmatch=True)


# -- addresses --


@given(st.lists(SEGMENT, min_size=1, max_size=SEGMENTS), st.dictionaries(NAME, st.text(
    st.characters(exclude_categories=["Cs"])), max_size=5))
def test_what_is_put_together_comes_apart_the_same(segments: list[str], query: dict[str, str]) -> None:
    url = put_together(segments, query)
    if len(url) <= LONGEST:
        assert take_apart(url) == (tuple(segments), query)


@given(st.text() | st.text("tulou:/%?&=#.0aZ\\@").map(lambda each: f"tulou://{each}"))
@example("tulou://" + "a/" * 5000)
@example("tulou://a?" + "x=1&" * 900)
def test_any_text_is_an_address_or_refused_in_words(text: str) -> None:
    try:
        parts = take_apart(text)
    except AddressWrong as error:
        assert str(error).isprintable() and len(str(error)) < 400
    else:
        assert 1 <= len(parts.segments) <= SEGMENTS and len(parts.query) <= PARAMETERS
        assert not {"", ".", ".."} & set(parts.segments)


@pytest.mark.parametrize("url", [
    "tulou://", "tulou:///", "tulou://a//b", "tulou://a/../b", "tulou://a/%2e%2e/b", "tulou://./a",
    "tulou://a/%", "tulou://a/%zz", "tulou://a/%ff", "tulou://a/%c0%af", "tulou://a/%ed%a0%80",
    "tulou://a b", "tulou://a\nb", "tulou://a\tb", "tulou://a\\b", "tulou://a\x00", "tulou://a\u2028b",
    "tulou://a\ud800", "tulou://a?x=1&x=2", "tulou://a?=1", "tulou://a?__proto__[x]=1", "tulou://a?1x=1",
    "TULOU", "tulou:/a", "xtulou://a", "http://a", "//a", " tulou://a", "tulou://" + "/".join("a" * 17),
    "tulou://a?" + "&".join(f"p{n}=1" for n in range(33)),
])
def test_what_others_would_repair_is_refused(url: str) -> None:
    with pytest.raises(AddressWrong):
        take_apart(url)


def test_what_is_in_order_is_read() -> None:
    assert take_apart("tulou://chat/a@b.example/") == (("chat", "a@b.example"), {})
    assert take_apart("TULOU://a#anything") == (("a",), {})
    assert take_apart("tulou://a/%E8%8C%B6%2F?x=%26+%3D&y=") == (("a", "茶/"), {"x": "& =", "y": ""})
    links = ("tulou://", "https://app.acme.example/open/")
    assert take_apart("https://APP.acme.example/open/chat/x", links) == (("chat", "x"), {})
    for foreign in ("https://app.acme.example/other/x", "https://app.acme.example.evil.example/open/x",
                    "http://app.acme.example/open/x", "https://app.acme.example/open"):
        with pytest.raises(AddressWrong):
            take_apart(foreign, links)


# -- the table --


PATHS = st.lists(st.sampled_from(["a", "b", "{x}", "{y}", "c"]), min_size=1, max_size=5).map("/".join)
ADDRESSES = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=5).map(tuple)


def oracle(paths: list[str], segments: tuple[str, ...]) -> str | None:
    """The path that fits and is literal where the others first are not."""
    fitting = [path for path in paths if len(path.split("/")) == len(segments) and all(
        each.startswith("{") or each == segment for each, segment in zip(path.split("/"), segments))]
    return min(fitting, key=lambda path: [each.startswith("{") for each in path.split("/")], default=None)


@given(st.lists(PATHS, max_size=12), ADDRESSES)
def test_the_table_finds_what_trying_every_route_finds(paths: list[str], segments: tuple[str, ...]) -> None:
    table: Table[str] = Table()
    used = []
    for path in paths:
        try:
            if table.add(pattern_of(path), path) is None:
                used.append(path)
        except PathWrong:
            pass
    found = table.find(segments)
    assert (found and found.value) == oracle(used, segments)
    if found:
        names = [each[1:-1] for each in found.value.split("/") if each.startswith("{")]
        values = [segment for each, segment in zip(found.value.split("/"), segments) if each.startswith("{")]
        assert found.found == dict(zip(names, values))
    assert sorted(table) == sorted(used)


def test_a_second_path_of_the_same_shape_is_told_who_has_it() -> None:
    table: Table[str] = Table()
    assert table.add(pattern_of("n/{id}"), "first") is None
    assert table.add(pattern_of("n/{slug}"), "second") == "first"
    match = table.find(("n", "7"))
    assert match == ("first", {"id": "7"})


@pytest.mark.parametrize("path", [
    "", "/", "a/", "/a", "a//b", "{x}", "{x}/a", "a/{x}/{x}", "a/{x", "a/x}", "a/p{x}", "a/{}", "a/{1}",
    "a/..", "a b", "a/%20", "a?b", "a#b", "/".join("a" * 17), "a" * 600, None, 7,
])
def test_what_is_no_pattern_is_refused_in_words(path: Any) -> None:
    with pytest.raises(PathWrong, match="."):
        pattern_of(path)


def test_a_table_made_to_be_slow_is_not() -> None:
    """Every prefix of literals and parameters: a search that tried each again would not end."""
    table: Table[int] = Table()
    for number in range(1 << 10):
        path = "/".join(["r", *("a" if number >> bit & 1 else f"{{p{bit}}}" for bit in range(10)), "end"])
        assert table.add(pattern_of(path), number) is None
    assert table.find(("r", *"a" * 10, "no")) is None
    assert table.find(("r", *"a" * 10, "end")) is not None


# -- parameters --


def route(any_parameters: bool = False, **parameters: Parameter) -> Route:
    return Route(name="x.y", path="x", target=ToPage(page="x"), parameters=parameters,
                 any_parameters=any_parameters)


P, T = Parameter, ParameterType


@pytest.mark.parametrize("parameter, good, bad", [
    (P(), {"": "", "茶\n": "茶\n"}, ["x" * 1025, "\x00", "\x1b[31m"]),
    (P(longest=3), {"abc": "abc"}, ["abcd"]),
    (P(type=T.INTEGER), {"0": 0, "-7": -7, str(MOST_EXACT): MOST_EXACT},
     ["", "1.0", "1e3", "0x1", "+1", " 1", "1_000", "٣", str(MOST_EXACT + 1), "9" * 100, "1\n"]),
    (P(type=T.INTEGER, least=1, most=3), {"1": 1, "3": 3}, ["0", "4"]),
    (P(type=T.NUMBER), {"1.5": 1.5, "-0": 0.0, "2": 2.0}, ["nan", "inf", "1e400", ".5", "1.", "1,5", ""]),
    (P(type=T.FLAG), {"true": True, "0": False}, ["True", "yes", "", "2"]),
    (P(type=T.CHOICE, choices=("yes", "no")), {"no": "no"}, ["", "maybe", "YES"]),
    (P(type=T.ADDRESS), {"a@b": "a@b", "李@公司.example": "李@公司.example"},
     ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b/c", "a@b c", "<a>@b", "a@" + "b" * 300, "a\u0007@b"]),
])
def test_values_are_what_is_declared_or_refused(parameter: Parameter, good: Any, bad: Any) -> None:
    for text, value in good.items():
        read = checked(route(p=parameter), {"p": text})["p"]
        assert read == value and type(read) is type(value)
    for text in bad:
        with pytest.raises(ParameterWrong, match="'p'"):
            checked(route(p=parameter), {"p": text})


def test_defaults_and_what_may_be_left_out() -> None:
    declared = route(a=P(default="x"), b=P(optional=True), c=P(type=T.FLAG, default=False))
    assert checked(declared, {}) == {"a": "x", "c": False}
    with pytest.raises(ParameterWrong, match="'need'"):
        checked(route(need=P()), {})
    with pytest.raises(ParameterWrong, match="'more'"):
        checked(route(), {"more": "1"})
    assert checked(route(any_parameters=True), {"more": "1"}) == {"more": "1"}


@pytest.mark.parametrize("parameter", [
    P(type=T.CHOICE), P(type=T.INTEGER, default="x"), P(type=T.INTEGER, default=1.5),
    P(type=T.FLAG, default=1), P(type=T.INTEGER, default=True),
    P(type=T.CHOICE, choices=("a",), default="b"), P(type="text"), "text",
    P(type=T.ADDRESS, default="nobody"),  # type: ignore[arg-type]
])
def test_a_declaration_that_cannot_be_right_is_found(parameter: Any) -> None:
    assert fault_of(parameter)


@given(st.integers(-MOST_EXACT, MOST_EXACT) | st.booleans() | st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), max_size=50))
def test_what_is_written_is_read_again(value: Any) -> None:
    kind = T.FLAG if isinstance(value, bool) else T.INTEGER if isinstance(value, int) else T.TEXT
    declared = route(p=P(type=kind))
    assert checked(declared, {"p": written(declared, "p", value)}) == {"p": value}


def test_errors_name_no_more_than_they_should() -> None:
    with pytest.raises(RoutingError) as error:
        take_apart("tulou://" + "\x1b]0;evil\x07" + "x" * 3000)
    assert re.fullmatch(r"[^\x00-\x1f\x7f]{1,200}", str(error.value))
