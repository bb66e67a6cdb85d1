"""When reports leave, what they look like, and what becomes of them: all on virtual time."""

from __future__ import annotations

import sys
from email.utils import formatdate
from typing import Any

import pytest
import trio
from tracking_world import CALM, Collector, company
from hypothesis import given
from hypothesis import strategies as st
from tulou import NetworkChanged
from tulou.errors import TulouError
from tulou.testing.kit import EPOCH
from tulou_contracts.company import Company
from tulou_contracts.network import HttpResponse, Unreachable
from tulou_contracts.network_state import NetworkMonitor, NetworkState, Reach
from tulou_contracts.testing.tracking import TABLE
from tulou_contracts.tracking import Consent, TrackingError
from tulou_tracking.answers import LONGEST_WAIT, Fate, fate_of, wait_of


def kit(events: list[dict[str, Any]]) -> list[Any]:
    """The numbers of the tests' own events."""
    return [event["fields"]["whole"] for event in events if event["name"] == "kit.plain"]


async def test_a_report_leaves_when_enough_wait(room: Any, autojump_clock: Any) -> None:
    collector = Collector()
    async with room(collector, batch=10) as opened:
        for number in range(20):
            opened.tracker.track("kit.plain", whole=number)
        await trio.sleep(1)
        assert kit(collector.events()) == list(range(20))
        assert opened.control.state().held == 0
        assert opened.control.state().sent["kit.plain"] == 20


async def test_a_report_leaves_when_enough_bytes_wait(room: Any, autojump_clock: Any) -> None:
    collector = Collector()
    async with room(collector, batch=10_000, batch_kb=1) as opened:
        for _ in range(30):
            opened.tracker.track("kit.personal", what="字" * 50)
        await trio.sleep(1)
        assert len(collector.requests) > 5
        assert all(sum(len(str(event).encode()) for event in report) < 2500 for report in collector.reports())


async def test_a_report_leaves_when_the_oldest_has_waited_long_enough(room: Any, autojump_clock: Any) -> None:
    collector = Collector()
    async with room(collector, batch_age=100.0) as opened:
        await trio.sleep(200)  # the room's own event of its start
        collector.requests.clear()
        opened.tracker.track("kit.plain", whole=1)
        await trio.sleep(99)
        assert not collector.requests
        await trio.sleep(3)
        assert kit(collector.events()) == [1]


async def test_the_form_is_the_documented_one(room: Any, autojump_clock: Any) -> None:
    collector = Collector()
    async with room(collector) as opened:
        opened.tracker.track("kit.plain", kind="图片", whole=1)
        await trio.sleep(10)
        await opened.control.report()
    [request] = collector.requests
    assert request.method == "POST"
    assert request.headers == {"content-type": "application/x-ndjson", "content-encoding": "gzip"}
    [event] = [each for each in collector.events() if each["name"] == "kit.plain"]
    assert set(event) == {"id", "name", "at", "fields", "sent_at"}
    assert EPOCH <= event["at"] <= event["sent_at"] - 9_000_000
    assert set(event["fields"]) == {"kind", "whole", "app", "device", "system", "session"}


async def test_a_report_never_mixes_what_two_consents_allow(room: Any, autojump_clock: Any) -> None:
    collector = Collector()
    async with room(collector, consent="anonymous", starts=False) as opened:
        opened.tracker.track("kit.plain", whole=1)
        await opened.control.set_consent(Consent.FULL)
        opened.tracker.track("kit.plain", whole=2)
        assert kit(await opened.lines()) == [1], "the next report is the first one's"
        await opened.control.report()
    assert [kit(report) for report in collector.reports()] == [[1], [2]]
    assert [request.headers.get("tulou-anonymous") for request in collector.requests] == ["1", None]


async def test_the_collector_of_the_house_takes_our_reports(room: Any, autojump_clock: Any) -> None:
    reports = pytest.importorskip("tulou_server.company.reports", reason="needs server, which collects")
    collector = Collector()
    async with room(collector) as opened:
        opened.tracker.track("kit.plain", kind="图片", seconds=1.5)
        opened.tracker.track("kit.personal", what="\x00\n\u2028😀", name="王小明")
        await opened.control.report()
    [request] = collector.requests
    found = reports.read_events(reports.unpacked(request.body, request.headers["content-encoding"], 10**6))
    assert len(found.events) == len(collector.events()) and found.refused == 0


