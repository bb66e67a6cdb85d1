"""Contact lists, subscriptions and presence between accounts (RFC 6121)."""

import pytest
from server_client import condition, named, signed_in
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

LIN = "lin@tulou.localhost"
WANG = "wang@tulou.localhost"


def is_presence(kind="", sender=None):
    def test(element):
        fits = element.name == "presence" and element.get("type") == kind
        return fits and (sender is None or element.get("from").startswith(sender))

    return test


def is_push(element):
    return element.name == "iq" and element.get("type") == "set" and bool(element.child("query", ns.ROSTER))


async def roster(client, ver=None):
    answer = await client.iq("get", Element("query", ns.ROSTER, ver=ver))
    return answer.child("query", ns.ROSTER)


async def pushed(client):
    push = await client.expect(is_push)
    return push.find(("query", ns.ROSTER), ("item", ns.ROSTER))


def line(item):
    return item.get("jid"), item.get("subscription"), item.get("ask")


async def add(client, jid, name="", *groups):
    item = Element("item", ns.ROSTER, *(Element("group", ns.ROSTER, g) for g in groups), jid=jid, name=name)
    return await client.iq("set", Element("query", ns.ROSTER, item))


async def test_asking_and_granting_both_ways(endpoint):
    async with signed_in(endpoint, "lin") as lin, signed_in(endpoint, "wang") as wang:
        await roster(lin)
        await roster(wang)
        await lin.send(Element(
            "presence", ns.CLIENT, Element("status", ns.CLIENT, "我是小林"), type="subscribe", to=WANG
        ))
        assert line(await pushed(lin)) == (WANG, "none", "subscribe")
        request = await wang.expect(is_presence("subscribe"))
        assert request.get("from") == LIN and request.child_text("status") == "我是小林"

        await wang.presence("subscribed", LIN)
        assert line(await pushed(wang)) == (LIN, "from", "")
        assert line(await pushed(lin)) == (WANG, "to", "")
        await lin.expect(is_presence("subscribed"))
        await lin.expect(is_presence("", WANG))

        await wang.presence("subscribe", LIN)
        await lin.presence("subscribed", WANG)
        await wang.expect(is_presence("", LIN))
        assert [line(i)[1] for i in (await roster(lin)).children] == ["both"]
        assert [line(i)[1] for i in (await roster(wang)).children] == ["both"]


