"""Conformance of `Signalling` and `SignalHost`, the two ends of one wire, and fakes of both.

Subclass the suite in a test module and say how to open a client and the host it talks to::

    class TestMine(SignallingConformance):
        @asynccontextmanager
        async def open(self):
            async with my_wire() as (signalling, host, events):
                yield SignalEnds(signalling, "lin@example.org", host, events)

`FakeSignals` is a host in memory; `FakeSignals.of(address, publish)` a client's end of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio

from tulou_contracts.server import Answer, SignalHost
from tulou_contracts.transport import (
    NotConnected, Refused, Signal, Signalling, SignalReceived, TransportError,
)

PATIENCE = 60.0
WORDS = {"你好": "<b> & \"引号\"\n第二行", "empty": "", "emoji": "👋"}


class FakeSignals:
    """A `SignalHost` in memory, and the clients that are connected to it."""

    def __init__(self, address: str = "example.org") -> None:
        self.address = ""
        self.domain = address
        self._answers: dict[str, Answer] = {}
        self._clients: list[FakeSignalling] = []

    def of(self, account: str, publish: Callable[[object], object] | None = None) -> FakeSignalling:
        """A device of an account, connected."""
        client = FakeSignalling(self, account, publish or (lambda event: None))
        self._clients.append(client)
        return client

    def answer(self, name: str, handler: Answer) -> Callable[[], None]:
        """See `SignalHost`."""
        if name in self._answers:
            raise ValueError(f"{name!r} is answered already")
        self._answers[name] = handler

        def end() -> None:
            if self._answers.get(name) is handler:
                del self._answers[name]

        return end

    async def notify(self, account: str, name: str, content: Signal) -> None:
        """See `SignalHost`."""
        await trio.lowlevel.checkpoint()
        for client in self._clients:
            if client.online and account in ("", client.account):
                client.publish(SignalReceived(sender=self.domain, name=name, content=dict(content)))

    async def asked(self, account: str, name: str, content: Signal) -> Signal:
        """What the host answers to an account."""
        handler = self._answers.get(name)
        if handler is None:
            raise Refused(f"nobody here answers to {name!r}")
        return dict(await handler(account, dict(content)))


class FakeSignalling:
    """A `Signalling` of one device; tests set `online`."""

    def __init__(self, host: FakeSignals, account: str, publish: Callable[[object], object]) -> None:
        self.account = account
        self.publish = publish
        self.online = True
        self.notices: list[tuple[str, str, Signal]] = []
        """(to, name, content) of each notice that was sent."""
        self._host = host

    async def ask(self, to: str, name: str, content: Signal, *, timeout: float = 15.0) -> Signal:
        """See `Signalling`."""
        await trio.lowlevel.checkpoint()
        self._check(content)
        if to not in ("", self._host.domain):
            raise Refused(f"there is no {to}")
        with trio.move_on_after(timeout):
            return await self._host.asked(self.account, name, content)
        raise TransportError(f"no answer within {timeout:g} seconds")

    def notify(self, to: str, name: str, content: Signal) -> None:
        """See `Signalling`."""
        self._check(content)
        self.notices.append((to, name, dict(content)))

    def _check(self, content: Signal) -> None:
        if not self.online:
            raise NotConnected("there is no connection to the server")
        if sum(map(len, content.values())) > 64 * 1024:
            raise Refused("it is too large")


@dataclass
class SignalEnds:
    """A client that is online, and its server's end. `events` gets what the client publishes."""

    signalling: Signalling
    account: str
    host: SignalHost
    events: list[object] = field(default_factory=list)
    cut: Callable[[], None] | None = None
    """Breaks the client's connection; None where that cannot be."""

    def notices(self) -> list[SignalReceived]:
        """The notices that came."""
        return [each for each in self.events if isinstance(each, SignalReceived)]


