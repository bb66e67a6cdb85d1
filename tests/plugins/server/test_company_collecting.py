"""Tokens, collectors, limits: what strangers, thieves and floods meet."""

from __future__ import annotations

import gzip
import json

import pytest
import trio
from company_world import LIN, WANG, company_world
from hypothesis import given
from hypothesis import strategies as st
from tulou_server.company.rates import Rates
from tulou_server.company.reports import Unacceptable, read_events, unpacked

from tulou_contracts.transport import Refused


@pytest.fixture
async def world(tmp_path):
    async with company_world(tmp_path) as world:
        yield world


def lines(*events):
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in events).encode()


def event(id_, name="app.started", **fields):
    return {"id": str(id_), "name": name, "at": 1, "fields": fields}


# ---- tokens ----

async def test_nobody_without_a_token_gets_anything_but_a_sign_of_life(world):
    assert (await world.send("/health", "")).status == 200
    for path, method in (("/documents", "GET"), ("/documents/policy", "GET"), ("/collect/events", "POST"),
                         ("/collect/logs", "POST"), ("/", "GET"), ("/admin", "POST")):
        for token in ("", "x", "Bearer", "a" * 5000, "null"):
            response = await world.send(path, token, method, b"x")
            assert response.status == 401, (path, token[:9])
            assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_says_where_the_service_is_and_how_long_it_is_good(world):
    answer = await world.signals.of(LIN).ask("", "company.token", {})
    assert answer["url"] == world.service.url and float(answer["expires"]) == 86_400
    assert len(answer["token"]) >= 32


async def test_a_token_is_of_no_use_for_another_account(world):
    await world.service.publish("policy", {"secret": "lin's"}, account=LIN)
    wangs = await world.token(WANG)
    for headers in ({}, {"x_account": LIN}, {"cookie": f"account={LIN}"}):
        response = await world.send(f"/documents?account={LIN}", wangs, **headers)
        assert json.loads(response.body)["documents"] == []


async def test_the_database_holds_no_token(world):
    token = await world.token()
    dump = "\n".join(world.storage.connection.iterdump())
    assert "company_token" in dump and token not in dump


async def test_tokens_outlive_a_restart_and_not_their_time(tmp_path):
    from tulou_contracts.testing.crypto import MemoryKeyring
    from tulou_contracts.testing.memory_storage import MemoryStorage

    storage, keyring = MemoryStorage(), MemoryKeyring()
    async with company_world(tmp_path, storage=storage, keyring=keyring) as world:
        token, root = await world.token(), world.service.root_key
    async with company_world(tmp_path, storage=storage, keyring=keyring) as world:
        assert world.service.root_key == root
        assert (await world.send("/documents", token)).status == 200
        storage.connection.execute("PRAGMA query_only = 0")
        storage.connection.execute("UPDATE company_token SET expires = 1")
    async with company_world(tmp_path, storage=storage, keyring=keyring) as world:
        assert (await world.send("/documents", token)).status == 401


async def test_an_account_holds_so_many_tokens_and_the_oldest_ends(world):
    first = await world.token()
    for _ in range(20):
        last = await world.token()
    assert (await world.send("/documents", first)).status == 401
    assert (await world.send("/documents", last)).status == 200


async def test_accounts_of_other_domains_get_none(tmp_path):
    async with company_world(tmp_path, domains=["example.org"]) as world:
        with pytest.raises(Refused, match=r"not for mallory@evil\.example"):
            await world.signals.of("mallory@evil.example").ask("", "company.token", {})
        assert await world.token()


async def test_a_component_is_for_the_domain_it_lies_below(tmp_path):
    async with company_world(tmp_path) as world:
        world.signals.address = "company.example.org"
        assert await world.token()
        for stranger in ("m@company.example.org.evil", "m@org", "m@evilexample.org"):
            with pytest.raises(Refused):
                await world.signals.of(stranger).ask("", "company.token", {})


# ---- events ----

async def test_events_are_stored_once_and_counted(world):
    token = await world.token()
    body = lines(event(1), event(2, "消息.sent", n=3), event(1))
    first = await world.send("/collect/events", token, "POST", body)
    assert (first.status, json.loads(first.body)) == (200, {"accepted": 2, "duplicates": 0, "refused": 0})
    again = await world.send("/collect/events", token, "POST", gzip.compress(body + lines(event(3))),
                             content_encoding="gzip")
    assert json.loads(again.body) == {"accepted": 1, "duplicates": 2, "refused": 0}
    assert await world.service.counts("events") == {"app.started": 2, "消息.sent": 1}