async def test_the_companys_collector_is_used_where_no_endpoint_is_set(
    room: Any, autojump_clock: Any
) -> None:
    collector = Collector()
    provider = company(collector, document=lambda kind: None)
    type(provider).url = "https://company.example"
    async with room(fakes={Company: provider}) as opened:
        assert opened.control.state().destination == "https://company.example"
        opened.tracker.track("kit.plain", whole=1)
        await opened.control.report()
    assert collector.requests[0].url.endswith("/collect/events") and kit(collector.events()) == [1]


async def test_without_anybody_to_report_to_events_wait(room: Any, autojump_clock: Any) -> None:
    async with room(batch=1, batch_age=0.0) as opened:
        opened.tracker.track("kit.plain", whole=1)
        await trio.sleep(100)
        assert opened.control.state().held >= 1 and opened.control.state().destination == ""
        with pytest.raises(TrackingError, match="nowhere"):
            await opened.control.report()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 451])
async def test_what_will_never_be_taken_is_dropped_and_counted(
    room: Any, autojump_clock: Any, status: int
) -> None:
    collector = Collector(status)
    async with room(collector) as opened:
        opened.tracker.track("kit.plain", whole=1)
        await opened.control.report()
        state = opened.control.state()
        assert state.held == 0 and state.dropped[f"refused-{status}"]["kit.plain"] == 1
        assert "kit.plain" not in state.sent
        await trio.sleep(10_000)
        assert len(collector.requests) == 1


@pytest.mark.parametrize("answer", [
    408, 425, 429, 500, 502, 503, 504, 302, Unreachable("no route to 127.0.0.1"),
    HttpResponse(status=200, headers={"content-type": "text/html; charset=utf-8"}, body=b"<form>sign in"),
])
async def test_what_may_be_taken_later_is_sent_again_and_under_the_same_id(
    room: Any, autojump_clock: Any, answer: Any
) -> None:
    collector = Collector(answer, answer)
    async with room(collector, batch=1, retry_cap=60.0) as opened:
        opened.tracker.track("kit.plain", whole=1)
        await trio.sleep(600)
        assert opened.control.state().held == 0
    first, second, third, *_ = collector.reports()
    assert [event["id"] for event in first] == [event["id"] for event in third]
    assert third[0]["sent_at"] > first[0]["sent_at"] and third[0]["at"] == first[0]["at"]


async def test_pauses_grow_and_have_noise_and_a_cap(room: Any, autojump_clock: Any) -> None:
    collector = Collector(*[503] * 60)
    async with room(collector, batch=1, retry_cap=30.0) as opened:
        opened.tracker.track("kit.plain", whole=1)
        await trio.sleep(900)
    pauses = [later - earlier for earlier, later in zip(collector.times, collector.times[1:])]
    assert len(pauses) > 20 and all(2.0 <= pause <= 32.1 for pause in pauses)
    assert max(pauses) > 10 and len({round(pause, 3) for pause in pauses}) > 15


@pytest.mark.parametrize("value", ["500", formatdate(EPOCH / 1e6 + 500, usegmt=True)])
async def test_retry_after_is_respected_also_when_the_network_comes_back(
    room: Any, autojump_clock: Any, value: str
) -> None:
    collector = Collector(HttpResponse(status=503, headers={"retry-after": value}))
    async with room(collector, batch=2) as opened:
        opened.tracker.track("kit.plain", whole=1)
        await trio.sleep(100)
        assert len(collector.requests) == 1
        opened.kernel.publish(NetworkChanged(up=True))
        await trio.sleep(380)
        assert len(collector.requests) == 1
        await trio.sleep(100)
        assert len(collector.requests) == 2


