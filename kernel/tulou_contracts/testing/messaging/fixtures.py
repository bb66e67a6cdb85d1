"""What the suites of `Messenger` are given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tulou_contracts.messaging import MessageState, Messenger
from tulou_contracts.testing.fakes import FakeServer, FakeTransport
from tulou_contracts.testing.messaging.place import LIN, WANG, Bus, Place, until


class MessengerFixtures:
    """The implementation under test, and places for it."""

    def open(self, place: Place) -> AbstractAsyncContextManager[Messenger]:
        """Serve `place` for as long as the context lasts."""
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> MockClock:
        """Virtual time for every test."""
        return MockClock(autojump_threshold=0)

    @asynccontextmanager
    async def _place(self, server: FakeServer, profile: Path, address: str = LIN) -> AsyncIterator[Place]:
        profile.mkdir(exist_ok=True)
        async with trio.open_nursery() as nursery:
            bus = Bus(nursery)
            transport = FakeTransport(server, address, publish=bus.publish)
            nursery.start_soon(transport.run)
            yield Place(profile, transport, bus, address)
            nursery.cancel_scope.cancel()

    async def _states(self, messenger: Messenger, *states: MessageState) -> None:
        wanted = list(states)

        async def there() -> bool:
            return [message.state for message in await messenger.history(WANG)] == wanted

        await until(there)