async def test_one_bad_line_does_not_cost_the_good_ones(world):
    body = b"\n".join([b"not json", lines(event(1)), b"[]", b'{"id": 7, "name": "x"}', b'{"id": "2"}',
                       b"\xff", b'{"id": "3", "name": "x", "v": NaN}',
                       b'{"id": "4", "name": "x", "v": "\\ud800"}',
                       b'{"id":"5","name":"' + b"x" * 40_000 + b'"}', b"[" * 20_000, lines(event("六"))])
    response = await world.send("/collect/events", await world.token(), "POST", body)
    assert json.loads(response.body) == {"accepted": 2, "duplicates": 0, "refused": 9}


@pytest.mark.parametrize(("body", "headers", "status"), [
    (b"", {}, 400), (b"\n\n", {}, 400), (b"[]", {}, 400), (b"not gzip", {"content_encoding": "gzip"}, 400),
    (gzip.compress(b"x" * 100)[:-9], {"content_encoding": "gzip"}, 400),
    (b"x", {"content_encoding": "br"}, 415),
    (gzip.compress(b"0" * (40 << 20)), {"content_encoding": "gzip"}, 413),
    (b"x" * (5 << 20), {}, 413),
    (lines(*[event(n) for n in range(5001)]), {}, 413),
])
async def test_a_report_that_cannot_be_taken_is_refused(world, body, headers, status):
    response = await world.send("/collect/events", await world.token(), "POST", body, **headers)
    assert response.status == status
    assert await world.service.counts("events") == {}


async def test_without_a_name_on_request_nothing_tells_whose_event_it_is(world):
    token = await world.token()
    await world.send("/collect/events", token, "POST", lines(event(1)), tulou_anonymous="1")
    await world.send("/collect/events", token, "POST", lines(event(2)))
    rows = world.storage.connection.execute("SELECT id, account FROM company_event ORDER BY id").fetchall()
    assert rows == [("1", ""), ("2", LIN)]


async def test_old_events_make_room_and_the_counts_stay(tmp_path):
    async with company_world(tmp_path, quota_events=1 << 16) as world:
        token = await world.token()
        for start in range(0, 600, 100):
            body = lines(*[event(n, text="x" * 100) for n in range(start, start + 100)])
            assert (await world.send("/collect/events", token, "POST", body)).status == 200
        kept = world.storage.connection.execute(
            "SELECT COUNT(*), MAX(CAST(id AS INTEGER)) FROM company_event")
        count, last = kept.fetchone()
        assert 100 < count < 300 and last == 599
        assert await world.service.counts("events") == {"app.started": 600}


async def test_a_flood_is_told_to_wait_and_others_are_not(tmp_path):
    async with company_world(tmp_path, report_rate=20_000, request_rate=30) as world:
        lin, wang = await world.token(LIN), await world.token(WANG)
        statuses = [(await world.send("/collect/logs", lin, "POST", bytes([n]) * 8000)).status
                    for n in range(5)]
        assert statuses[:2] == [200, 200] and 429 in statuses
        refused = await world.send("/collect/logs", lin, "POST", b"z" * 9000)
        assert refused.status == 429 and int(refused.headers["retry-after"]) > 100
        assert (await world.send("/collect/logs", wang, "POST", b"x" * 8000)).status == 200
        many = [(await world.send("/documents", lin)).status for _ in range(40)]
        assert many[0] == 200 and many[-1] == 429
        assert (await world.send("/documents", wang)).status == 200


# ---- logs ----

async def test_log_reports_are_kept_as_they_came_and_once(world):
    token = await world.token()
    for _ in range(2):
        response = await world.send("/collect/logs", token, "POST", b"\x00\xff\x1b[31m", content_type="x/y")
        assert json.loads(response.body) == {"number": 1}
    assert await world.service.counts("logs") == {LIN: 1}
    (kept,) = await world.service.collector.logs()
    assert (kept.account, kept.content_type, kept.size) == (LIN, "x/y", 7)
    assert await world.service.collector.log(1) == b"\x00\xff\x1b[31m"
    assert await world.service.collector.log(2) is None
    assert await world.service.collector.clear_logs() == 1


