"""A service that is down, slow, wrong or flooded; tokens; word by the wire; reports."""

from __future__ import annotations

import json

import pytest
import trio
from company_office import LIN, URL, FakeService, office, signed

from tulou_contracts.company import DocumentRefused, NoCompany
from tulou_contracts.network import HttpResponse, NetworkError, Unreachable
from tulou_contracts.transport import Refused, SignalReceived


def said(body, status=200, **headers):
    return HttpResponse(status=status, body=body if isinstance(body, bytes) else json.dumps(body).encode(),
                        headers={key.replace("_", "-"): value for key, value in headers.items()})


async def test_a_service_that_is_down_is_asked_again_less_and_less_often(tmp_path):
    service = FakeService()
    service.down = True
    async with office(tmp_path, service=service, texts=[signed()]) as it:
        await trio.sleep(20 * 3600)
        assert 40 < len(service.requests) < 1000
        assert it.company.document("policy") is None and "no connection" in it.company.trouble
        service.down = False
        await it.asked(len(service.requests) + 1)
        assert it.company.document("policy").version == 1 and it.company.trouble == ""


async def test_a_service_that_never_answers_is_given_up_and_asked_again(tmp_path):
    service = FakeService()
    service.raw = [None, None]
    async with office(tmp_path, service=service, texts=[signed()], timeout=10.0) as it:
        with pytest.raises(Unreachable, match="within 10 seconds"):
            await it.company.refresh("policy")
        await it.asked(3)
        assert it.company.document("policy").version == 1


@pytest.mark.parametrize("answer", [
    said(b""), said(b"<html>log in to the hotel</html>"), said([]), said({}), said({"documents": {}}),
    said({"documents": ["x"] * 201}), said(b'{"documents":' + b"[" * 100_000), said(b"\xff" * 100),
    said(b" " * (17 << 20)), said(b'{"documents": [], "documents": []}'),
])
async def test_an_answer_that_is_none_is_refused(tmp_path, answer):
    async with office(tmp_path, texts=[signed()]) as it:
        await it.asked(1)
        it.service.raw = [answer]
        with pytest.raises(DocumentRefused):
            await it.company.refresh("policy")
        assert it.company.document("policy").version == 1


@pytest.mark.parametrize(("status", "error"), [
    (304, NetworkError), (500, NetworkError), (302, NetworkError), (204, NetworkError), (404, NoCompany),
])
async def test_a_status_that_helps_nobody_is_an_error(tmp_path, status, error):
    service = FakeService()
    service.raw = [said(b"", status)]
    async with office(tmp_path, service=service, poll=10**6) as it:
        with pytest.raises(error):
            await it.company.refresh("policy")
        assert it.company.document("policy") is None


async def test_retry_after_is_kept(tmp_path):
    service = FakeService()
    service.raw = [said(b"", 503, retry_after="500")]
    async with office(tmp_path, service=service, texts=[signed()]) as it:
        begun = trio.current_time()
        await it.asked(2)
        assert trio.current_time() - begun >= 500


async def test_nothing_that_is_known_travels_again(tmp_path):
    async with office(tmp_path, texts=[signed()]) as it:
        await it.asked(1)
        await it.asked(4)
        assert [("if-none-match" in each.headers) for each in it.service.requests[:3]][-1]
        assert it.changes == [("policy", 1)]


async def test_looks_are_spread_over_time(tmp_path):
    async with office(tmp_path, texts=[signed()], poll=1000.0) as it:
        times = []
        for number in range(1, 9):
            await it.asked(number)
            times.append(trio.current_time())
        gaps = [later - sooner for sooner, later in zip(times, times[1:], strict=False)]
        assert all(799 < gap < 1202 for gap in gaps) and max(gaps) - min(gaps) > 10


async def test_word_from_the_service_makes_us_look_and_nobody_elses_does(tmp_path):
    async with office(tmp_path, texts=[signed()], poll=10**5) as it:
        await it.asked(1)
        for sender in ("wang@example.org", "evil.example", "example.org.evil", "", LIN):
            it.publish(SignalReceived(sender=sender, name="company.document", content={}))
        it.publish(SignalReceived(sender="example.org", name="other", content={"kind": "policy"}))
        await trio.sleep(1000)
        assert len(it.service.requests) == 1
        it.service.texts = [signed(version=2)]
        for _ in range(100):
            await it.signals.notify(LIN, "company.document", {"kind": "policy", "version": "2"})
        await it.asked(2)
        assert it.company.document("policy").version == 2
        await trio.sleep(1000)
        assert len(it.service.requests) <= 4, "a hundred notices are one piece of news"


async def test_as_a_component_only_the_components_word_counts(tmp_path):
    async with office(tmp_path, texts=[signed()], poll=10**5, asked="company.example.org") as it:
        await trio.sleep(1)
        before = len(it.service.requests)
        it.publish(SignalReceived(sender="example.org", name="company.document", content={}))
        await trio.sleep(100)
        assert len(it.service.requests) == before
        it.publish(SignalReceived(sender="company.example.org", name="company.document", content={}))
        await it.asked(before + 1)


