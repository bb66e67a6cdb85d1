"""Stream management (XEP-0198): acknowledgements, lost connections, resumption, hibernation."""

import trio
from server_client import Client, condition, connected, is_message, named, signed_in
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

WANG = "wang@tulou.localhost"


async def test_stanzas_are_acknowledged_when_they_are_safe(endpoint):
    async with signed_in(endpoint, "lin", manage=True, present=False) as lin:
        for number in range(3):
            await lin.message(WANG, str(number))
        await lin.send(Element("r", ns.SM))
        assert (await lin.expect(named("a"))).get("h") == "3"
        await lin.message("@@@", "refused, and still handled")
        await lin.sync()
        await lin.send(Element("r", ns.SM))
        assert (await lin.expect(named("a"))).get("h") == "5"


async def test_resume_gets_what_was_missed_and_nothing_twice(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        async with signed_in(endpoint, "wang", manage=True) as wang:
            await lin.message(WANG, "before")
            await wang.expect(is_message("before"))
            wang.cut()
        for number in range(100):
            await lin.message(WANG, str(number))
        await lin.sync()
        async with connected(endpoint) as again:
            await again.login("wang")
            resumed = await again.resume(wang)
            assert (resumed.name, resumed.get("previd")) == ("resumed", wang.token)
            got = [await again.expect(is_message()) for _ in range(100)]
            assert [m.child_text("body") for m in got] == [str(n) for n in range(100)]
            await again.presence()
            await again.sync()
            assert await again.bodies() == []


async def test_resume_tells_what_the_server_has_handled(endpoint):
    async with signed_in(endpoint, "lin", manage=True, present=False) as lin:
        for number in range(20):
            await lin.message(WANG, str(number))
        await lin.send(Element("r", ns.SM))
        await lin.expect(named("a"))
        lin.cut()
    async with connected(endpoint) as again:
        await again.login("lin")
        assert (await again.resume(lin)).get("h") == "20"


async def test_what_was_not_acknowledged_comes_again(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        async with signed_in(endpoint, "wang", manage=True) as wang:
            wang.acking = False
            await lin.message(WANG, "torn off")
            await wang.expect(is_message("torn off"))
            wang.handled -= 1  # read, but the device died before it was stored
            wang.cut()
        async with connected(endpoint) as again:
            await again.login("wang")
            await again.resume(wang)
            await again.expect(is_message("torn off"))


async def test_a_half_open_connection_is_taken_over(endpoint):
    async with signed_in(endpoint, "wang", manage=True) as wang, signed_in(endpoint, "lin") as lin:
        async with connected(endpoint) as again:
            await again.login("wang")
            assert (await again.resume(wang)).name == "resumed"
            await lin.message(WANG, "to the new socket")
            await again.expect(is_message("to the new socket"))


async def test_resume_many_times(endpoint):
    async with signed_in(endpoint, "lin") as lin, trio.open_nursery() as nursery:
        last: Client | None = None
        seen = []

        async def send_all() -> None:
            for number in range(300):
                await lin.message(WANG, str(number))

        nursery.start_soon(send_all)
        for _ in range(6):
            async with connected(endpoint) as wang:
                await wang.login("wang")
                if last is None:
                    await wang.bind()
                    await wang.enable()
                    await wang.presence()
                else:
                    assert (await wang.resume(last)).name == "resumed"
                for _ in range(50):
                    seen.append((await wang.expect(is_message())).child_text("body"))
                # what is in the inbox now was counted, so it will not come again
                seen += [m.child_text("body") for m in wang.inbox if is_message()(m)]
                wang.cut()
                last = wang
        assert seen == [str(n) for n in range(len(seen))]


async def test_when_hibernation_ends_mail_waits_for_the_next_session(serving):
    async with serving(hibernation=0.2) as server:
        for name in ("lin", "wang"):
            await server.create_account(name, "secret")
        async with signed_in(server.endpoint, "lin", manage=True) as lin:
            await server.befriend("lin", "wang")
            async with signed_in(server.endpoint, "wang", manage=True) as wang:
                wang.acking = False
                await lin.message(WANG, "unacked")
                await wang.expect(is_message("unacked"))
                wang.cut()
            await lin.message(WANG, "while asleep")
            await lin.expect(lambda e: e.name == "presence" and e.get("type") == "unavailable")
            async with connected(server.endpoint) as late:
                await late.login("wang")
                answer = await late.resume(wang)
                assert (answer.name, answer.children[0].name) == ("failed", "item-not-found")
                assert answer.get("h") == "1"  # the presence
                await late.bind()
                await late.presence()
                await late.expect(is_message("unacked"))
                await late.expect(is_message("while asleep"))


async def test_what_a_lost_device_carried_goes_to_the_other_one(serving):
    async with serving(hibernation=0.2) as server:
        for name in ("lin", "wang"):
            await server.create_account(name, "secret")
        async with signed_in(server.endpoint, "lin") as lin:
            async with signed_in(server.endpoint, "wang", "pc") as pc:
                async with signed_in(server.endpoint, "wang", "phone", manage=True) as phone:
                    phone.acking = False
                    await lin.message(f"{WANG}/phone", "for the phone")
                    await phone.expect(is_message("for the phone"))
                    phone.cut()
                await pc.expect(is_message("for the phone"))


async def test_what_another_device_took_while_one_slept_still_comes_to_it(endpoint):
    async with signed_in(endpoint, "lin") as lin, signed_in(endpoint, "wang", "pad", manage=True) as pad:
        async with signed_in(endpoint, "wang", "pc", manage=True) as pc:
            async with signed_in(endpoint, "wang", "phone", manage=True) as phone:
                phone.acking = pc.acking = False
                await lin.message(WANG, "for all")
                await phone.expect(is_message("for all"))
                await pc.expect(is_message("for all"))
                pc.cut()
                await phone.close()  # what it did not acknowledge is offered to the others anew
                await phone.gone()
            await lin.message(WANG, "while it slept")
            await pad.expect(is_message("while it slept"))
            await pad.ack()
            await pad.sync()
            await trio.sleep(0.2)  # until the server has noted that it was taken
            async with connected(endpoint) as again:
                await again.login("wang")
                assert (await again.resume(pc)).name == "resumed"
                await again.expect(is_message("while it slept"))
                await again.sync()
                assert await again.bodies() == []


async def test_a_token_is_good_for_its_own_account_only(endpoint):
    async with signed_in(endpoint, "wang", manage=True) as wang:
        wang.cut()
    async with connected(endpoint) as lin:
        await lin.login("lin")
        assert (await lin.resume(wang)).name == "failed"
        await lin.bind()


async def test_closing_in_order_ends_the_session(endpoint):
    async with signed_in(endpoint, "wang", manage=True) as wang:
        await wang.close()
        await wang.gone()
    async with connected(endpoint) as again:
        await again.login("wang")
        assert (await again.resume(wang)).name == "failed"


async def test_acknowledging_too_much_is_an_error(endpoint):
    async with signed_in(endpoint, "wang", manage=True) as wang:
        await wang.send(Element("a", ns.SM, h="1000"))
        came = await wang.gone()
        assert "undefined-condition" in [condition(e) for e in came if e.is_("error", ns.STREAMS)]


async def test_a_silent_client_is_asked_and_then_given_up(serving):
    async with serving(ping_interval=0.05, ping_timeout=0.05) as server:
        await server.create_account("wang", "secret")
        async with signed_in(server.endpoint, "wang", manage=True) as wang:
            wang.acking = False
            await wang.gone()
        async with connected(server.endpoint) as again:
            await again.login("wang")
            assert (await again.resume(wang)).name == "resumed"


async def test_without_stream_management_a_silent_client_gets_a_ping(serving):
    async with serving(ping_interval=0.05) as server:
        await server.create_account("wang", "secret")
        async with signed_in(server.endpoint, "wang") as wang:
            ping = await wang.expect(lambda e: e.name == "iq" and e.child("ping", ns.PING) is not None)
            await wang.send(Element("iq", ns.CLIENT, type="result", id=ping.get("id"), to=ping.get("from")))
            await wang.sync()


async def test_sleeping_sessions_of_an_account_do_not_pile_up(server, endpoint):
    first = None
    for number in range(52):
        async with signed_in(endpoint, "wang", f"r{number}", manage=True, present=False) as wang:
            first = first or wang
            wang.cut()
    async with connected(endpoint) as again:
        await again.login("wang")
        assert (await again.resume(first)).name == "failed"
        assert (await again.resume(wang)).name == "resumed"


async def test_coming_and_going_in_the_middle_of_a_stream_misses_nothing(endpoint):
    """Each time a new session, which catches up from the database while messages go on coming."""
    total, got = 600, []

    async def send_all() -> None:
        async with signed_in(endpoint, "lin", manage=True, present=False) as lin:
            for number in range(total):
                await lin.message(WANG, str(number))
                if number % 20 == 0:
                    await lin.sync()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_all)
        while len(got) < total:
            async with signed_in(endpoint, "wang", manage=True) as wang:
                for _ in range(min(97, total - len(got))):
                    got.append((await wang.expect(is_message())).child_text("body"))
                await wang.ack()
                await wang.close()
                came = await wang.gone()
                # counted after the last acknowledgement, so offered again to the next session
                assert all(e.name != "presence" or e.get("type") != "error" for e in came)
    assert got == [str(number) for number in range(total)]


async def test_what_one_device_has_just_taken_is_not_offered_to_the_next(endpoint):
    async with (
        signed_in(endpoint, "lin") as lin,
        signed_in(endpoint, "wang", "pc", manage=True) as pc,
        signed_in(endpoint, "wang", "phone", present=False) as phone,
    ):
        pc.acking = False
        await lin.message(f"{WANG}/pc", "taken")
        await pc.expect(is_message("taken"))
        await pc.ack()
        await pc.sync()  # the note that it was taken is still on its way to the disk
        await phone.presence()
        await phone.expect(named("presence"))
        await lin.message(WANG, "next")
        assert (await phone.expect(is_message())).child_text("body") == "next"
