"""The same client on a real server: with only the composition changed, two people chat on Prosody."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from tulou import Composition, Kernel
from tulou_contracts.identity import Identity
from tulou_contracts.messaging import Message, MessageState, Messenger
from tulou_contracts.network_state import NetworkClock

if TYPE_CHECKING:
    from conftest import Prosody

pytestmark = pytest.mark.interop


@asynccontextmanager
async def office(prosody: Prosody, profile: Path) -> AsyncIterator[Kernel]:
    """The shipped `office` composition, its address changed to Prosody's; nothing else."""
    composition = (Composition.load("office").with_config("xmpp", endpoint=prosody.endpoint, retry_cap=1.0)
                   .with_config("crypto", keyring="file").with_config("shell", announce="nothing"))
    async with Kernel(composition, profile=profile).running() as kernel:
        yield kernel


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    with trio.fail_after(seconds):
        while not await condition():
            await trio.sleep(0.05)


async def bodies(kernel: Kernel, conversation: str) -> list[str]:
    return [each.body for each in await kernel.service(Messenger).history(conversation)]


async def test_two_people_chat_and_the_history_survives_both_restarts(
    prosody: Prosody, tmp_path: Path
) -> None:
    anna = prosody.create_user("anna", "安娜的密码")
    bowen = prosody.create_user("bowen", "pw-bowen")
    said = ["你好，博文！", "Meeting at four?", "<b>& \"quotes\"</b>"]

    async with office(prosody, tmp_path / "a") as a, office(prosody, tmp_path / "b") as b:
        await a.service(Identity).sign_in(anna, "安娜的密码")
        await b.service(Identity).sign_in(bowen, "pw-bowen")
        for text in said:
            await a.service(Messenger).send(bowen, text)

        async def arrived() -> bool:
            return await bodies(b, anna) == said
        await eventually(arrived)
        await b.service(Messenger).send(anna, "四点见")

        async def answered() -> bool:
            return await bodies(a, bowen) == [*said, "四点见"]
        await eventually(answered)

        async def delivered() -> bool:
            mine = [each for each in await a.service(Messenger).history(bowen) if each.outgoing]
            return all(each.state is MessageState.DELIVERED for each in mine)
        await eventually(delivered)

    async with office(prosody, tmp_path / "a") as a:
        assert a.service(Identity).signed_in
        assert await bodies(a, bowen) == [*said, "四点见"]


async def test_what_is_written_while_the_server_is_away_arrives_once_when_it_is_back(
    prosody: Prosody, tmp_path: Path
) -> None:
    chen = prosody.create_user("chen", "pw-chen")
    dai = prosody.create_user("dai", "pw-dai")
    async with office(prosody, tmp_path / "c") as c, office(prosody, tmp_path / "d") as d:
        await c.service(Identity).sign_in(chen, "pw-chen")
        await d.service(Identity).sign_in(dai, "pw-dai")
        first = await c.service(Messenger).send(dai, "before")

        async def sent() -> bool:
            message: Message | None = await c.service(Messenger).message(dai, first.id)
            return message is not None and message.state is not MessageState.QUEUED
        await eventually(sent)
        await trio.to_thread.run_sync(prosody.stop)
        for n in range(3):
            await c.service(Messenger).send(dai, f"离线 {n}")
        await trio.to_thread.run_sync(prosody.start)

        async def all_there() -> bool:
            return await bodies(d, chen) == ["before", "离线 0", "离线 1", "离线 2"]
        await eventually(all_there, 60)


async def test_the_servers_time_sets_the_network_clock(prosody: Prosody, tmp_path: Path) -> None:
    erin = prosody.create_user("erin", "pw-erin")
    async with office(prosody, tmp_path / "e") as e:
        await e.service(Identity).sign_in(erin, "pw-erin")
        clock = e.service(NetworkClock)
        with trio.fail_after(30):
            while not clock.sources:
                await trio.sleep(0.05)
        assert list(clock.sources) == [f"xmpp:{erin.partition('@')[2]}"]
        assert clock.uncertainty is not None and clock.uncertainty < 2
        assert abs(clock.now() - time.time() * 1e6) < 2e6