async def test_an_accounts_old_reports_make_room_and_the_whole_is_bounded(tmp_path):
    async with company_world(tmp_path, keep_logs=3, quota_logs=1 << 16) as world:
        accounts = [f"person{n}@example.org" for n in range(6)]
        tokens = [await world.token(each) for each in accounts]
        for n in range(6):
            assert (await world.send("/collect/logs", tokens[0], "POST", bytes([n]) * 5000)).status == 200
        assert [each.number for each in await world.service.collector.logs()] == [4, 5, 6]
        assert (await world.send("/collect/logs", tokens[0], "POST", b"x" * 12_000)).status == 507
        assert [each.number for each in await world.service.collector.logs()] == [4, 5, 6]
        statuses = [(await world.send("/collect/logs", token, "POST", b"w" * 15_000)).status
                    for token in tokens[1:]]
        assert statuses == [200, 200, 200, 507, 507]
        await world.service.collector.clear_logs()
        assert (await world.send("/collect/logs", tokens[5], "POST", b"w" * 15_000)).status == 200


async def test_a_report_in_parts_is_one_report_however_its_parts_come(tmp_path):
    async with company_world(tmp_path, keep_logs=2) as world:
        token = await world.token()
        for report in ("first", "second", "third"):
            for part in (3, 1, 2, 1):
                body = gzip.compress(f"{report} {part}\n".encode(), mtime=0)
                response = await world.send(
                    "/collect/logs", token, "POST", body, content_encoding="gzip",
                    tulou_report=report, tulou_part=f"{part}/3")
                assert response.status == 200
        second, third = await world.service.collector.logs()
        assert (second.parts, third.parts) == (3, 3)
        whole = await world.service.collector.log(third.number)
        assert gzip.decompress(whole) == b"third 1\nthird 2\nthird 3\n"
        assert await world.service.counts("logs") == {LIN: 3}
        for headers in ({"tulou_part": "x/y"}, {"tulou_report": "x" * 65}, {"tulou_part": "-1/2"}):
            assert (await world.send("/collect/logs", token, "POST", b"x", **headers)).status == 400


async def test_logs_are_asked_for_of_one_account(world):
    from tulou_contracts.company import DocumentRefused

    lin, wang = [], []
    world.signals.of(LIN, lin.append)
    world.signals.of(WANG, wang.append)
    question = await world.service.ask_for_logs(LIN, 1, 2, "昨天的故障")
    with trio.fail_after(5):
        while not lin:
            await trio.sleep(0.01)
    assert (lin[0].name, lin[0].content) == (
        "log.request", {"id": question, "since": "1", "until": "2", "reason": "昨天的故障"})
    assert not wang
    for nobody in ("", "nobody", "@@"):
        with pytest.raises(DocumentRefused):
            await world.service.ask_for_logs(nobody, 1, 2, "")


async def test_a_full_disk_is_said_and_what_was_there_stays(world):
    token = await world.token()
    await world.service.publish("policy", {"a": 1})
    world.storage.full = True
    assert (await world.send("/collect/events", token, "POST", lines(event(1)))).status == 507
    with pytest.raises(Refused, match="problem of its own"):
        await world.token(WANG)
    assert (await world.send("/documents", token)).status == 200


# ---- the pure parts ----

@given(st.binary(max_size=2000))
def test_any_bytes_are_events_or_refused(data):
    try:
        found = read_events(data)
    except Unacceptable as refusal:
        assert refusal.status in (400, 413)
    else:
        assert found.events


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_gzip_of_several_parts_is_unpacked_whole(parts):
    packed = b"".join(map(gzip.compress, parts))
    assert unpacked(packed, "gzip", 2000) == b"".join(parts)
    assert unpacked(packed, " GZIP ", 2000) == b"".join(parts)


def test_a_bucket_fills_again_in_time():
    now = [0.0]
    rates = Rates(10, 10.0, lambda: now[0])
    assert rates.spend("a", 10) == 0 and rates.spend("a", 5) == 5.0 and rates.spend("b", 1) == 0
    now[0] = 5.0
    assert rates.spend("a", 5) == 0 and rates.spend("a", 1) > 0
    assert rates.spend("c", 1000) == 0, "what is more than all is granted to somebody who spent nothing"


async def test_what_is_told_before_a_host_is_there_and_after_it_left_harms_nothing(world):
    await world.kernel.disable("fake-signalhost")
    await world.service.publish("policy", {"a": 1})
    await world.kernel.enable("fake-signalhost")
    with trio.fail_after(5):
        while True:
            try:
                assert await world.token()
                break
            except Refused:
                await trio.sleep(0.01)