async def test_a_network_that_is_back_ends_a_pause(room: Any, autojump_clock: Any) -> None:
    collector = Collector(*[Unreachable("no network")] * 12)
    async with room(collector, batch=2, retry_cap=10_000.0) as opened:
        opened.tracker.track("kit.plain", whole=1)
        await trio.sleep(3000)
        before = len(collector.requests)
        opened.kernel.publish(NetworkChanged(up=True))
        await trio.sleep(0.1)
        assert len(collector.requests) == before + 1


async def test_a_report_that_is_too_large_is_halved_until_it_fits(room: Any, autojump_clock: Any) -> None:
    class Small(Collector):
        async def send(self, request: Any) -> HttpResponse:
            answer = await super().send(request)
            return HttpResponse(status=413) if len(self.reports()[-1]) > 3 else answer

    collector = Small()
    async with room(collector, batch=16) as opened:
        for number in range(16):
            opened.tracker.track("kit.plain", whole=number)
        await opened.control.report()
        assert opened.control.state().held == 0 and not opened.control.state().dropped
    taken = [report for report in collector.reports() if len(report) <= 3]
    assert kit([event for report in taken for event in report]) == list(range(16))


async def test_a_single_event_that_is_too_large_for_the_server_is_dropped(
    room: Any, autojump_clock: Any
) -> None:
    collector = Collector(*[413] * 3)
    async with room(collector) as opened:
        await opened.control.empty()
        opened.tracker.track("kit.plain", whole=1)
        opened.tracker.track("kit.plain", whole=2)
        await opened.control.report()
        assert opened.control.state().held == 0
        assert sum(opened.control.state().dropped["refused-413"].values()) == 2


async def test_withdrawing_breaks_a_report_off(room: Any, autojump_clock: Any) -> None:
    collector = Collector()
    collector.hold = trio.Event()
    async with room(collector, batch=1) as opened:
        opened.tracker.track("kit.plain", whole=1)
        await collector.arrived.wait()
        await opened.control.set_consent(Consent.OFF)
        collector.hold.set()
        await trio.sleep(1000)
        state = opened.control.state()
        assert state.held == 0 and "kit.plain" not in state.sent
        assert state.dropped["withdrawn"]["kit.plain"] == 1
        assert len(collector.requests) == 1
        await opened.control.set_consent(Consent.FULL)
        opened.tracker.track("kit.plain", whole=2)
        await trio.sleep(100)
        assert kit(collector.reports()[-1]) == [2], "it goes on after a new yes"


@pytest.mark.parametrize("chosen", [Consent.OFF, Consent.ANONYMOUS, None])
async def test_nothing_is_sent_between_a_no_and_its_being_durable(
    room: Any, autojump_clock: Any, chosen: Consent | None
) -> None:
    collector = Collector()
    collector.hold = trio.Event()
    async with room(collector, batch=1) as opened:
        opened.tracker.track("kit.plain", whole=1)
        await collector.arrived.wait()
        queue = opened.control._queue
        write = queue._database.write

        async def slow(work: Any) -> Any:
            await trio.sleep(50)
            return await write(work)

        queue._database.write = slow
        await (opened.control.empty() if chosen is None else opened.control.set_consent(chosen))
        collector.hold.set()
        await trio.sleep(1000)
        assert len(collector.requests) == 1, "the one that was broken off"


async def test_what_comes_while_a_report_is_under_way_is_not_lost_with_it(
    room: Any, autojump_clock: Any
) -> None:
    collector = Collector()
    collector.hold = trio.Event()
    async with room(collector, batch=1, queue=3) as opened:
        await opened.control.empty()
        opened.tracker.track("kit.plain", whole=0)
        await collector.arrived.wait()
        for number in range(1, 6):  # evicts also what is under way
            opened.tracker.track("kit.plain", whole=number)
        await trio.sleep(1)
        collector.hold.set()
        await trio.sleep(10)
        assert opened.control.state().held == 0
    assert kit(collector.events())[-3:] == [3, 4, 5]


async def test_over_a_metered_network_little_leaves(room: Any, autojump_clock: Any) -> None:
    class Monitor:
        state = NetworkState(reach=Reach.UP, metered=True)

        async def look(self) -> NetworkState:
            return self.state

    monitor, collector = Monitor(), Collector()
    async with room(collector, fakes={NetworkMonitor: monitor}, metered_kb=0, batch=1) as opened:
        opened.tracker.track("kit.plain", whole=1)
        await trio.sleep(5000)
        assert not collector.requests
        assert any("metered" in each for each in opened.control.state().problems)
        monitor.state = NetworkState(reach=Reach.UP, metered=False)
        await trio.sleep(5000)
        assert kit(collector.events()) == [1] and not opened.control.state().problems


