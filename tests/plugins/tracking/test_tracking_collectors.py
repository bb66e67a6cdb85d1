"""Collectors that answer nonsense, over real sockets: nothing leaves twice that was taken, nothing is lost
that was not, and a no ends what is under way."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from tulou.errors import TulouError
from tulou_contracts.tracking import Consent

tulou_net = pytest.importorskip("tulou_net", reason="needs net, which sends")
LENGTH = b"content-length: 2\r\n"


class Wire:
    """Reads whole requests, and writes what it is told, whatever that is."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/collect"
        self.answer = b""
        self.requests = 0
        self.hold: trio.Event | None = None
        self.arrived = trio.Event()

    async def serve(self, stream: trio.SocketStream) -> None:
        try:
            received = b""
            while not self._whole(received):
                more = await stream.receive_some(65_536)
                if not more:
                    return
                received += more
            self.requests += 1
            self.arrived.set()
            if self.hold is not None:
                await self.hold.wait()
            await stream.send_all(self.answer)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client has gone, as it may
        finally:
            await trio.aclose_forcefully(stream)

    @staticmethod
    def _whole(received: bytes) -> bool:
        head, end, body = received.partition(b"\r\n\r\n")
        sizes = [line.partition(b":")[2] for line in head.lower().split(b"\r\n")
                 if line.startswith(b"content-length:")]
        return bool(end) and (len(body) >= int(sizes[0]) if sizes else body.endswith(b"0\r\n\r\n"))


@asynccontextmanager
async def wire() -> AsyncIterator[Wire]:
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        made = Wire(listeners[0].socket.getsockname()[1])
        nursery.start_soon(trio.serve_listeners, made.serve, listeners)
        yield made
        nursery.cancel_scope.cancel()


def opened_by(room: Any, collector: Wire, **config: Any) -> Any:
    return room(more=(tulou_net.plugin,), endpoint=collector.url, starts=False, **config)


NONSENSE = {
    "nothing": b"", "no HTTP": b"SSH-2.0-OpenSSH_9\r\n", "zeros": b"\0" * 5000, "a cut line": b"HTTP/1.1 20",
    "no status": b"HTTP/1.1 \r\n\r\n",
    "status 99999": b"HTTP/1.1 99999 OK\r\n\r\n", "status 0": b"HTTP/1.1 000 OK\r\n" + LENGTH + b"\r\n{}",
    "a cut body": b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{",
    "bad chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "no gzip": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n" + LENGTH + b"\r\n{}",
    "a captive page": b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n" + LENGTH + b"\r\n<>",
    "a redirect to itself": b"HTTP/1.1 302 Found\r\nlocation: /collect\r\n\r\n",
    "Retry-After nonsense": b"HTTP/1.1 503 No\r\nretry-after: \xff\xfe-1e999\r\n" + LENGTH + b"\r\n{}",
    "endless heads": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200_000,
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=list(NONSENSE))
async def test_after_nonsense_the_events_wait_and_leave_once_later(room: Any, answer: bytes) -> None:
    async with wire() as collector, opened_by(room, collector) as opened:
        opened.tracker.track("kit.plain", whole=1)
        collector.answer = answer
        with trio.fail_after(60), pytest.raises(TulouError):
            await opened.control.report()
        state = opened.control.state()
        assert state.problems and len(state.problems[-1]) < 500
        assert "kit.plain" not in state.sent and len(await opened.lines()) == 1
        collector.answer = b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n{}"
        await opened.control.report()
        state = opened.control.state()
        assert state.sent["kit.plain"] == 1 and not state.problems and await opened.lines() == []


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\0", b"[" * 100_000, b'{"taken": -1}', b"x" * 1_000_000])
async def test_what_a_body_says_beside_200_is_of_no_account(room: Any, body: bytes) -> None:
    async with wire() as collector, opened_by(room, collector) as opened:
        opened.tracker.track("kit.plain", whole=1)
        collector.answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        await opened.control.report()
        assert opened.control.state().sent["kit.plain"] == 1 and collector.requests == 1


async def test_a_no_while_the_collector_is_silent_ends_the_report(room: Any) -> None:
    async with wire() as collector, opened_by(room, collector, batch=1) as opened:
        collector.hold = trio.Event()
        collector.answer = b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n{}"
        opened.tracker.track("kit.plain", whole=1)
        with trio.fail_after(30):
            await collector.arrived.wait()
            await opened.control.set_consent(Consent.OFF)  # waits for no collector
        opened.tracker.track("kit.plain", whole=2)
        state = opened.control.state()
        assert state.held == 0 and "kit.plain" not in state.sent
        collector.hold.set()
        with pytest.raises(TulouError, match="consent"):
            await opened.control.report()
        assert collector.requests == 1


async def test_a_full_queue_of_a_dead_collector_drops_the_oldest_and_sends_the_rest(room: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        dead = Wire(taken.getsockname()[1])
    async with opened_by(room, dead, queue=100, batch=1000, batch_kb=1000) as opened:
        for number in range(5_000):
            opened.tracker.track("kit.plain", whole=number)
        await opened.control.flush()
        with trio.fail_after(60), pytest.raises(TulouError):
            await opened.control.report()
        state = opened.control.state()
        assert state.held <= 100 and state.dropped["full"]["kit.plain"] >= 4_900
        assert [each["fields"]["whole"] for each in await opened.lines()][-1] == 4_999
    async with wire() as collector:
        collector.answer = b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n{}"
        async with opened_by(room, collector, queue=100, batch=1000, batch_kb=1000) as opened:
            waiting: Callable[[], int] = lambda: opened.control.state().held  # noqa: E731
            assert waiting() > 90
            await opened.control.report()
            assert waiting() == 0 and opened.control.state().sent["kit.plain"] > 90
