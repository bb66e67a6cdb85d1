"""The links of the HTTP chain around a server that a test plays, in virtual time."""

from __future__ import annotations

import gzip
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import pytest
import trio
import trio.testing
from tulou_net.http.chain import Guarded, compose
from tulou_net.http.links.breaker import Breaker
from tulou_net.http.links.cache import Cache
from tulou_net.http.links.compress import Compression
from tulou_net.http.links.correlate import Correlation
from tulou_net.http.links.idempotency import IdempotencyKey
from tulou_net.http.links.metrics import Metrics
from tulou_net.http.links.rate import RateLimit
from tulou_net.http.links.redirect import Redirects
from tulou_net.http.links.retry import Retry
from tulou_net.http.links.sign_in import SignIn

from tulou.correlation import correlated
from tulou.errors import TulouError
from tulou_contracts.network import (
    CircuitOpen, HttpRequest, HttpResponse, HttpSignIn, NetworkError, SignInFailed, Unreachable,
)

URL = "https://files.example/list"
ORIGIN = "https://files.example"
GET = HttpRequest(url=URL)


class Server:
    """Answers with what it was given, the last one again and again; notes what it was asked."""

    def __init__(self, *answers: HttpResponse | Exception | Callable[[HttpRequest], HttpResponse]) -> None:
        self.answers = list(answers) or [HttpResponse(status=200)]
        self.asked: list[HttpRequest] = []
        self.times: list[float] = []

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        self.times.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, HttpResponse) else answer(request)

    def under(self, *links: Any) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
        return compose(links, self.exchange)


