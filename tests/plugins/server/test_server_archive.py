"""The archive over the wire: paging both ways, filters, times, and queries that are wrong."""

import pytest
from server_client import archived, condition, signed_in
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

WANG = "wang@tulou.localhost"
CHEN = "陈@tulou.localhost"


@pytest.fixture
async def lin(endpoint):
    async with signed_in(endpoint, "lin") as client:
        for number in range(20):
            await client.message(CHEN if number % 4 == 0 else WANG, f"第{number}条")
        await client.sync()
        yield client


def bodies(results):
    return [archived(result).child_text("body") for result in results]


def numbers(results):
    return [int(result.get("id")) for result in results]


async def test_forwards_page_by_page_to_the_end(lin):
    seen, after = [], None
    while True:
        results, fin = await lin.archive(after=after, limit=6)
        seen += numbers(results)
        if fin.get("complete") == "true":
            break
        after = fin.child("set", ns.RSM).child_text("last")
    assert seen == list(range(1, 21))


async def test_backwards_page_by_page_to_the_beginning(lin):
    seen, before = [], ""
    while True:
        results, fin = await lin.archive(before=before, limit=6)
        seen = numbers(results) + seen
        if fin.get("complete") == "true":
            break
        before = fin.child("set", ns.RSM).child_text("first")
    assert seen == list(range(1, 21))


async def test_with_one_person(lin):
    results, fin = await lin.archive(peer=CHEN, limit=3)
    assert bodies(results) == ["第0条", "第4条", "第8条"]
    paging = fin.child("set", ns.RSM)
    assert (paging.child_text("count"), paging.child("first").get("index")) == ("5", "0")
    results, fin = await lin.archive(peer=CHEN, before="", limit=2)
    assert bodies(results) == ["第12条", "第16条"]
    assert fin.child("set", ns.RSM).child("first").get("index") == "3"
    assert fin.get("complete") is None or fin.get("complete") == ""
    assert (await lin.archive(peer="someone@elsewhere.example"))[0] == []


async def test_the_other_side_has_its_own_archive_with_its_own_numbers(lin, endpoint):
    async with signed_in(endpoint, "陈") as chen:
        results, fin = await chen.archive()
        assert numbers(results) == [1, 2, 3, 4, 5]
        assert fin.get("complete") == "true"
        assert archived(results[0]).get("from") == lin.jid


async def test_between_two_moments(lin):
    results, _ = await lin.archive()
    stamps = [r.find(("forwarded", ns.FORWARD), ("delay", ns.DELAY)).get("stamp") for r in results]
    inside, _ = await lin.archive(start=stamps[5], end=stamps[10])
    assert [n for n, stamp in enumerate(stamps, 1) if stamps[5] <= stamp <= stamps[10]] == numbers(inside)
    assert (await lin.archive(start="2999-01-01T00:00:00Z"))[0] == []
    assert (await lin.archive(end="1999-01-01T00:00:00Z"))[0] == []


async def test_max_nought_only_counts(lin):
    results, fin = await lin.archive(limit=0)
    assert results == [] and fin.child("set", ns.RSM).child_text("count") == "20"


@pytest.mark.parametrize("asked, reason", [
    ({"after": "nonsense"}, "item-not-found"),
    ({"after": "999"}, "item-not-found"),
    ({"before": "999"}, "item-not-found"),
    ({"after": "9" * 30}, "item-not-found"),
    ({"start": "yesterday"}, "bad-request"),
    ({"peer": "@@@"}, "bad-request"),
])
async def test_what_cannot_be_asked(lin, asked, reason):
    _, answer = await lin.archive(**asked)
    assert condition(answer) == reason


@pytest.mark.parametrize("payload, reason", [
    (Element("query", ns.MAM, Element("x", ns.DATA_FORMS, Element("field", ns.DATA_FORMS, var="smell"))),
     "feature-not-implemented"),
    (Element("query", ns.MAM, Element("set", ns.RSM, Element("index", ns.RSM, "3"))),
     "feature-not-implemented"),
    (Element("query", ns.MAM, Element("set", ns.RSM, Element("max", ns.RSM, "-1"))), "bad-request"),
    (Element("query", ns.MAM, Element("set", ns.RSM, Element("max", ns.RSM, "many"))), "bad-request"),
])
async def test_odd_queries_are_refused(lin, payload, reason):
    assert condition(await lin.iq("set", payload)) == reason


async def test_nobody_reads_anothers_archive(lin):
    answer = await lin.iq("set", Element("query", ns.MAM), to=WANG)
    assert condition(answer) == "service-unavailable"


async def test_the_form_tells_the_filters(lin):
    answer = await lin.iq("get", Element("query", ns.MAM))
    form = answer.find(("query", ns.MAM), ("x", ns.DATA_FORMS))
    assert {f.get("var") for f in form.children} == {"FORM_TYPE", "with", "start", "end"}


async def test_big_stanzas_make_short_pages_and_none_is_skipped(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        for number in range(12):
            await lin.message(WANG, f"{number}:" + "大" * 60_000)
        await lin.sync()
        seen, after = [], None
        for _ in range(20):
            results, fin = await lin.archive(after=after, limit=50)
            seen += [body.partition(":")[0] for body in bodies(results)]
            if fin.get("complete") == "true":
                break
            after = fin.child("set", ns.RSM).child_text("last")
        assert seen == [str(n) for n in range(12)]
