"""The socket's server side: requests are answered in order, slow and rude pages harm nobody."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from shell_fakes import BO, Room
from trio.testing import MockClock, wait_all_tasks_blocked

from tulou_contracts.network import ConnectionLost, Request
from tulou_contracts.ui import PageFeed, PageMethod
from tulou_shell.app import Services, ShellApp
from tulou_shell.contributions import OwnContributions, collect
from tulou_shell.door import Door
from tulou_shell.feed import Feed
from tulou_shell.pages import OUTBOX, Pages
from tulou_shell.protocol import MAX_REQUEST
from tulou_shell.remembered import Remembered

LOG = logging.getLogger("test.shell")
REQUEST = Request(method="GET", path="/socket", query={}, headers={}, cookies={})


class Wire:
    """A page's side of a WebSocket in memory."""

    subprotocol = None

    def __init__(self) -> None:
        self._in, self._out = trio.open_memory_channel[Any](1000)
        self.sent: list[dict[str, Any]] = []
        self.reads = trio.Event()
        self.reads.set()
        self.closed: tuple[int, str] | None = None

    async def receive(self) -> str | bytes:
        try:
            return await self._out.receive()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            raise ConnectionLost("gone", 1001) from None

    async def send(self, message: str | bytes) -> None:
        await self.reads.wait()
        if self.closed:
            raise ConnectionLost("gone", 1001)
        self.sent.append(json.loads(message))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed = code, reason
        self.reads.set()
        self._in.close()

    def ask(self, number: int, method: str, **params: Any) -> None:
        self.say(json.dumps({"id": number, "method": method, "params": params}))

    def say(self, text: str | bytes) -> None:
        self._in.send_nowait(text)

    def answers(self) -> dict[Any, Any]:
        return {each["id"]: each.get("result", each.get("error")) for each in self.sent if "id" in each}

    def pushes(self, name: str) -> list[Any]:
        return [each["data"] for each in self.sent if each.get("push") == name]


class Handle:
    def __init__(self, provider: Any) -> None:
        self.provider = provider

    def get(self) -> Any:
        return self.provider


class Bench:
    def __init__(self, folder: Any) -> None:
        self.events: list[object] = []
        self.room = Room(lambda: 1_700_000_000_000_000, self.events.append)
        self.handles = {name: Handle(self.room) for name in ("identity", "messenger", "transport")}
        self.handles["control"] = Handle(None)
        door = Door(Remembered(folder), lambda: 0.0, 1000)
        services = Services(**self.handles)  # type: ignore[arg-type]
        self.shell = ShellApp(services, door, lambda: "http://127.0.0.1:1")
        self.pages = Pages(self.shell, LOG)


@pytest.fixture
def bench(tmp_path: Any) -> Bench:
    return Bench(tmp_path)


async def test_sends_are_done_in_the_order_they_were_asked(bench: Bench, nursery: trio.Nursery) -> None:
    wire = Wire()
    nursery.start_soon(bench.pages.serve, wire, REQUEST)
    for number in range(50):
        wire.ask(number, "messenger.send", conversation=BO, body=f"{number}")
    await wait_all_tasks_blocked()
    assert [each.body for each in bench.room.messages[BO]] == [str(n) for n in range(50)]
    assert len(wire.answers()) == 50


async def test_a_slow_sign_in_holds_up_nothing(bench: Bench, nursery: trio.Nursery) -> None:
    async def slowly(*args: Any) -> Any:
        await trio.sleep_forever()

    bench.room.sign_in = slowly  # type: ignore[method-assign]
    wire = Wire()
    nursery.start_soon(bench.pages.serve, wire, REQUEST)
    wire.ask(1, "identity.sign_in", address="a@b", password="x")
    wire.ask(2, "messenger.send", conversation=BO, body="hi")
    wire.ask(3, "session.state")
    await wait_all_tasks_blocked()
    assert set(wire.answers()) == {2, 3}


