"""What bad clients and bad networks do: garbage, size, not reading, breaking off; and full disks."""

import logging
import time

import pytest
import trio
from server_client import Gone, condition, connected, is_message, named, signed_in
from server_storage import open_storage
from tulou_server.config import Config
from tulou_server.server import serve
from tulou_xmpp.wire import Element, serialise
from tulou_xmpp.wire import namespaces as ns

from tulou_contracts.storage import StorageFull

WANG = "wang@tulou.localhost"


def stream_errors(elements):
    return [condition(e) for e in elements if e.is_("error", ns.STREAMS)]


@pytest.mark.parametrize("frame, reason", [
    ("<message", "bad-format"),
    ("<a><b></a>", "not-well-formed"),
    ("<message xmlns='jabber:client'>&#0;</message>", "not-well-formed"),
    ("<message xmlns='jabber:server'/>", "unsupported-stanza-type"),
    ("<message/>", "unsupported-stanza-type"),
    ("<message xmlns='jabber:client' from='wang@tulou.localhost' to='lin@tulou.localhost'/>", "invalid-from"),
    ("<a xmlns='urn:xmpp:sm:3' h='-1'/>", "bad-format"),
    (b"<message/>", "bad-format"),
])
async def test_garbage_ends_the_stream_but_not_what_came_before_it(endpoint, frame, reason):
    async with signed_in(endpoint, "lin", manage=True, present=False) as lin:
        await lin.message(WANG, "whole")
        await lin.websocket.send_message(frame)
        assert stream_errors(await lin.gone()) == [reason]
    async with signed_in(endpoint, "wang") as wang:
        await wang.expect(is_message("whole"))


@pytest.mark.parametrize("size", [262_145, 500_000, 3_000_000])
async def test_an_oversize_stanza_is_a_policy_violation(endpoint, size):
    async with signed_in(endpoint, "lin") as lin:
        await lin.message(WANG, "x" * size)
        assert stream_errors(await lin.gone()) == ["policy-violation"]


async def test_the_limit_counts_bytes_and_lets_just_enough_through(endpoint):
    async with signed_in(endpoint, "lin") as lin, signed_in(endpoint, "wang") as wang:
        frame = serialise(Element("message", ns.CLIENT, Element("body", ns.CLIENT), to=WANG, type="chat"))
        room = (262_144 - len(frame.replace("<body/>", "<body></body>"))) // 3
        await lin.message(WANG, "土" * (room - 20))
        await wang.expect(is_message("土" * (room - 20)))
        await lin.message(WANG, "土" * (room + 20))
        assert stream_errors(await lin.gone()) == ["policy-violation"]


async def test_a_frame_beyond_all_measure_is_cut_off(endpoint):
    async with connected(endpoint) as client:
        await client.open()
        with pytest.raises((Gone, Exception)):
            await client.send("<x>" + "x" * 5_000_000)
            await client.receive()
    async with signed_in(endpoint, "lin"):
        pass


async def test_not_even_http(endpoint, server):
    port = int(endpoint.split(":")[2].split("/")[0])
    for noise in (b"\x16\x03\x01" * 100, b"GET / HTTP/1.1\r\n\r\n", b"\r\n\r\n", b"A" * 100_000):
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        async with stream:
            try:
                await stream.send_all(noise)
                await stream.send_eof()
                with trio.fail_after(20):
                    while await stream.receive_some():
                        pass
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass
    async with signed_in(endpoint, "lin"):
        pass


async def test_a_slow_reader_loses_its_connection_not_its_mail(serving):
    async with serving(queue_limit=200_000, stanza_limit=65_536) as server:
        for name in ("lin", "wang"):
            await server.create_account(name, "secret")
        async with signed_in(server.endpoint, "lin") as lin:
            async with signed_in(server.endpoint, "wang", manage=True) as wang:
                # it neither reads nor acknowledges from now on
                for number in range(400):
                    await lin.message(WANG, f"{number}:" + "x" * 20_000)
                await lin.sync()
                wang.cut()
            async with signed_in(server.endpoint, "wang", manage=True) as wang:
                got = [await wang.expect(is_message()) for _ in range(400)]
                assert [m.child_text("body").split(":")[0] for m in got] == [str(n) for n in range(400)]


