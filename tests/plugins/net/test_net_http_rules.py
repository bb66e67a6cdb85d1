"""The pure cores of the HTTP links: tables, rules and buckets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tulou_net.http.floor import RateFloor
from tulou_net.http.links.buckets import Bucket
from tulou_net.http.links.cache_rules import directives, keep, may_answer, renewed
from tulou_net.http.links.circuit import TABLE, Circuit, Event, State
from tulou_net.http.links.redirect import next_hop
from tulou_net.http.links.retry_rules import is_passing, may_repeat, retry_after
from tulou_net.http.origin import origin_of, where

from tulou_contracts.network import (
    CertificateRefused, CircuitOpen, ConnectionLost, HttpRequest, HttpResponse, NetworkError, Unreachable,
)

URL = "https://files.example/a/b?c=1"


def response(status: int = 200, **headers: str) -> HttpResponse:
    return HttpResponse(
        status=status, headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=b"body",
    )


# origins

@pytest.mark.parametrize(("url", "origin"), [
    ("https://Files.Example/x", "https://files.example:443"), ("http://h:8080", "http://h:8080"),
    ("https://me:s3cret@h/?token=s3cret", "https://h:443"), ("http://[::1]:81/", "http://[::1]:81"),
    ("", ""), ("http://", ""), ("http://h:x/", ""), ("http://[bad/", ""), ("/path", ""),
    ("https://土楼.example/", "https://土楼.example:443"),
])
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@given(st.text())
def test_any_text_has_words_for_where_it_points(url: str) -> None:
    assert where(url)


# circuit breaker

def test_the_breakers_table_knows_every_event_that_can_come() -> None:
    missing = {(state, event) for state in State for event in Event} - set(TABLE)
    assert missing == {(State.CLOSED, Event.RESTED), (State.HALF_OPEN, Event.RESTED)}


def test_a_circuit_opens_rests_tries_once_and_closes() -> None:
    circuit = Circuit(3, 10.0)
    for _ in range(3):
        assert circuit.admit(0.0) == 0.0
        circuit.failed(0.0)
    assert circuit.state is State.OPEN
    assert circuit.admit(4.0) == 6.0
    assert circuit.admit(10.0) == 0.0  # the trial
    assert circuit.state is State.HALF_OPEN
    assert circuit.admit(10.0) > 0.0  # nobody else meanwhile
    circuit.failed(10.0)
    assert circuit.admit(29.0) == 1.0  # twice the rest
    assert circuit.admit(30.0) == 0.0
    circuit.forget()  # it was cancelled, and tells nothing
    assert circuit.admit(30.0) == 0.0
    circuit.succeeded()
    assert circuit.state is State.CLOSED
    for _ in range(2):
        circuit.failed(31.0)
    assert circuit.state is State.CLOSED


@given(st.lists(st.tuples(st.sampled_from(["admit", "failed", "succeeded", "forget"]),
                          st.floats(0, 400, allow_nan=False))))
def test_a_circuit_never_stays_shut(steps: list[tuple[str, float]]) -> None:
    """Whatever happens, once all have told their outcome somebody gets through at the latest after
    the longest rest."""
    circuit, now = Circuit(2, 5.0, 60.0), 0.0
    for step, passed in steps:
        now += passed
        if step == "admit":
            assert circuit.admit(now) <= 60.0
        elif step == "failed":
            circuit.failed(now)
        else:
            getattr(circuit, step)()
    circuit.forget()
    assert circuit.admit(now + 60.0) == 0.0


# buckets

def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    bucket = Bucket(2.0, 3.0, 0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(0.5) == 0.0
    assert bucket.take(0.5) == 0.5
    assert Bucket(0.0, 0.0, 0.0).take(9.0) == float("inf")


@given(st.lists(st.floats(0, 10, allow_nan=False), max_size=50))
def test_a_bucket_never_gives_more_than_burst_and_rate(pauses: list[float]) -> None:
    bucket, now, given_out = Bucket(2.0, 5.0, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        given_out += bucket.take(now) == 0.0
    assert given_out <= 5.0 + 2.0 * now + 1e-6


# retry

@pytest.mark.parametrize(("method", "key", "may"), [
    ("GET", "", True), ("put", "", True), ("DELETE", "", True), ("POST", "", False), ("PATCH", "", False),
    ("POST", "k1", True), ("BREW", "", False),
])
def test_only_what_does_no_harm_twice_is_repeated(method: str, key: str, may: bool) -> None:
    assert may_repeat(HttpRequest(url=URL, method=method, idempotency_key=key)) is may


@pytest.mark.parametrize(("outcome", "passing"), [
    (response(200), False), (response(404), False), (response(500), False), (response(503), True),
    (response(429), True), (Unreachable("x"), True), (ConnectionLost("x"), True),
    (CertificateRefused("x"), False), (CircuitOpen("x"), False), (NetworkError("x"), False),
])
def test_what_may_turn_out_better(outcome: Any, passing: bool) -> None:
    assert is_passing(outcome) is passing


@pytest.mark.parametrize(("value", "date", "seconds"), [
    ("5", "", 5.0), (" 0 ", "", 0.0), ("", "", None), ("soon", "", None), ("-1", "", None), ("٣", "", None),
    ("Thu, 01 Jan 1970 00:02:00 GMT", "", 20.0),
    ("Thu, 01 Jan 1970 00:02:00 GMT", "Thu, 01 Jan 1970 00:01:50 GMT", 10.0),
    ("Thu, 01 Jan 1970 00:00:00 GMT", "", 0.0), ("Thu, 99 Jan 1970", "", None), ("1e3", "", None),
])
def test_retry_after(value: str, date: str, seconds: float | None) -> None:
    assert retry_after(response(503, retry_after=value, date=date), now=100.0) == seconds


@given(st.text())
def test_retry_after_takes_any_text(value: str) -> None:
    found = retry_after(response(503, retry_after=value), now=0.0)
    assert found is None or found >= 0


# redirects

@pytest.mark.parametrize(("location", "leads_to"), [
    ("/x", "https://files.example/x"), ("d", "https://files.example/a/d"),
    ("https://other.example/", "https://other.example/"), ("//other.example/y", "https://other.example/y"),
    ("ftp://other.example/", None), ("javascript:alert(1)", None), ("http://[bad", None), ("", None),
])
def test_where_a_redirect_leads(location: str, leads_to: str | None) -> None:
    hop = next_hop(HttpRequest(url=URL), response(302, location=location))
    assert (hop.url if hop else None) == leads_to


def test_a_redirect_takes_no_secret_elsewhere_and_does_not_leave_tls() -> None:
    secret = HttpRequest(url=URL, headers={"authorization": "x", "Cookie": "y", "X-Room": "1"})
    near = next_hop(secret, response(301, location="/x"))
    far = next_hop(secret, response(301, location="https://other.example/"))
    assert near is not None and set(near.headers) == {"authorization", "Cookie", "X-Room"}
    assert far is not None and set(far.headers) == {"X-Room"}
    with pytest.raises(NetworkError, match="not encrypted"):
        next_hop(secret, response(301, location="http://files.example/"))
    assert next_hop(HttpRequest(url=URL, method="POST"), response(301, location="/x")) is None
    assert next_hop(secret, response(304, location="/x")) is None


# cache

@pytest.mark.parametrize(("value", "found"), [
    ("max-age=5, no-cache", {"max-age": "5", "no-cache": ""}), ('private="a", X', {"private": "a", "x": ""}),
    ("", {}), (",,=,", {}), ("max-age=5, max-age=9", {"max-age": "5"}),
])
def test_cache_control_taken_apart(value: str, found: dict[str, str]) -> None:
    got = directives(value)
    got.pop("", None)
    assert got == found


@pytest.mark.parametrize(("headers", "lifetime"), [
    ({"cache_control": "max-age=60"}, 60.0), ({"cache_control": "max-age=60, no-store"}, None),
    ({"cache_control": "no-cache", "etag": '"1"'}, 0.0), ({"etag": '"1"'}, 0.0), ({}, None),
    ({"last_modified": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0), ({"cache_control": "max-age=x"}, None),
    ({"cache_control": "max-age=60", "vary": "*"}, None),
    ({"expires": "Thu, 01 Jan 1970 00:01:00 GMT", "date": "Thu, 01 Jan 1970 00:00:00 GMT"}, 60.0),
    ({"expires": "0", "date": "Thu, 01 Jan 1970 00:00:00 GMT"}, None),
    ({"expires": "Thu, 01 Jan 1970 00:01:00 GMT"}, None),
])
def test_what_may_be_kept_and_how_long(headers: dict[str, str], lifetime: float | None) -> None:
    kept = keep(HttpRequest(url=URL), response(200, **headers), 0.0)
    assert (kept.lifetime if kept else None) == lifetime


@pytest.mark.parametrize("status", [206, 302, 401, 500, 503])
def test_other_statuses_are_not_kept(status: int) -> None:
    assert keep(HttpRequest(url=URL), response(status, cache_control="max-age=60"), 0.0) is None


def test_the_age_on_arrival_counts() -> None:
    kept = keep(HttpRequest(url=URL), response(200, cache_control="max-age=60", age="50"), 100.0)
    assert kept is not None
    assert kept.is_fresh(109.0, HttpRequest(url=URL))
    assert not kept.is_fresh(110.0, HttpRequest(url=URL))


def test_a_request_may_ask_for_more() -> None:
    kept = keep(HttpRequest(url=URL), response(200, cache_control="max-age=60"), 0.0)
    assert kept is not None
    for control in ("no-cache", "max-age=5", "min-fresh=55"):
        assert not kept.is_fresh(10.0, HttpRequest(url=URL, headers={"cache-CONTROL": control}))


@pytest.mark.parametrize(("request_", "may"), [
    (HttpRequest(url=URL), True), (HttpRequest(url=URL, method="POST"), False),
    (HttpRequest(url=URL, cache=False), False), (HttpRequest(url=URL, streamed=True), False),
    (HttpRequest(url=URL, headers={"Range": "bytes=0-1"}), False),
    (HttpRequest(url=URL, headers={"If-None-Match": "x"}), False),
    (HttpRequest(url=URL, headers={"Cache-Control": "no-store"}), False),
])
def test_which_requests_a_cache_may_answer(request_: HttpRequest, may: bool) -> None:
    assert may_answer(request_) is may


def test_vary_tells_requests_apart() -> None:
    chinese = HttpRequest(url=URL, headers={"Accept-Language": "zh"})
    kept = keep(chinese, response(200, cache_control="max-age=60", vary="accept-language"), 0.0)
    assert kept is not None and kept.fits(chinese)
    assert not kept.fits(HttpRequest(url=URL)) and not kept.fits(
        HttpRequest(url=URL, headers={"accept-language": "en"}))


def test_a_confirmed_response_takes_the_new_headers_and_keeps_its_body() -> None:
    request = HttpRequest(url=URL)
    kept = keep(request, response(200, etag='"1"', age="9", content_length="4"), 0.0)
    assert kept is not None
    again = renewed(kept, response(304, cache_control="max-age=9", content_length="0"), request, 50.0)
    assert again is not None and again.lifetime == 9.0 and again.born == 50.0
    assert again.response.body == b"body" and again.response.headers["content-length"] == "4"


# a floor for rates

def test_a_byte_a_second_is_too_slow_and_a_pause_of_ours_is_not() -> None:
    floor = RateFloor(64.0, window=10.0)
    assert all(floor.holds(1, 1.0) for _ in range(9))
    assert not floor.holds(1, 1.0)
    assert all(floor.holds(1000, 0.0) for _ in range(9))  # nobody waited
    assert RateFloor(0.0).holds(0, 1e9)
