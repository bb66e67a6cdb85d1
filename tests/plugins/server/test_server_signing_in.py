"""Opening streams, registering, signing in, binding; and everything that is wrong with it."""

import pytest
import trio
from server_client import Gone, Refused, condition, connected, named, signed_in
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

from tulou_contracts.identity import AccountTaken, AddressInvalid


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1"])
async def test_both_mechanisms_let_in(endpoint, mechanism):
    async with connected(endpoint) as client:
        await client.login("lin", mechanism=mechanism)
        assert await client.bind("桌上") == "lin@tulou.localhost/桌上"


@pytest.mark.parametrize("name", ["lin", "nobody", "陈", "a b", "x@y"])
async def test_a_wrong_password_and_an_unknown_name_look_alike(endpoint, name):
    async with connected(endpoint) as client:
        await client.open()
        with pytest.raises(Refused, match="not-authorized"):
            await client.authenticate(name, "wrong")
        await client.authenticate("lin", "secret")


async def test_the_salt_of_an_unknown_name_stays_the_same(endpoint):
    async def salt() -> str:
        import base64
        async with connected(endpoint) as client:
            await client.open()
            first = base64.b64encode(b"n,,n=nobody,r=abc").decode()
            await client.send(Element("auth", ns.SASL, first, mechanism="SCRAM-SHA-256"))
            challenge = await client.expect(named("challenge"))
            return base64.b64decode(challenge.text).split(b",")[1].decode()

    assert await salt() == await salt()


async def test_guessing_passwords_ends_the_stream(endpoint):
    async with connected(endpoint) as client:
        await client.open()
        with pytest.raises((Refused, Gone)):
            for _ in range(4):
                with pytest.raises(Refused):
                    await client.authenticate("lin", "wrong")
            await client.authenticate("lin", "wrong")
        assert "policy-violation" in [condition(e) for e in await client.gone() if e.is_("error", ns.STREAMS)]


async def test_register_then_sign_in(endpoint):
    async with connected(endpoint) as client:
        await client.open()
        form = await client.iq("get", Element("query", ns.REGISTER))
        query = form.child("query", ns.REGISTER)
        assert query.child("username") is not None and query.child("password") is not None
        assert (await client.register("新来的", "密码 1")).get("type") == "result"
        await client.authenticate("新来的", "密码 1")
        await client.open()
        assert (await client.bind()).startswith("新来的@tulou.localhost/")


@pytest.mark.parametrize("name, password, reason", [
    ("lin", "x", "conflict"),
    ("LIN", "x", "conflict"),
    ("", "x", "not-acceptable"),
    ("a b", "x", "not-acceptable"),
    ("a/b", "x", "not-acceptable"),
    ("a@b", "x", "not-acceptable"),
    ("x" * 2000, "x", "not-acceptable"),
    ("fresh", "", "not-acceptable"),
    ("fresh", "\u0627a", "not-acceptable"),
])
async def test_what_cannot_be_registered(endpoint, name, password, reason):
    async with connected(endpoint) as client:
        await client.open()
        assert condition(await client.register(name, password)) == reason


async def test_registration_can_be_switched_off(serving):
    async with serving(registration=False) as server, connected(server.endpoint) as client:
        features = await client.open()
        assert features.child("register", ns.REGISTER_FEATURE) is None
        assert condition(await client.register("fresh", "x")) == "not-allowed"


async def test_two_at_once_for_one_name_only_one_gets_it(endpoint):
    outcomes = []

    async def one() -> None:
        async with connected(endpoint) as client:
            await client.open()
            outcomes.append((await client.register("zhang", "x")).get("type"))

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(one)
    assert sorted(outcomes) == ["error", "error", "error", "result"]