async def test_errors_are_codes_and_sentences_and_unforeseen_ones_tell_nothing(
    bench: Bench, nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    async def failing(*args: Any, **named: Any) -> Any:
        raise RuntimeError("secret /home/anna")

    bench.room.send = failing  # type: ignore[method-assign]
    wire = Wire()
    nursery.start_soon(bench.pages.serve, wire, REQUEST)
    wire.ask(1, "identity.sign_in", address="a@b.c", password="falsch")
    wire.ask(2, "messenger.send", conversation=BO, body="x")
    wire.ask(3, "messenger.history", conversation=7)
    wire.ask(4, "no.such")
    wire.say("{")
    wire.say(b"bytes")
    await wait_all_tasks_blocked()
    answers = wire.answers()
    assert answers[1] == {"code": "wrong-password", "text": "the server refuses this address and password"}
    assert answers[2]["code"] == "internal" and "secret" not in answers[2]["text"]
    assert answers[3]["code"] == "malformed" and answers[4]["code"] == "unknown-method"
    assert answers[None]["code"] == "malformed"
    assert "secret" in caplog.text  # it is in the log, for who has to mend it


async def broken(params: Any) -> Any:
    raise RuntimeError("a wrong index")


async def broken_feed(params: Any) -> Any:
    yield 1
    raise RuntimeError("a wrong index")


async def no_json(params: Any) -> Any:
    return object()


async def test_what_fails_in_a_plugins_method_or_feed_is_logged_as_that_plugins(
    bench: Bench, nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    bench.shell.catalogue = collect([[
        PageMethod(name="weather.look", handler=broken), PageMethod(name="weather.odd", handler=no_json),
        PageFeed(name="weather.told", source=broken_feed),
    ]])
    wire = Wire()
    nursery.start_soon(bench.pages.serve, wire, REQUEST)
    wire.ask(1, "page.call", name="weather.look", params={})
    wire.ask(2, "page.call", name="weather.odd", params={})
    wire.ask(3, "page.listen", feed=1, name="weather.told", params={})
    wire.ask(4, "page.call", name=["no", "name"], params={})
    await wait_all_tasks_blocked()
    assert {wire.answers()[number]["code"] for number in (1, 2)} == {"internal"}
    assert wire.answers()[4]["code"] == "malformed"
    assert {(each.name, each.getMessage()) for each in caplog.records} == {
        ("tulou.plugin.weather", "the page method weather.look failed"),
        ("tulou.plugin.weather", "the page method weather.odd failed"),
        ("tulou.plugin.weather", "the page feed weather.told failed"),
    }


async def test_a_missing_plugin_is_said(bench: Bench, nursery: trio.Nursery) -> None:
    bench.handles["messenger"].provider = None
    wire = Wire()
    nursery.start_soon(bench.pages.serve, wire, REQUEST)
    wire.ask(1, "messenger.conversations")
    wire.ask(2, "session.state")
    await wait_all_tasks_blocked()
    assert wire.answers()[1]["code"] == "missing" and "im" in wire.answers()[1]["text"]
    assert wire.answers()[2]["missing"] == ["messenger"]


async def test_a_request_too_large_ends_the_page(bench: Bench, autojump_clock: MockClock) -> None:
    wire = Wire()
    wire.say(" " * (MAX_REQUEST + 1))
    await bench.pages.serve(wire, REQUEST)
    assert wire.closed is not None and wire.closed[0] == 1009


async def test_a_page_that_does_not_read_is_let_go_and_the_other_gets_everything(
    bench: Bench, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    slow, quick = Wire(), Wire()
    slow.reads = trio.Event()
    for wire in (slow, quick):
        nursery.start_soon(bench.pages.serve, wire, REQUEST)
    await wait_all_tasks_blocked()
    for number in range(OUTBOX + 10):
        bench.pages.push("n", number)
        if number % 100 == 0:
            await wait_all_tasks_blocked()
    await trio.sleep(1)
    assert slow.closed is not None and slow.closed[0] == 1013
    assert quick.pushes("n") == list(range(OUTBOX + 10))
    assert len(bench.pages) == 1


async def test_a_message_asked_for_just_before_the_page_closes_is_still_sent(
    bench: Bench, autojump_clock: MockClock
) -> None:
    real = bench.room.send

    async def slowly(*args: Any, **named: Any) -> Any:
        await trio.sleep(1)
        return await real(*args, **named)

    bench.room.send = slowly  # type: ignore[method-assign]
    wire = Wire()
    wire.ask(1, "messenger.send", conversation=BO, body="noch schnell")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.pages.serve, wire, REQUEST)
        await wait_all_tasks_blocked()
        await wire.close()
    assert [each.body for each in bench.room.messages[BO]] == ["noch schnell"]


async def test_a_request_that_hangs_does_not_keep_a_page_that_is_gone(
    bench: Bench, autojump_clock: MockClock
) -> None:
    bench.room.hold_send = trio.Event()
    wire = Wire()
    wire.ask(1, "messenger.send", conversation=BO, body="x")
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.pages.serve, wire, REQUEST)
            await wait_all_tasks_blocked()
            await wire.close()
    assert len(bench.pages) == 0


class Listener:
    def __init__(self, bench: Bench, nursery: trio.Nursery) -> None:
        self.pushed: list[tuple[str, Any]] = []
        self.feed = Feed(bench.handles["messenger"].get, lambda *each: self.pushed.append(each), LOG)
        handlers: dict[str, Callable[[Any], None | Awaitable[None]]] = {
            "MessageStored": self.feed.on_stored, "MessageChanged": self.feed.on_changed,
            "ConversationChanged": self.feed.on_conversation,
        }
        bench.room.publish = lambda event: handlers[type(event).__name__](event)  # type: ignore
        nursery.start_soon(self.feed.run)

    def bodies(self) -> list[str]:
        return [each["body"] for name, data in self.pushed if name == "messages" for each in data]


async def test_the_feed_pushes_each_new_message_once_with_its_line(
    bench: Bench, nursery: trio.Nursery
) -> None:
    listener = Listener(bench, nursery)
    for number in range(5):
        bench.room.add(BO, f"{number}")
        await wait_all_tasks_blocked()
    assert listener.bodies() == ["0", "1", "2", "3", "4"]
    lines = [data for name, data in listener.pushed if name == "conversations"]
    assert lines[-1][0]["unread"] == 5 and lines[-1][0]["last"]["body"] == "4"


async def test_the_feed_finds_what_a_dropped_event_did_not_tell(bench: Bench, nursery: trio.Nursery) -> None:
    listener = Listener(bench, nursery)
    bench.room.add(BO, "one")
    await wait_all_tasks_blocked()
    heard = bench.room.publish
    bench.room.publish = lambda event: None
    bench.room.add(BO, "unheard")
    bench.room.publish = heard
    bench.room.add(BO, "three")
    await wait_all_tasks_blocked()
    assert listener.bodies() == ["one", "unheard", "three"]


async def test_a_flood_becomes_one_order_to_read_anew(bench: Bench, nursery: trio.Nursery) -> None:
    listener = Listener(bench, nursery)
    for number in range(1000):
        bench.room.add(BO, f"{number}")
    await wait_all_tasks_blocked()
    assert listener.pushed == [("resync", None)]
    bench.room.add(BO, "after")
    await wait_all_tasks_blocked()
    assert listener.bodies() == ["after"]


async def test_the_page_is_told_of_failed_and_of_absent_plugins(bench: Bench) -> None:
    class Control:
        def status(self) -> list[Any]:
            return [SimpleNamespace(name="im", state=SimpleNamespace(value="failed"), reason="no luck")]

        def missing(self) -> dict[str, str]:
            return {"greeter": "plugin 'greeter' is not installed"}
    bench.handles["control"].provider = Control()
    assert bench.shell.plugins()["plugins"] == [
        {"name": "im", "state": "failed", "reason": "no luck"},
        {"name": "greeter", "state": "missing", "reason": "plugin 'greeter' is not installed"},
    ]


async def test_a_fault_of_a_module_is_told_once_and_only_of_one_that_is_contributed(
    bench: Bench, nursery: trio.Nursery
) -> None:
    told: list[tuple[str, str]] = []
    bench.shell.fault_told = lambda module, error: told.append((module, error))
    ours, other = "/plugins/tulou_shell/bubbles/text.js", "/plugins/elsewhere/x.js"
    bench.shell.catalogue = collect([OwnContributions().contribute_ui()])
    pages = [Wire(), Wire()]
    for number, wire in enumerate(pages):
        nursery.start_soon(bench.pages.serve, wire, REQUEST)
        wire.ask(1, "ui.fault", module=ours, error=f"TypeError: {number}\nforged line")
        wire.ask(2, "ui.fault", module=other, error="x")
        await wait_all_tasks_blocked()
    assert told == [(ours, "TypeError: 0 forged line")]
    assert bench.shell.plugins()["faults"] == [{"module": ours, "error": "TypeError: 0 forged line"}]
    bench.shell.catalogue = collect([])
    assert bench.shell.plugins()["faults"] == []


@pytest.mark.parametrize("params, code", [
    ({"module": "m" * 301, "error": ""}, "too-large"), ({"module": "m", "error": "e" * 501}, "too-large"),
    ({"module": "m"}, "malformed"), ({"module": 1, "error": []}, "malformed"),
])
async def test_a_fault_that_is_too_long_or_none_is_refused(
    bench: Bench, nursery: trio.Nursery, params: dict[str, Any], code: str
) -> None:
    wire = Wire()
    nursery.start_soon(bench.pages.serve, wire, REQUEST)
    wire.ask(1, "ui.fault", **params)
    await wait_all_tasks_blocked()
    assert wire.answers()[1]["code"] == code
