"""Messages between real sockets: live, offline, to several devices."""

from server_client import Gone, archived, condition, connected, is_message, named, signed_in
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

WANG = "wang@tulou.localhost"
LIN = "lin@tulou.localhost"


async def test_a_message_arrives_with_sender_and_archive_id(endpoint):
    async with signed_in(endpoint, "lin", "desk") as lin, signed_in(endpoint, "wang") as wang:
        await lin.message(WANG, "土楼里见 <&> 𠮷", id="m1")
        message = await wang.expect(is_message())
        assert message.child_text("body") == "土楼里见 <&> 𠮷"
        assert message.get("from") == f"{LIN}/desk"
        assert message.get("id") == "m1"
        mark = message.child("stanza-id", ns.STANZA_IDS)
        assert (mark.get("by"), mark.get("id")) == (WANG, "1")


async def test_who_was_away_gets_everything_in_order_once_with_a_delay(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        for number in range(250):
            await lin.message(WANG, str(number))
        await lin.sync()
    async with signed_in(endpoint, "wang") as wang:
        messages = [await wang.expect(is_message()) for _ in range(250)]
        assert [m.child_text("body") for m in messages] == [str(n) for n in range(250)]
        assert all(m.child("delay", ns.DELAY).get("from") == "tulou.localhost" for m in messages)
        assert await wang.bodies() == []
    async with signed_in(endpoint, "wang") as wang:
        assert await wang.bodies() == []


async def test_all_available_devices_get_it_but_not_one_of_negative_priority(endpoint):
    async with (
        signed_in(endpoint, "lin") as lin,
        signed_in(endpoint, "wang", "pc") as pc,
        signed_in(endpoint, "wang", "phone") as phone,
        signed_in(endpoint, "wang", "bot", present=False) as bot,
    ):
        await bot.presence(priority=-1)
        await bot.sync()
        await lin.message(WANG, "hello")
        await pc.expect(is_message("hello"))
        await phone.expect(is_message("hello"))
        await lin.sync()
        assert await bot.bodies() == []


async def test_carbons_tell_other_devices_what_was_sent_and_received(endpoint):
    async with (
        signed_in(endpoint, "lin", "pc") as lin,
        signed_in(endpoint, "lin", "phone") as lin_phone,
        signed_in(endpoint, "wang", "pc") as wang,
        signed_in(endpoint, "wang", "phone") as wang_phone,
    ):
        await lin_phone.carbons()
        await wang_phone.carbons()
        await lin.message(f"{WANG}/pc", "只给电脑")
        await wang.expect(is_message("只给电脑"))

        received = await wang_phone.expect(lambda e: e.child("received", ns.CARBONS) is not None)
        assert received.get("from") == WANG
        inner = received.find(("received", ns.CARBONS), ("forwarded", ns.FORWARD), ("message", ns.CLIENT))
        assert inner.child_text("body") == "只给电脑"
        assert inner.get("from") == lin.jid
        assert inner.child("stanza-id", ns.STANZA_IDS).get("by") == WANG

        sent = await lin_phone.expect(lambda e: e.child("sent", ns.CARBONS) is not None)
        assert sent.get("from") == LIN
        inner = sent.find(("sent", ns.CARBONS), ("forwarded", ns.FORWARD), ("message", ns.CLIENT))
        assert inner.get("to") == f"{WANG}/pc"
        assert inner.child("stanza-id", ns.STANZA_IDS).get("by") == LIN
        assert await lin.bodies() == []


async def test_a_private_message_makes_no_carbon_and_hides_the_wish(endpoint):
    async with (
        signed_in(endpoint, "lin") as lin,
        signed_in(endpoint, "lin", "phone") as phone,
        signed_in(endpoint, "wang") as wang,
    ):
        await phone.carbons()
        await lin.message(WANG, "psst", Element("private", ns.CARBONS))
        message = await wang.expect(is_message("psst"))
        assert message.child("private", ns.CARBONS) is None
        assert await phone.gather(named("message")) == []


async def test_forged_ids_and_delays_are_removed(endpoint):
    async with signed_in(endpoint, "lin") as lin, signed_in(endpoint, "wang") as wang:
        await lin.message(
            WANG, "trust me", Element("stanza-id", ns.STANZA_IDS, by=WANG, id="999"),
            Element("delay", ns.DELAY, from_="tulou.localhost", stamp="1999-01-01T00:00:00Z"),
            Element("origin-id", ns.STANZA_IDS, id="o1"),
        )
        message = await wang.expect(is_message())
        assert [e.get("id") for e in message.children_named("stanza-id", ns.STANZA_IDS)] == ["1"]
        assert message.child("delay", ns.DELAY) is None
        assert message.child("origin-id", ns.STANZA_IDS).get("id") == "o1"


async def test_typing_is_told_live_and_never_kept(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        async with signed_in(endpoint, "wang") as wang:
            composing = Element("composing", ns.CHAT_STATES)
            await lin.send(Element("message", ns.CLIENT, composing, to=WANG, type="chat"))
            assert (await wang.expect(is_message())).child("composing", ns.CHAT_STATES)
        await lin.send(Element("message", ns.CLIENT, composing, to=WANG, type="chat"))
        await lin.sync()
    async with signed_in(endpoint, "wang") as wang:
        assert await wang.gather(is_message()) == []
        assert (await wang.archive())[0] == []


async def test_errors_tell_why_a_message_went_nowhere(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        for to, reason in (
            ("nobody@tulou.localhost", "service-unavailable"),
            ("wang@elsewhere.example", "remote-server-not-found"),
            ("tulou.localhost", "service-unavailable"),
            ("@@@", "jid-malformed"),
        ):
            await lin.message(to, "?", id="bad")
            answer = await lin.expect(lambda e: e.name == "message" and e.get("type") == "error")
            assert (condition(answer), answer.get("id")) == (reason, "bad")
        assert (await lin.archive())[0] == []


async def test_no_store_with_a_body_is_refused_when_nobody_is_there(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        await lin.message(WANG, "now or never", Element("no-store", ns.HINTS))
        answer = await lin.expect(lambda e: e.get("type") == "error")
        assert condition(answer) == "service-unavailable"


async def test_errors_are_never_answered_with_errors(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        await lin.message("nobody@tulou.localhost", "?", kind="error")
        await lin.send(Element("iq", ns.CLIENT, type="result", id="x", to="wang@tulou.localhost/none"))
        assert await lin.gather(lambda e: e.get("type") == "error") == []


async def test_a_message_to_oneself_is_kept_once(endpoint):
    async with signed_in(endpoint, "lin", "pc") as pc, signed_in(endpoint, "lin", "phone") as phone:
        await pc.message(LIN, "备忘")
        await phone.expect(is_message("备忘"))
        await pc.expect(is_message("备忘"))
        results, _ = await pc.archive()
        assert [archived(r).child_text("body") for r in results] == ["备忘"]


async def test_offline_mail_goes_to_one_who_comes_not_to_one_of_negative_priority(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        await lin.message(WANG, "kept")
        await lin.sync()
    async with signed_in(endpoint, "wang", present=False) as wang:
        await wang.presence(priority=-5)
        assert await wang.bodies() == []
        await wang.presence()
        await wang.expect(is_message("kept"))


async def test_order_is_the_archives_order_for_every_reader(endpoint):
    async with (
        signed_in(endpoint, "lin") as lin,
        signed_in(endpoint, "陈") as chen,
        signed_in(endpoint, "wang") as wang,
    ):
        for number in range(30):
            await lin.message(WANG, f"l{number}")
            await chen.message(WANG, f"c{number}")
        messages = [await wang.expect(is_message()) for _ in range(60)]
        ids = [int(m.child("stanza-id", ns.STANZA_IDS).get("id")) for m in messages]
        assert ids == list(range(1, 61))


async def test_two_sessions_with_one_resource_the_newer_wins(endpoint):
    async with signed_in(endpoint, "wang", "desk") as old:
        async with signed_in(endpoint, "wang", "desk") as new:
            came = await old.gone()
            assert [condition(e) for e in came if e.is_("error", ns.STREAMS)] == ["conflict"]
            async with signed_in(endpoint, "lin") as lin:
                await lin.message(WANG, "to the new one")
                await new.expect(is_message("to the new one"))


async def test_the_wrong_path_or_protocol_is_refused(endpoint):
    import pytest
    from trio_websocket import ConnectionRejected, open_websocket_url

    for url, protocols in ((endpoint + "x", ["xmpp"]), (endpoint, ["chat"]), (endpoint, [])):
        with pytest.raises((ConnectionRejected, ExceptionGroup)):
            async with open_websocket_url(url, subprotocols=protocols):
                raise AssertionError("accepted")


async def test_closing_in_order_is_answered(endpoint):
    async with connected(endpoint) as client:
        await client.open()
        await client.close()
        assert (await client.expect(named("close"))).namespace == ns.FRAMING
        try:
            await client.receive()
        except Gone:
            return
        raise AssertionError("the connection stayed open")