async def test_a_request_waits_until_it_is_answered(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        await lin.presence("subscribe", WANG)
        await lin.sync()
    for _ in range(2):
        async with signed_in(endpoint, "wang") as wang:
            await wang.expect(is_presence("subscribe"))
            assert (await roster(wang)).children == []
    async with signed_in(endpoint, "wang") as wang:
        await wang.presence("unsubscribed", LIN)
        await wang.sync()
    async with signed_in(endpoint, "wang") as wang:
        assert await wang.gather(is_presence("subscribe")) == []


async def test_somebody_who_does_not_exist_declines(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        await roster(lin)
        await lin.presence("subscribe", "nobody@tulou.localhost")
        await lin.expect(is_presence("unsubscribed"))
        assert line(await pushed(lin))[2] == "subscribe"
        assert line(await pushed(lin))[2] == ""


async def test_friends_see_each_other_come_change_and_go(server, endpoint):
    await server.befriend("lin", "wang")
    async with signed_in(endpoint, "lin") as lin:
        async with signed_in(endpoint, "wang", "pc") as wang:
            await lin.expect(is_presence("", f"{WANG}/pc"))
            await wang.expect(is_presence("", LIN))
            await wang.send(Element("presence", ns.CLIENT, Element("show", ns.CLIENT, "dnd")))
            assert (await lin.expect(is_presence("", WANG))).child_text("show") == "dnd"
        await lin.expect(is_presence("unavailable", f"{WANG}/pc"))


async def test_befriending_while_both_are_online_shows_at_once(server, endpoint):
    await server.create_account("mei", "secret", "梅梅")
    async with signed_in(endpoint, "lin") as lin, signed_in(endpoint, "mei") as mei:
        await roster(lin)
        await server.befriend("lin", "mei")
        item = await pushed(lin)
        assert (item.get("subscription"), item.get("name")) == ("both", "梅梅")
        await lin.expect(is_presence("", "mei@"))
        await mei.expect(is_presence("", "lin@"))


async def test_names_groups_and_other_devices(endpoint):
    async with signed_in(endpoint, "lin", "a") as one, signed_in(endpoint, "lin", "b") as two:
        await roster(two)
        assert (await add(one, WANG, "老王", "同事", "朋友")).get("type") == "result"
        item = await pushed(two)
        assert item.get("name") == "老王"
        assert [g.text for g in item.children] == ["同事", "朋友"]


async def test_removing_ends_both_subscriptions(server, endpoint):
    await server.befriend("lin", "wang")
    async with signed_in(endpoint, "lin") as lin, signed_in(endpoint, "wang") as wang:
        await roster(wang)
        await wang.expect(is_presence("", LIN))
        item = Element("item", ns.ROSTER, jid=WANG, subscription="remove")
        assert (await lin.iq("set", Element("query", ns.ROSTER, item))).get("type") == "result"
        await wang.expect(is_presence("unavailable", LIN))
        assert (await roster(lin)).children == []
        assert [line(i) for i in (await roster(wang)).children] == [(LIN, "none", "")]
        again = await lin.iq("set", Element("query", ns.ROSTER, item))
        assert condition(again) == "item-not-found"


async def test_a_version_brings_only_what_changed_since(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        await add(lin, WANG, "one")
        version = (await roster(lin)).get("ver")
        assert (await lin.iq("get", Element("query", ns.ROSTER, ver=version))).children == []
        assert await lin.gather(is_push) == []
        await add(lin, "陈@tulou.localhost", "two")
    async with signed_in(endpoint, "lin") as lin:
        assert (await lin.iq("get", Element("query", ns.ROSTER, ver=version))).children == []
        assert (await pushed(lin)).get("name") == "two"
        remove = Element("item", ns.ROSTER, jid=WANG, subscription="remove")
        await lin.iq("set", Element("query", ns.ROSTER, remove))
        newer = (await pushed(lin)).get("subscription")
        assert newer == "remove"
        assert len((await roster(lin, "99999")).children) == 1  # a version we never gave: everything


@pytest.mark.parametrize("items, reason", [
    ([], "bad-request"),
    ([{"jid": WANG}, {"jid": LIN}], "bad-request"),
    ([{"jid": "@@"}], "bad-request"),
    ([{}], "bad-request"),
    ([{"jid": "wang@elsewhere.example"}], "remote-server-not-found"),
    ([{"jid": LIN}], "not-allowed"),
    ([{"jid": f"{WANG}/pc"}], "not-allowed"),
    ([{"jid": "tulou.localhost"}], "not-allowed"),
    ([{"jid": WANG, "name": "x" * 2000}], "not-acceptable"),
])
async def test_odd_changes_are_refused(endpoint, items, reason):
    async with signed_in(endpoint, "lin") as lin:
        elements = [Element("item", ns.ROSTER, **item) for item in items]
        assert condition(await lin.iq("set", Element("query", ns.ROSTER, *elements))) == reason
        assert (await roster(lin)).children == []


async def test_directed_presence_is_taken_back_when_its_sender_goes(endpoint):
    async with signed_in(endpoint, "wang") as wang:
        async with signed_in(endpoint, "lin", "pc") as lin:
            await lin.presence(to=WANG)
            await wang.expect(is_presence("", f"{LIN}/pc"))
        await wang.expect(is_presence("unavailable", f"{LIN}/pc"))


async def test_presence_elsewhere_and_of_odd_types(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        await lin.presence("subscribe", "x@elsewhere.example")
        assert condition(await lin.expect(is_presence("error"))) == "remote-server-not-found"
        await lin.presence("dancing")
        assert condition(await lin.expect(is_presence("error"))) == "bad-request"
        await lin.presence("subscribe", LIN)
        await lin.presence("subscribe")
        await lin.sync()


async def test_a_stranger_sees_nothing(endpoint):
    async with signed_in(endpoint, "wang") as wang, signed_in(endpoint, "lin") as lin:
        await lin.presence("probe", WANG)
        answer = await lin.iq("get", Element("query", ns.DISCO_INFO), to=WANG)
        assert condition(answer) == "service-unavailable"
        assert await lin.gather(named("presence")) == []
        assert wang.jid


async def test_vcards(endpoint):
    card = Element("vCard", ns.VCARD, Element("FN", ns.VCARD, "林徽因 & 梁"), Element("PHOTO", ns.VCARD))
    async with signed_in(endpoint, "lin") as lin, signed_in(endpoint, "wang") as wang:
        assert (await lin.iq("get", Element("vCard", ns.VCARD))).child("vCard", ns.VCARD).children == []
        assert (await lin.iq("set", card)).get("type") == "result"
        assert (await wang.iq("get", Element("vCard", ns.VCARD), to=LIN)).children == [card]
        assert condition(await wang.iq("set", card, to=LIN)) == "forbidden"
        assert condition(await lin.iq("get", Element("vCard", ns.VCARD), to=WANG)) == "item-not-found"
        nobody = "nobody@tulou.localhost"
        assert condition(await lin.iq("get", Element("vCard", ns.VCARD), to=nobody)) == "item-not-found"


@pytest.mark.parametrize("to", [None, LIN, WANG, "tulou.localhost", f"{WANG}/nowhere"])
async def test_a_request_nobody_knows_is_refused_everywhere_alike(endpoint, to):
    async with signed_in(endpoint, "lin") as lin:
        answer = await lin.iq("get", Element("query", "urn:unknown"), to=to)
        assert condition(answer) == "service-unavailable"


async def test_requests_between_clients_pass_through(endpoint):
    async with signed_in(endpoint, "lin") as lin, signed_in(endpoint, "wang", "pc") as wang:
        await lin.send(Element(
            "iq", ns.CLIENT, Element("query", "urn:game"), type="get", id="g", to=f"{WANG}/pc"
        ))
        asked = await wang.expect(lambda e: e.child("query", "urn:game") is not None)
        assert asked.get("from") == lin.jid
        await wang.send(Element("iq", ns.CLIENT, type="result", id="g", to=asked.get("from")))
        await lin.expect(lambda e: e.get("id") == "g" and e.get("type") == "result")


async def test_what_the_server_says_it_can(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        info = (await lin.iq("get", Element("query", ns.DISCO_INFO), to="tulou.localhost")).children[0]
        assert info.child("identity").get("category") == "server"
        assert {ns.CARBONS, ns.PING, ns.REGISTER} <= {f.get("var") for f in info.children_named("feature")}
        own = (await lin.iq("get", Element("query", ns.DISCO_INFO), to=LIN)).children[0]
        assert ns.MAM in {f.get("var") for f in own.children_named("feature")}
        items = await lin.iq("get", Element("query", ns.DISCO_ITEMS), to="tulou.localhost")
        assert items.children[0].children == []
        version = await lin.iq("get", Element("query", ns.VERSION), to="tulou.localhost")
        assert version.get("type") == "result"
        await lin.send(Element("inactive", ns.CSI), Element("active", ns.CSI))
        await lin.sync()


@pytest.mark.parametrize("text", [
    "<iq xmlns='jabber:client' type='get' id='1'/>",
    "<iq xmlns='jabber:client' type='get'><x xmlns='a'/></iq>",
    "<iq xmlns='jabber:client' type='shout' id='1'><x xmlns='a'/></iq>",
    "<iq xmlns='jabber:client' type='set' id='1'><x xmlns='a'/><y xmlns='b'/></iq>",
])
async def test_an_improper_iq_is_a_bad_request(endpoint, text):
    async with signed_in(endpoint, "lin") as lin:
        await lin.send(text)
        answer = await lin.expect(lambda e: e.name == "iq" and e.get("type") == "error")
        assert condition(answer) == "bad-request"