class SignallingConformance:
    """See the module."""

    def open(self) -> AbstractAsyncContextManager[SignalEnds]:
        """Connect a client to a host."""
        raise NotImplementedError("a conformance suite's subclass says how to open both ends")

    @asynccontextmanager
    async def _ends(self) -> AsyncIterator[SignalEnds]:
        async with self.open() as ends:
            with trio.fail_after(PATIENCE):
                yield ends

    async def test_a_question_reaches_its_handler_with_who_asked_and_is_answered(self) -> None:
        async with self._ends() as ends:
            asked: list[tuple[str, Signal]] = []

            async def answer(account: str, content: Signal) -> Signal:
                asked.append((account, dict(content)))
                return {**content, "more": "是"}

            ends.host.answer("test.echo", answer)
            reply = await ends.signalling.ask(ends.host.address, "test.echo", WORDS)
            assert dict(reply) == {**WORDS, "more": "是"}
            assert asked == [(ends.account, WORDS)]

    async def test_the_reason_of_a_refusal_is_told(self) -> None:
        async with self._ends() as ends:
            async def answer(account: str, content: Signal) -> Signal:
                raise Refused("今天没有")

            ends.host.answer("test.no", answer)
            with pytest.raises(Refused, match="今天没有"):
                await ends.signalling.ask(ends.host.address, "test.no", {})

    async def test_a_question_that_nobody_answers_is_refused(self) -> None:
        async with self._ends() as ends:
            with pytest.raises(Refused, match=r"test\.nobody"):
                await ends.signalling.ask(ends.host.address, "test.nobody", {})

    async def test_a_handler_that_fails_is_a_refusal_and_nothing_else(self) -> None:
        async with self._ends() as ends:
            async def broken(account: str, content: Signal) -> Signal:
                raise Refused("first") from ZeroDivisionError()

            ends.host.answer("test.broken", broken)
            for _ in range(3):
                with pytest.raises(Refused):
                    await ends.signalling.ask(ends.host.address, "test.broken", {})

    async def test_a_slow_answer_holds_up_nobody_and_gives_out_in_time(self) -> None:
        async with self._ends() as ends:
            async def slow(account: str, content: Signal) -> Signal:
                await trio.sleep(3600)
                return {}

            async def quick(account: str, content: Signal) -> Signal:
                return {"n": content["n"]}

            ends.host.answer("test.slow", slow)
            ends.host.answer("test.quick", quick)
            late: list[TransportError] = []

            async def ask_slow() -> None:
                try:
                    await ends.signalling.ask(ends.host.address, "test.slow", {}, timeout=1.0)
                except TransportError as error:
                    late.append(error)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(ask_slow)
                await trio.sleep(0)
                for n in range(5):
                    reply = await ends.signalling.ask(ends.host.address, "test.quick", {"n": str(n)})
                    assert reply["n"] == str(n)
                assert not late
            assert len(late) == 1

    async def test_one_handler_a_name_until_it_ends(self) -> None:
        async with self._ends() as ends:
            async def answer(account: str, content: Signal) -> Signal:
                return {"by": "one"}

            async def other(account: str, content: Signal) -> Signal:
                return {"by": "other"}

            end = ends.host.answer("test.once", answer)
            with pytest.raises(ValueError, match=r"test\.once"):
                ends.host.answer("test.once", other)
            end()
            with pytest.raises(Refused):
                await ends.signalling.ask(ends.host.address, "test.once", {})
            ends.host.answer("test.once", other)
            assert (await ends.signalling.ask(ends.host.address, "test.once", {}))["by"] == "other"
            end()  # harmless: it is not its handler any more
            assert (await ends.signalling.ask(ends.host.address, "test.once", {}))["by"] == "other"

    async def test_notices_arrive_with_the_hosts_address(self) -> None:
        async with self._ends() as ends:
            async def here(account: str, content: Signal) -> Signal:
                return {}

            ends.host.answer("test.here", here)
            await ends.signalling.ask(ends.host.address, "test.here", {})
            await ends.host.notify(ends.account, "test.news", WORDS)
            await ends.host.notify("", "test.all", {"n": "2"})
            await ends.host.notify("somebody.else@nowhere.example", "test.other", {})
            while len(ends.notices()) < 2:
                await trio.sleep(0.01)
            one, two = ends.notices()
            assert (one.name, dict(one.content), two.name) == ("test.news", WORDS, "test.all")
            assert one.sender == two.sender and "@" not in one.sender
            assert ends.host.address in ("", one.sender)

    async def test_what_is_too_large_is_refused_and_harms_nothing(self) -> None:
        async with self._ends() as ends:
            async def answer(account: str, content: Signal) -> Signal:
                return {"size": str(sum(map(len, content.values())))}

            ends.host.answer("test.size", answer)
            with pytest.raises(Refused):
                await ends.signalling.ask(ends.host.address, "test.size", {"x": "土" * (1 << 20)})
            with pytest.raises(Refused):
                ends.signalling.notify(ends.host.address, "test.size", {"x": "土" * (1 << 20)})
            assert (await ends.signalling.ask(ends.host.address, "test.size", {"x": "土"}))["size"] == "1"

    async def test_without_a_connection_it_says_so_at_once(self) -> None:
        async with self._ends() as ends:
            if ends.cut is None:
                pytest.skip("these ends cannot be cut")
            ends.cut()
            await trio.sleep(0.01)
            with pytest.raises(NotConnected):
                await ends.signalling.ask(ends.host.address, "test.any", {})
            with pytest.raises(NotConnected):
                ends.signalling.notify(ends.host.address, "test.any", {})
