"""The room in a running kernel, with the real store and a fake wire."""

from __future__ import annotations

import logging
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trio
from tulou import Composition, Kernel, Level, Plugin, Stage, implements
from tulou_contracts.messaging import MessagePrevented, MessageState, MessageStored, Messenger
from tulou_contracts.messaging import outgoing_message
from tulou_contracts.testing.fakes import FakeServer, FakeTransport
from tulou_contracts.testing.messaging import LIN, WANG, until
from tulou_contracts.transport import Outgoing, Transport


pytest.importorskip("tulou_store", reason="needs store in the kernel")


def wire(server, made):
    @asynccontextmanager
    async def run(ctx):
        transport = FakeTransport(server, LIN, publish=ctx.publish)
        made.append(transport)
        ctx.spawn(transport.run)
        ctx.provide(Transport, transport)
        yield

    return Plugin(name="fake-wire", level=Level.CORE, provides=(Transport,), run=run)


class Shout:
    @implements(outgoing_message, stage=Stage.MODIFY)
    async def outgoing_message(self, draft):
        if draft.body == "crash":
            raise RuntimeError("a bug")
        return replace(draft, body=draft.body.upper())


@asynccontextmanager
async def shouting(ctx):
    ctx.implement(Shout())
    yield


def kernel(server, made, folder):
    return Kernel(
        Composition.of("store", "fake-wire", "im", "shout"), profile=folder,
        plugins=[wire(server, made), Plugin(name="shout", run=shouting)],
    )


async def test_it_sends_through_the_plugins_and_receives(tmp_path):
    server, made, stored = FakeServer(now=lambda: time.time_ns() // 1000), [], []
    app = kernel(server, made, tmp_path)
    async with app.running():
        assert app.missing() == {}
        messenger = app.service(Messenger)
        with app.subscribed(MessageStored, stored.append):
            message = await messenger.send(WANG, "hi")
            assert message.body == "HI"
            try:
                await messenger.send(WANG, "crash")
            except MessagePrevented as error:
                assert "shout" in str(error) and "a bug" in str(error)
            else:
                raise AssertionError("a message went out although its plugin failed")
            made[0].connect()
            server.take(WANG, Outgoing(id="m1", to=LIN, body="hello"))

            async def done():
                states = [each.state for each in await messenger.history(WANG)]
                return states == [MessageState.SENT, MessageState.RECEIVED] and len(stored) == 2

            await until(done, 20)


async def test_after_a_reload_the_wire_finds_the_new_room(tmp_path):
    server, made = FakeServer(), []
    app = kernel(server, made, tmp_path)
    async with app.running():
        made[0].connect()
        await app.disable("im")
        server.take(WANG, Outgoing(id="m1", to=LIN, body="while closed"))
        await trio.sleep(0.1)
        await app.enable("im")
        messenger = app.service(Messenger)

        async def there():
            return [each.body for each in await messenger.history(WANG)] == ["while closed"]

        await until(there, 20)


def answering(name, answer, stage):
    """A plugin that answers the hook so, whatever it is given."""
    class Maker:
        @implements(outgoing_message, stage=stage)
        async def outgoing_message(self, draft):
            return answer(draft)

    @asynccontextmanager
    async def run(ctx):
        ctx.implement(Maker())
        yield

    return Plugin(name=name, run=run)


@pytest.mark.parametrize(("answer", "words"), [
    (lambda draft: draft.body.upper(), "a str instead of a Draft"),
    (lambda draft: replace(draft, data={"count": 3}), r"'count': 3 \(str: int\) instead of texts"),
    (lambda draft: replace(draft, data=None), "data is a NoneType instead of a mapping"),
    (lambda draft: replace(draft, body=7), "body is a int instead of a str"),
    (lambda draft: replace(draft, body=" "), "the message is empty"),
])
async def test_a_plugin_that_makes_nonsense_of_a_message_is_named_to_sender_and_log(
    tmp_path, caplog, answer, words
):
    watcher = answering("watcher", lambda draft: None, Stage.OBSERVE)
    maker = answering("maker", answer, Stage.MODIFY)
    app = Kernel(
        Composition.of("store", "fake-wire", "im", "maker", "watcher"), profile=tmp_path,
        plugins=[wire(FakeServer(), []), maker, watcher],
    )
    async with app.running():
        with pytest.raises(MessagePrevented, match=f"the plugin 'maker' made of it .*{words}") as told:
            await app.service(Messenger).send(WANG, "hi")
        assert await app.service(Messenger).history(WANG) == []
    assert "watcher" not in str(told.value)  # its answers are never used
    [line] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "'maker'" in line.getMessage()
    assert line.getMessage().endswith(str(told.value).partition(" made of it ")[2])


async def test_all_plugins_that_may_have_done_it_are_named(tmp_path):
    app = Kernel(
        Composition.of("store", "fake-wire", "im", "maker", "shout"), profile=tmp_path,
        plugins=[
            wire(FakeServer(), []), Plugin(name="shout", run=shouting),
            answering("maker", lambda draft: replace(draft, data={"n": 1}), Stage.MODIFY),
        ],
    )
    async with app.running():
        with pytest.raises(MessagePrevented, match="one of the plugins 'maker', 'shout' made"):
            await app.service(Messenger).send(WANG, "hi")
