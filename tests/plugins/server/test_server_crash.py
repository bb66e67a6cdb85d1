"""The server is killed without warning; what it acknowledged is there afterwards, once."""

import signal
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trio
from server_client import Gone, archived, connected, is_message, named, signed_in
from trio_websocket import ConnectionClosed
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

PROGRAM = Path(__file__).with_name("server_process.py")

pytest.importorskip("tulou_store", reason="needs store, where a crash leaves something")
WANG = "wang@tulou.localhost"


@asynccontextmanager
async def server_process(profile: Path):
    """A server in a process of its own: its endpoint, and how to kill it."""
    process = await trio.lowlevel.open_process(
        [sys.executable, str(PROGRAM), str(profile)], stdout=subprocess.PIPE
    )
    try:
        line = b""
        with trio.fail_after(60):
            while not line.endswith(b"\n"):
                more = await process.stdout.receive_some()
                if not more:
                    pytest.fail("the server did not start")
                line += more
        yield line.decode().strip(), lambda: process.send_signal(signal.SIGKILL)
    finally:
        with trio.CancelScope(shield=True), suppress(ProcessLookupError):
            process.kill()
            await process.wait()


async def register(endpoint, *names):
    for name in names:
        async with connected(endpoint) as client:
            await client.open()
            assert (await client.register(name, "secret")).get("type") == "result"


async def test_an_acknowledged_message_survives_kill_9_exactly_once(tmp_path):
    async with server_process(tmp_path) as (endpoint, kill):
        await register(endpoint, "lin", "wang")
        async with signed_in(endpoint, "lin", manage=True, present=False) as lin:
            await lin.message(WANG, "存好了吗", id="m1")
            await lin.send(Element("r", ns.SM))
            assert (await lin.expect(named("a"))).get("h") == "1"
            kill()
    async with server_process(tmp_path) as (endpoint, _), signed_in(endpoint, "wang") as wang:
        await wang.expect(is_message("存好了吗"))
        assert await wang.bodies() == []
        results, _ = await wang.archive()
        assert [archived(r).get("id") for r in results] == ["m1"]
        async with signed_in(endpoint, "lin") as lin:
            assert [archived(r).get("id") for r in (await lin.archive())[0]] == ["m1"]


async def test_every_acknowledged_message_of_a_stream_survives_in_order(tmp_path):
    """The kill falls somewhere into a busy stream, with the receiver online and acknowledging."""
    acknowledged = 0
    received: list[str] = []

    async def listen(endpoint, started):
        async with signed_in(endpoint, "wang", manage=True) as wang:
            started.set()
            with suppress(Gone, ConnectionClosed):
                while True:
                    received.append((await wang.expect(is_message())).child_text("body"))

    async with server_process(tmp_path) as (endpoint, kill), trio.open_nursery() as nursery:
        await register(endpoint, "lin", "wang")
        started = trio.Event()
        nursery.start_soon(listen, endpoint, started)
        await started.wait()
        async with signed_in(endpoint, "lin", manage=True, present=False) as lin:
            with suppress(Gone, ConnectionClosed):
                for number in range(1000):
                    await lin.message(WANG, str(number), id=str(number))
                    if number % 10 == 9:
                        await lin.send(Element("r", ns.SM))
                    if number % 100 == 99:
                        acknowledged = int((await lin.expect(named("a"))).get("h"))
                    if number == 555:
                        kill()
        nursery.cancel_scope.cancel()
    assert acknowledged >= 40
    async with server_process(tmp_path) as (endpoint, _), signed_in(endpoint, "wang") as wang:
        seen, after, complete = [], None, False
        while not complete:
            results, fin = await wang.archive(after=after, limit=200)
            seen += [archived(r).get("id") for r in results]
            after = fin.child("set", ns.RSM).child_text("last")
            complete = fin.get("complete") == "true"
        assert seen == [str(n) for n in range(len(seen))]
        assert len(seen) >= max(acknowledged, len(received))
        assert received == seen[: len(received)]
        missed = set(seen) - set(received)
        while missed:
            missed.discard((await wang.expect(is_message())).child_text("body"))