async def test_change_the_password(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        fields = [Element("username", ns.REGISTER, "lin"), Element("password", ns.REGISTER, "newer")]
        answer = await lin.iq("set", Element("query", ns.REGISTER, *fields), to="tulou.localhost")
        assert answer.get("type") == "result"
        others = [Element("username", ns.REGISTER, "wang"), Element("password", ns.REGISTER, "mine now")]
        answer = await lin.iq("set", Element("query", ns.REGISTER, *others), to="tulou.localhost")
        assert condition(answer) == "not-allowed"
    async with signed_in(endpoint, "lin", password="newer"), signed_in(endpoint, "wang"):
        pass


async def test_remove_the_account(server, endpoint):
    await server.befriend("lin", "wang")
    async with signed_in(endpoint, "wang") as wang:
        async with signed_in(endpoint, "lin") as lin:
            await lin.send(Element(
                "iq", ns.CLIENT, Element("query", ns.REGISTER, Element("remove", ns.REGISTER)),
                type="set", id="bye", to="tulou.localhost",
            ))
            assert "not-authorized" in [
                condition(e) for e in await lin.gone() if e.is_("error", ns.STREAMS)
            ]
        await wang.expect(lambda e: e.get("type") == "unavailable")
        await wang.message("lin@tulou.localhost", "still there?")
        assert condition(await wang.expect(lambda e: e.get("type") == "error")) == "service-unavailable"
        roster = await wang.iq("get", Element("query", ns.ROSTER))
        items = roster.child("query", ns.ROSTER).children
        assert [(i.get("jid"), i.get("subscription")) for i in items] == [("lin@tulou.localhost", "none")]
    async with connected(endpoint) as client:
        await client.open()
        with pytest.raises(Refused):
            await client.authenticate("lin", "secret")
        assert (await client.register("lin", "fresh")).get("type") == "result"


async def test_accounts_made_by_the_service_say_what_is_wrong(server):
    with pytest.raises(AccountTaken, match="lin"):
        await server.create_account("Lin", "x")
    with pytest.raises(AddressInvalid):
        await server.create_account("a b", "x")
    with pytest.raises(AddressInvalid, match="nobody"):
        await server.befriend("lin", "nobody")


OPEN = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'"


@pytest.mark.parametrize("frame, reason", [
    (f"{OPEN} to='elsewhere.example' version='1.0'/>", "host-unknown"),
    (f"{OPEN} version='1.0'/>", "host-unknown"),
    (f"{OPEN} to='tulou.localhost'/>", "unsupported-version"),
    ("<stream:stream xmlns:stream='http://etherx.jabber.org/streams'/>", "bad-format"),
    ("<message xmlns='jabber:client'/>", "bad-format"),
    ("<open", "bad-format"),
    ("<a></b>", "not-well-formed"),
    ("hello", "bad-format"),
    ("", "bad-format"),
    (b"\x00\x01", "bad-format"),
    ("<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "not-well-formed"),
    ("<?xml version='1.0'?><x/>", "not-well-formed"),
    ("<x><!-- --></x>", "restricted-xml"),
    ("<x>&undefined;</x>", "not-well-formed"),
    ("<x/><y/>", "bad-format"),
    ("<x xmlns='a'>" * 70 + "</x>" * 70, "policy-violation"),
])
async def test_a_bad_first_frame_gets_its_stream_error(endpoint, frame, reason):
    async with connected(endpoint) as client:
        await client.websocket.send_message(frame)
        came = await client.gone()
        assert [e.name for e in came] == ["open", "error", "close"]
        assert condition(came[1]) == reason


@pytest.mark.parametrize("element, reason", [
    (Element("message", ns.CLIENT, to="lin@tulou.localhost"), "not-authorized"),
    (Element("presence", ns.CLIENT), "not-authorized"),
    (Element("iq", ns.CLIENT, Element("ping", ns.PING), type="get", id="1"), "not-authorized"),
    (Element("nonsense", "x:y"), "unsupported-stanza-type"),
])
async def test_nothing_but_signing_in_before_signing_in(endpoint, element, reason):
    async with connected(endpoint) as client:
        await client.open()
        await client.send(element)
        assert condition((await client.gone())[0]) == reason


@pytest.mark.parametrize("element, reason", [
    (Element("auth", ns.SASL, "=", mechanism="PLAIN"), "invalid-mechanism"),
    (Element("auth", ns.SASL, "???", mechanism="SCRAM-SHA-256"), "incorrect-encoding"),
    (Element("auth", ns.SASL, "", mechanism="SCRAM-SHA-256"), "malformed-request"),
    (Element("auth", ns.SASL, "/////w==", mechanism="SCRAM-SHA-1"), "malformed-request"),
    (Element("response", ns.SASL, "YQ=="), "malformed-request"),
    (Element("abort", ns.SASL), "aborted"),
])
async def test_broken_sasl_fails_and_may_be_tried_again(endpoint, element, reason):
    async with connected(endpoint) as client:
        await client.open()
        await client.send(element)
        assert (await client.expect(named("failure"))).children[0].name == reason
        await client.authenticate("lin", "secret")


async def test_stream_management_before_binding_is_refused_gently(endpoint):
    async with connected(endpoint) as client:
        await client.login("lin")
        await client.send(Element("enable", ns.SM))
        assert (await client.expect(named("failed"))).children[0].name == "unexpected-request"
        await client.bind()


async def test_who_never_signs_in_is_sent_away(serving):
    async with serving(login_timeout=0.1) as server, connected(server.endpoint) as client:
        await client.open()
        assert "connection-timeout" in [condition(e) for e in await client.gone() if e.name == "error"]


async def test_a_taken_port_is_named(serving, tmp_path):
    from tulou_contracts.network import PortTaken
    async with serving() as server:
        port = int(server.endpoint.split(":")[2].split("/")[0])
        with pytest.RaisesGroup(PortTaken, flatten_subgroups=True, allow_unwrapped=True) as caught:
            async with serving(tmp_path / "other", port=port):
                pass
        error = caught.value
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        text = str(error)
        assert str(port) in text and "plugins.server.config" in text


async def test_several_servers_in_one_process(serving, tmp_path):
    async with serving(tmp_path / "a") as one, serving(tmp_path / "b", domain="other.example") as two:
        await one.create_account("lin", "secret")
        await two.create_account("lin", "other")
        async with connected(two.endpoint) as client:
            client.domain = "other.example"
            await client.login("lin", "other")
            assert (await client.bind("r")) == "lin@other.example/r"
        async with signed_in(one.endpoint, "lin"):
            pass