async def test_a_token_is_asked_for_once_by_all_and_again_when_it_is_refused(tmp_path):
    async with office(tmp_path, texts=[signed()]) as it:
        await it.asked(1)
        assert it.service.issued == 1
        it.service.tokens.clear()

        async def report():
            answer = await it.company.report("events", b"x", content_type="text/plain")
            assert answer.status == 200

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(report)
        assert 2 <= it.service.issued <= 3 and len(it.service.reports) == 5
        account, request = it.service.reports[0]
        assert account == LIN and request.url == f"{URL}/collect/events"
        assert request.headers["origin"] == URL and request.headers["content-type"] == "text/plain"


async def test_a_service_that_refuses_every_token_is_asked_for_one_more_only(tmp_path):
    async with office(tmp_path) as it:
        await it.asked(1)
        before = it.service.issued
        it.service.raw = [said(b"", 401) for _ in range(9)]
        answer = await it.company.report("logs", b"x", content_type="text/plain")
        assert answer.status == 401 and it.service.issued == before + 1 and len(it.service.raw) == 7


async def test_a_token_is_renewed_before_it_runs_out(tmp_path):
    async with office(tmp_path, texts=[signed()]) as it:
        await it.asked(1)
        await trio.sleep(3600)
        await it.company.report("logs", b"x", content_type="text/plain")
        assert it.service.issued >= 2


@pytest.mark.parametrize("answer", [
    {}, {"token": "", "url": URL, "expires": "60"}, {"token": "x" * 5000, "url": URL, "expires": "60"},
    {"token": "bad token with spaces", "url": URL, "expires": "60"},
    {"token": "good-enough-token", "url": "http://company.example.org", "expires": "60"},
    {"token": "good-enough-token", "url": "http://127.0.0.1.evil.example/", "expires": "60"},
    {"token": "good-enough-token", "url": "http://127.0.0.1@evil.example/", "expires": "60"},
    {"token": "good-enough-token", "url": "file:///etc/passwd", "expires": "60"},
    {"token": "good-enough-token", "url": "", "expires": "60"},
])
async def test_a_token_answer_that_cannot_be_right_sends_nothing_anywhere(tmp_path, answer):
    service = FakeService()

    async def token(account, content):
        return answer

    service.token = token
    async with office(tmp_path, service=service) as it:
        with pytest.raises(NoCompany):
            await it.company.report("logs", b"secret", content_type="text/plain")
        assert service.requests == []


@pytest.mark.parametrize("expires", ["", "nan", "-5", "1e400", "soon", "0"])
async def test_a_life_of_a_token_that_is_nonsense_is_a_short_one(tmp_path, expires):
    service = FakeService()
    inner = service.token

    async def token(account, content):
        return {**await inner(account, content), "expires": expires}

    service.token = token
    async with office(tmp_path, service=service, texts=[signed()]) as it:
        await it.asked(1)
        assert it.company.document("policy").version == 1


async def test_a_server_without_a_company_service_is_no_company(tmp_path):
    service = FakeService()

    async def token(account, content):
        raise Refused("nobody here answers")

    service.token = token
    async with office(tmp_path, service=service) as it:
        with pytest.raises(NoCompany, match="nobody here answers"):
            await it.company.refresh("policy")
        await trio.sleep(7200)
        assert service.requests == []


async def test_a_report_is_given_up_in_time_and_a_wrong_collector_at_once(tmp_path):
    async with office(tmp_path) as it:
        await it.asked(1)
        it.service.raw = [None]
        with pytest.raises(Unreachable):
            await it.company.report("events", b"x", content_type="text/plain", timeout=5.0)
        for name in ("../documents", "", "Events", "a/b"):
            with pytest.raises(ValueError, match="no collector"):
                await it.company.report(name, b"x", content_type="text/plain")


async def test_a_caller_cannot_put_another_token_on_a_report(tmp_path):
    async with office(tmp_path) as it:
        await it.asked(1)
        await it.company.report("events", b"x", content_type="text/plain",
                                headers={"Authorization": "Bearer stolen", "X-More": "1"})
        _, request = it.service.reports[0]
        assert request.headers["authorization"].startswith("Bearer token-number")
        assert request.headers["x-more"] == "1"


async def test_while_offline_what_is_held_stays_and_it_says_why(tmp_path):
    async with office(tmp_path, texts=[signed()]) as it:
        await it.asked(1)
        it.wire.online = False
        it.service.tokens.clear()
        with pytest.raises(Unreachable, match="no connection"):
            await it.company.refresh("policy")
        assert it.company.document("policy").version == 1


async def test_another_account_gets_a_token_of_its_own(tmp_path):
    async with office(tmp_path, account="") as it:
        await trio.sleep(1)
        it.sign_in(LIN)
        await trio.sleep(1)
        it.wire.account = LIN
        await it.company.report("events", b"x", content_type="text/plain")
        assert it.service.reports[0][0] == LIN


async def test_a_service_that_moved_is_found_again(tmp_path):
    service = FakeService()
    inner, urls = service.token, [URL, "https://elsewhere.example.org"]

    async def token(account, content):
        return {**await inner(account, content), "url": urls[0]}

    async def send(request):
        if not request.url.startswith(urls[0]):
            raise Unreachable("nobody is there")
        return await FakeService.send(service, request)

    service.token, service.send = token, send
    async with office(tmp_path, service=service, texts=[signed()]) as it:
        await it.asked(1)
        urls.pop(0)
        it.service.texts = [signed(version=2)]
        with pytest.raises(Unreachable):
            await it.company.refresh("policy")
        assert (await it.company.refresh("policy")).version == 2
        assert it.company.url == "https://elsewhere.example.org"