async def test_who_asks_much_and_reads_nothing_is_not_listened_to(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        for number in range(30):
            await lin.message(WANG, "x" * 30_000)
        await lin.sync()
        query = Element("query", ns.MAM)
        for number in range(40):  # 40 times 900 kB
            await lin.send(Element("iq", ns.CLIENT, query, type="set", id=f"flood{number}"))
        for number in range(40):
            answer = await lin.expect(lambda e: e.get("id", "").startswith("flood"))
            assert answer.get("id") == f"flood{number}"
            lin.inbox.clear()


async def test_many_come_and_break_off(endpoint):
    async def one(number: int) -> None:
        async with connected(endpoint) as client:
            if number % 3 == 1:
                await client.send(Element("open", ns.FRAMING, to="tulou.localhost", version="1.0"))
            if number % 3 == 2:
                await client.login("lin")
                await client.bind()
                await client.message(WANG, str(number))

    async with trio.open_nursery() as nursery:
        for number in range(30):
            nursery.start_soon(one, number)
    async with signed_in(endpoint, "wang") as wang:
        await wang.sync()


async def test_a_message_sent_just_before_breaking_off_is_kept(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        await lin.message(WANG, "last words")
        await lin.close()
        await lin.gone()
    async with signed_in(endpoint, "wang") as wang:
        await wang.expect(is_message("last words"))


class FullDisk:
    """A storage whose writes fail on demand."""

    def __init__(self, store):
        self._store = store
        self.full = False

    async def database(self, namespace, migrations):
        self._database = await self._store.database(namespace, migrations)
        return self

    async def write(self, work):
        if self.full:
            raise StorageFull("the disk is full")
        return await self._database.write(work)

    async def read(self, work):
        return await self._database.read(work)


async def test_a_full_disk_refuses_messages_and_goes_on_when_there_is_room(tmp_path):
    async with open_storage(tmp_path) as store:
        storage = FullDisk(store)
        config = Config(port=0, scram_iterations=4096)
        clock = lambda: time.time_ns() // 1000  # noqa: E731
        async with serve(config, storage, clock, logging.getLogger("tulou.server")) as server:
            for name in ("lin", "wang"):
                await server.create_account(name, "secret")
            async with signed_in(server.endpoint, "lin") as lin:
                storage.full = True
                await lin.message(WANG, "no room", id="m1")
                answer = await lin.expect(lambda e: e.name == "message" and e.get("type") == "error")
                assert (condition(answer), answer.get("id")) == ("resource-constraint", "m1")
                answer = await lin.iq("set", Element("vCard", ns.VCARD))
                assert condition(answer) == "internal-server-error"
                async with connected(server.endpoint) as other:
                    await other.open()
                    assert condition(await other.register("fresh", "x")) == "resource-constraint"
                storage.full = False
                await lin.message(WANG, "room again")
                await lin.sync()
            async with signed_in(server.endpoint, "wang") as wang:
                await wang.expect(is_message("room again"))
                assert len((await wang.archive())[0]) == 1


async def test_stopping_says_goodbye(serving):
    async with trio.open_nursery() as nursery:
        stop = trio.Event()

        async def run(task_status=trio.TASK_STATUS_IGNORED):
            async with serving() as server:
                await server.create_account("lin", "secret")
                task_status.started(server.endpoint)
                await stop.wait()

        endpoint = await nursery.start(run)
        async with signed_in(endpoint, "lin") as lin:
            stop.set()
            assert stream_errors(await lin.gone()) == ["system-shutdown"]


async def test_the_close_of_a_foreign_stream_does_not_touch_others(endpoint):
    async with signed_in(endpoint, "lin", "a") as one, signed_in(endpoint, "lin", "b") as two:
        await one.close()
        assert named("close")(await one.expect(named("close")))
        await two.sync()