def status(code: int, **headers: str) -> HttpResponse:
    return HttpResponse(
        status=code, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


# the chain

async def test_links_stand_in_their_order_around_the_exchange() -> None:
    said: list[str] = []

    class Say:
        def __init__(self, name: str) -> None:
            self.name = name

        async def exchange(self, request: HttpRequest, proceed: Any) -> HttpResponse:
            said.append(f"{self.name} in")
            response: HttpResponse = await proceed(request)
            said.append(f"{self.name} out")
            return response

    await Server().under(Say("a"), Say("b"))(GET)
    assert said == ["a in", "b in", "b out", "a out"]


async def test_what_a_contributed_link_does_wrong_is_named(caplog: pytest.LogCaptureFixture) -> None:
    import logging

    class Bad:
        name = "坏"

        async def exchange(self, request: HttpRequest, proceed: Any) -> Any:
            if request.method == "GET":
                raise ZeroDivisionError("oops")
            return "no response"

    chain = Server().under(Guarded(Bad(), logging.getLogger("net")))
    for method in ("GET", "PUT"):
        with pytest.raises(NetworkError, match="'坏'"):
            await chain(HttpRequest(url=URL, method=method))
    assert "oops" in caplog.text


# correlation, key, compression

async def test_the_id_of_an_act_goes_along() -> None:
    server = Server()
    chain = server.under(Correlation())
    await chain(GET)
    with correlated("act-1"):
        await chain(GET)
        await chain(HttpRequest(url=URL, headers={"x-correlation-id": "mine"}))
    with correlated("a\r\nb"):
        await chain(GET)
    assert [dict(each.headers) for each in server.asked] == [
        {}, {"X-Correlation-Id": "act-1"}, {"x-correlation-id": "mine"}, {}]


async def test_a_key_is_sent_as_a_string_of_structured_headers() -> None:
    server = Server()
    chain = server.under(IdempotencyKey())
    await chain(HttpRequest(url=URL, method="POST", idempotency_key='a"\\b'))
    assert server.asked[0].headers == {"Idempotency-Key": '"a\\"\\\\b"'}
    for key in ("土楼", "a\nb"):
        with pytest.raises(NetworkError, match="idempotency key"):
            await chain(HttpRequest(url=URL, method="POST", idempotency_key=key))


@pytest.mark.parametrize("size", [0, 100, 10_000, 1 << 19])
async def test_a_body_is_compressed_on_request_where_it_helps(size: int) -> None:
    server = Server()
    body = ("土楼" * size).encode()[:size]
    chain = server.under(Compression())
    await chain(HttpRequest(url=URL, method="POST", body=body, compress=True))
    await chain(HttpRequest(url=URL, method="POST", body=body))
    packed, plain = server.asked
    assert plain.body == body and not plain.headers
    if size < 512:
        assert packed.body == body and not packed.headers
    else:
        assert gzip.decompress(packed.body) == body and packed.headers == {"Content-Encoding": "gzip"}
    noise = random.Random(1).randbytes(4096)
    await chain(HttpRequest(url=URL, method="POST", body=noise, compress=True))
    assert server.asked[-1].body == noise


async def test_pieces_are_compressed_anew_for_each_attempt() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield "土楼".encode() * 1000

    server = Server()
    await server.under(Compression())(
        HttpRequest(url=URL, method="PUT", content=pieces, content_length=18000, compress=True)
    )
    sent = server.asked[0]
    assert sent.content_length is None and sent.content is not None
    for _ in range(2):
        packed = b"".join([piece async for piece in sent.content()])
        assert gzip.decompress(packed) == "土楼".encode() * 3000


# redirects

async def test_a_chain_of_redirects_ends() -> None:
    server = Server(status(302, location="/a"), status(301, location="/b"), status(200))
    assert (await server.under(Redirects())(GET)).status == 200
    assert [each.url for each in server.asked] == [URL, ORIGIN + "/a", ORIGIN + "/b"]
    with pytest.raises(NetworkError, match="more than 10 times"):
        await Server(status(302, location="/again")).under(Redirects())(GET)


# sign-in

class Tokens:
    """A source of tokens that counts, and remembers the newest one unless told otherwise."""

    def __init__(self, *, forgetful: bool = False) -> None:
        self.number = 1
        self.refreshes: list[str] = []
        self.forgetful = forgetful

    async def __call__(self, refused: str | None) -> str:
        if refused is not None:
            await trio.sleep(1)
            self.refreshes.append(refused)
            if self.forgetful:
                return "t2"
            self.number += 1
        return f"t{self.number}"


def accepts(*tokens: str) -> Callable[[HttpRequest], HttpResponse]:
    def answer(request: HttpRequest) -> HttpResponse:
        return status(200 if request.headers.get("Authorization", "")[7:] in tokens else 401)

    return answer


@pytest.mark.parametrize("forgetful", [False, True])
async def test_one_refresh_for_all_who_wait_and_one_replay(
    autojump_clock: trio.testing.MockClock, forgetful: bool
) -> None:
    tokens, server = Tokens(forgetful=forgetful), Server(accepts("t2"))
    chain = server.under(SignIn([HttpSignIn(origin=ORIGIN, token=tokens)]))
    got: list[int] = []

    async def ask(delay: float) -> None:
        await trio.sleep(delay)
        got.append((await chain(GET)).status)

    async with trio.open_nursery() as nursery:
        for delay in (0, 0, 0, 0.5, 0.9, 5):
            nursery.start_soon(ask, delay)
    assert got == [200] * 6
    assert tokens.refreshes == ["t1"]
    assert len(server.asked) == 5 * 2 + 1


async def test_a_second_refusal_is_the_answer(autojump_clock: trio.testing.MockClock) -> None:
    tokens, server = Tokens(), Server(status(401))
    chain = server.under(SignIn([HttpSignIn(origin=ORIGIN, token=tokens)]))
    assert (await chain(GET)).status == 401
    assert len(server.asked) == 2 and tokens.refreshes == ["t1"]


async def test_other_origins_and_own_authorizations_are_left_alone() -> None:
    tokens, server = Tokens(), Server()
    chain = server.under(SignIn([HttpSignIn(origin=ORIGIN, token=tokens)]))
    for each in (HttpRequest(url="http://files.example/"), HttpRequest(url="https://files.example:444/"),
                 HttpRequest(url=URL, headers={"authorization": "mine"})):
        await chain(each)
    assert [dict(each.headers) for each in server.asked] == [{}, {}, {"authorization": "mine"}]


async def test_the_token_may_be_fetched_from_the_same_origin() -> None:
    server = Server()

    async def token(refused: str | None) -> str:
        answer = await chain(HttpRequest(url=ORIGIN + "/token"))
        return f"t{answer.status}"

    chain = server.under(SignIn([HttpSignIn(origin=ORIGIN, token=token)]))
    with trio.fail_after(5):
        await chain(GET)
    assert [(each.url, dict(each.headers)) for each in server.asked] == [
        (ORIGIN + "/token", {}), (URL, {"Authorization": "Bearer t200"})]


@pytest.mark.parametrize("given", [TulouError("signed out"), KeyError("x"), "", "a b", "土", "a\nb"])
async def test_no_token_is_a_sentence(given: str | Exception) -> None:
    async def token(refused: str | None) -> str:
        if isinstance(given, Exception):
            raise given
        return given

    with pytest.raises(SignInFailed, match=ORIGIN):
        await Server().under(SignIn([HttpSignIn(origin=ORIGIN, token=token)]))(GET)


async def test_a_cancelled_refresh_is_taken_over(autojump_clock: trio.testing.MockClock) -> None:
    tokens, server = Tokens(), Server(accepts("t2"))
    chain = server.under(SignIn([HttpSignIn(origin=ORIGIN, token=tokens)]))

    async def impatient() -> None:
        with trio.move_on_after(0.5):
            await chain(GET)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(impatient)
        await trio.sleep(0.1)
        assert (await chain(GET)).status == 200
    assert tokens.refreshes == ["t1"]


# retry

async def test_what_failed_in_passing_is_repeated_later_and_later(
    autojump_clock: trio.testing.MockClock
) -> None:
    server = Server(Unreachable("no"), status(503), status(200))
    assert (await server.under(Retry(3, 30.0, random.Random(1)))(GET)).status == 200
    first, second, third = server.times
    assert 0 < second - first <= 0.2 and 0 < third - second <= 0.4


async def test_the_last_failure_is_the_outcome(autojump_clock: trio.testing.MockClock) -> None:
    with pytest.raises(Unreachable, match="third"):
        await Server(Unreachable("first"), status(503), Unreachable("third")).under(Retry(2, 30.0))(GET)
    assert (await Server(status(503)).under(Retry(2, 30.0))(GET)).status == 503


async def test_a_post_is_repeated_only_with_a_key(autojump_clock: trio.testing.MockClock) -> None:
    for key, times in (("", 1), ("k", 3)):
        server = Server(status(503))
        await server.under(Retry(2, 30.0))(HttpRequest(url=URL, method="POST", idempotency_key=key))
        assert len(server.asked) == times


async def test_retry_after_is_heeded_up_to_a_cap(autojump_clock: trio.testing.MockClock) -> None:
    server = Server(status(429, retry_after="7"), status(200))
    assert (await server.under(Retry(2, 30.0))(GET)).status == 200
    assert server.times[1] - server.times[0] == pytest.approx(7.0)
    server = Server(status(429, retry_after="31"), status(200))
    assert (await server.under(Retry(2, 30.0))(GET)).status == 429
    assert len(server.asked) == 1


async def test_nobody_waits_beyond_the_deadline(autojump_clock: trio.testing.MockClock) -> None:
    server = Server(status(503, retry_after="20"))
    with trio.move_on_after(10):
        begin = trio.current_time()
        assert (await server.under(Retry(2, 30.0))(GET)).status == 503
        assert trio.current_time() - begin < 1


async def test_a_budget_bounds_what_repetitions_add(autojump_clock: trio.testing.MockClock) -> None:
    server = Server(status(503))
    chain = server.under(Retry(3, 30.0))
    for _ in range(200):
        await chain(GET)
    assert 200 < len(server.asked) <= 200 + 10 + 200 * 0.1 + 1


# breaker

async def test_a_host_that_only_fails_is_left_alone(autojump_clock: trio.testing.MockClock) -> None:
    server = Server(Unreachable("no"))
    chain = server.under(Breaker(3, 10.0))
    for _ in range(3):
        with pytest.raises(Unreachable, match="no"):
            await chain(GET)
    with pytest.raises(CircuitOpen, match="10 seconds"):
        await chain(GET)
    await chain_ok(server, "https://other.example/")
    await trio.sleep(10)
    server.answers = [status(200)]
    assert (await chain(GET)).status == 200
    assert (await chain(GET)).status == 200


async def chain_ok(server: Server, url: str) -> None:
    """Another host is asked as ever."""
    asked = len(server.asked)
    with pytest.raises(Unreachable):
        await server.under(Breaker(3, 10.0))(HttpRequest(url=url))
    assert len(server.asked) == asked + 1


async def test_silence_counts_as_failure_and_giving_up_does_not(
    autojump_clock: trio.testing.MockClock
) -> None:
    async def silent(request: HttpRequest) -> HttpResponse:
        await trio.sleep_forever()
        raise AssertionError

    breaker = Breaker(2, 10.0)
    chain = compose([breaker], silent)
    for _ in range(5):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(chain, GET)
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
    for _ in range(2):
        with trio.move_on_after(1):
            await chain(GET)
    with pytest.raises(CircuitOpen):
        await chain(GET)
    breaker.reset()
    with trio.move_on_after(1) as scope:
        await chain(GET)
    assert scope.cancelled_caught


# rate

async def test_an_avalanche_is_spread_in_the_order_of_coming(autojump_clock: trio.testing.MockClock) -> None:
    server = Server()
    chain = server.under(RateLimit(10.0, 5))
    async with trio.open_nursery() as nursery:
        for number in range(25):
            nursery.start_soon(chain, HttpRequest(url=f"{URL}/{number:02}"))
            await trio.lowlevel.checkpoint()
    begin = server.times[0]
    assert [round(each - begin, 3) for each in server.times[:5]] == [0.0] * 5
    assert server.times[-1] - begin == pytest.approx(2.0, abs=0.01)
    urls = [each.url for each in server.asked]
    assert urls == sorted(urls)


async def test_a_cancelled_waiter_takes_no_turn(autojump_clock: trio.testing.MockClock) -> None:
    server = Server()
    chain = server.under(RateLimit(1.0, 1))
    await chain(GET)
    with trio.move_on_after(0.5) as scope:
        await chain(GET)
    assert scope.cancelled_caught and len(server.asked) == 1
    begin = trio.current_time()
    await chain(GET)
    assert trio.current_time() - begin == pytest.approx(0.5)


# cache

def fresh(body: bytes = b"body", **headers: str) -> HttpResponse:
    return HttpResponse(
        status=200, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=body
    )


async def test_a_fresh_response_answers_and_a_stale_one_is_asked_about(
    autojump_clock: trio.testing.MockClock
) -> None:
    server = Server(fresh(cache_control="max-age=60", etag='"1"', last_modified="then"),
                    status(304, cache_control="max-age=60"), fresh(b"new", etag='"2"'))
    chain = server.under(Cache(1 << 20))
    for _ in range(3):
        assert (await chain(GET)).body == b"body"
    assert len(server.asked) == 1
    await trio.sleep(60)
    assert ((await chain(GET)).status, (await chain(GET)).body) == (200, b"body")
    assert len(server.asked) == 2
    assert server.asked[1].headers == {"If-None-Match": '"1"', "If-Modified-Since": "then"}
    await trio.sleep(60)
    assert (await chain(GET)).body == b"new"


async def test_a_failure_of_the_server_does_not_lose_what_is_kept(
    autojump_clock: trio.testing.MockClock
) -> None:
    server = Server(fresh(etag='"1"'), status(500), status(304))
    chain = server.under(Cache(1 << 20))
    assert [(await chain(GET)).status for _ in range(3)] == [200, 500, 200]


async def test_a_change_drops_what_is_kept() -> None:
    server = Server(fresh(cache_control="max-age=60"))
    cache = Cache(1 << 20, clock=lambda: 0.0)
    chain = server.under(cache)
    await chain(GET)
    await chain(HttpRequest(url=URL, method="POST"))
    await chain(GET)
    assert len(server.asked) == 3
    cache.clear()
    await chain(GET)
    assert len(server.asked) == 4


async def test_a_cache_is_bounded_and_what_is_used_stays() -> None:
    server = Server(lambda request: fresh(bytes(1000), cache_control="max-age=60"))
    cache = Cache(10_000, clock=lambda: 0.0)
    chain = server.under(cache)
    for number in range(20):
        await chain(HttpRequest(url=f"{URL}/{number}"))
        await chain(HttpRequest(url=f"{URL}/0"))
    assert len(server.asked) == 20
    assert cache._size <= 10_000
    server.answers = [fresh(bytes(5000), cache_control="max-age=60")]
    for _ in range(2):
        await chain(HttpRequest(url=f"{URL}/large"))
    assert len(server.asked) == 22


# metrics

async def test_everything_is_counted_and_hosts_are_bounded() -> None:
    metrics = Metrics()
    chain = Server(status(200), status(404), Unreachable("x"), fresh(b"123")).under(metrics)
    await chain(GET)
    await chain(GET)
    with pytest.raises(Unreachable):
        await chain(GET)
    await chain(GET)
    figures = metrics.figures()["https://files.example:443"]
    assert (figures.requests, figures.statuses, figures.failures, figures.received) == (
        4, {2: 2, 4: 1}, {"Unreachable": 1}, 3)
    assert figures.seconds >= figures.slowest > 0
    for number in range(300):
        await chain(HttpRequest(url=f"https://h{number}.example/"))
    assert len(metrics.figures()) == 257
    assert metrics.figures()[""].requests == 300 - 255


def test_names_are_told_apart() -> None:
    links: Iterable[Any] = (Metrics(), Cache(1), Retry(1, 1.0), Breaker(1, 1.0), RateLimit(1.0, 1),
                            SignIn(), Redirects(), Compression(), Correlation(), IdempotencyKey())
    assert len({each.name for each in links}) == 10