async def test_a_server_that_never_answers_holds_up_nothing_else(room: Any, autojump_clock: Any) -> None:
    collector = Collector()
    collector.hold = trio.Event()
    async with room(collector, batch_age=0.0) as opened:
        opened.tracker.track("kit.plain", whole=1)
        await collector.arrived.wait()
        opened.tracker.track("kit.plain", whole=2)
        await opened.control.flush()
        assert kit(await opened.lines()) == [1, 2]


async def test_the_extra_form_is_otlp(room: Any, autojump_clock: Any) -> None:
    logs = pytest.importorskip("opentelemetry.proto.collector.logs.v1.logs_service_pb2")
    import gzip

    collector = Collector()
    async with room(collector, form="otlp") as opened:
        await opened.control.empty()
        opened.tracker.track("kit.plain", kind="图片", whole=3, seconds=0.5, flag=True)
        await opened.control.report()
    [request] = collector.requests
    assert request.headers["content-type"] == "application/x-protobuf"
    message = logs.ExportLogsServiceRequest.FromString(gzip.decompress(request.body))
    [record] = message.resource_logs[0].scope_logs[0].log_records
    assert record.event_name == "kit.plain"
    assert record.time_unix_nano >= EPOCH * 1000 and record.observed_time_unix_nano >= record.time_unix_nano
    values = {each.key: each.value for each in record.attributes}
    assert values["kind"].string_value == "图片" and values["whole"].int_value == 3
    assert values["seconds"].double_value == 0.5 and values["flag"].bool_value is True
    assert values["event.id"].string_value and values["service.version"].string_value


async def test_without_its_library_the_extra_form_says_what_to_install(
    room: Any, autojump_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tulou_tracking.otlp", None)
    async with room(Collector(), form="otlp", batch=1) as opened:
        opened.tracker.track("kit.plain", whole=1)
        await trio.sleep(100)
        assert any("tulou-tracking[otlp]" in each for each in opened.control.state().problems)
        assert opened.control.state().held >= 1, "nothing is lost"


@pytest.mark.parametrize("endpoint", ["http://", "http://[", "http://a b/", "http://127.0.0.1:99999/"])
async def test_an_endpoint_that_cannot_be_is_a_problem_and_no_crash(room: Any, endpoint: str) -> None:
    net = pytest.importorskip("tulou_net", reason="needs net, which sends")
    async with room(more=[net.plugin], endpoint=endpoint) as opened:
        opened.tracker.track("kit.plain", whole=1)
        with pytest.raises(TulouError):
            await opened.control.report()
        assert opened.control.state().problems and opened.control.state().held >= 1


@CALM
@given(st.integers(min_value=100, max_value=599))
def test_every_status_has_a_fate(status: int) -> None:
    fate = fate_of(status)
    assert (fate is Fate.DONE) == (200 <= status < 300)
    if status >= 500 or status < 400:
        assert fate in (Fate.DONE, Fate.AGAIN)


@CALM
@given(st.text(max_size=200))
def test_nonsense_in_retry_after_is_no_wait_and_no_crash(text: str) -> None:
    assert 0.0 <= wait_of({"retry-after": text}, EPOCH) <= LONGEST_WAIT


@pytest.mark.parametrize("value, seconds", [
    ("0", 0.0), ("120", 120.0), (" 7 ", 7.0), ("-5", 0.0), ("1e9", 0.0), ("99999999999", LONGEST_WAIT),
    ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT), ("Mon, 01 Jan 1990 00:00:00 GMT", 0.0), ("١٢", 0.0),
])
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float) -> None:
    assert wait_of({"retry-after": value}, EPOCH) == seconds


def test_the_table_of_the_suite_is_used() -> None:
    assert {spec.name for spec in TABLE} >= {"kit.plain", "kit.personal"}
