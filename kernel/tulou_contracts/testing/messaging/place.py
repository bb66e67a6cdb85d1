"""Where a `Messenger` is tried: a profile, a transport, and a bus of events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from tulou_contracts.messaging import Draft, Message
from tulou_contracts.testing.fakes import FakeTransport

LIN = "lin@example.org"
WANG = "wang@example.org"


class Bus:
    """Events of one app, in place of the kernel's."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._handlers: list[tuple[type, Callable[[Any], Any]]] = []
        self.seen: list[object] = []

    def subscribe(self, event: type, handler: Callable[[Any], Any]) -> None:
        """Call `handler`, sync or async, for every later event of this type."""
        self._handlers.append((event, handler))

    def publish(self, event: object) -> None:
        """Hand out an event."""
        self.seen.append(event)
        for wanted, handler in self._handlers:
            if type(event) is wanted:
                answer = handler(event)
                if answer is not None:
                    self._nursery.start_soon(_await, answer)

    def close(self) -> None:
        """Forget the handlers: their owner stops."""
        self._handlers.clear()

    def of(self, event: type) -> list[Any]:
        """The events of one type so far."""
        return [each for each in self.seen if type(each) is event]


async def _await(answer: Awaitable[Any]) -> None:
    await answer


async def at_once(value: Any) -> Any:
    """The value, as from something that had to be waited for."""
    await trio.lowlevel.checkpoint()
    return value


@dataclass
class Place:
    """Where an implementation is opened. Opening the same place again is a restart of the app."""

    profile: Path
    transport: FakeTransport
    bus: Bus
    address: str
    outgoing: Callable[[Draft], Awaitable[Any]] = field(default=at_once)
    """Stands for the hook `outgoing_message`."""
    incoming: Callable[[Message], Awaitable[Any]] = field(default=at_once)
    """Stands for the hook `incoming_message`."""

    def now(self) -> int:
        """Microseconds since 1970, on the virtual clock."""
        return self.transport.server.now()


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 600.0) -> None:
    """Wait, in virtual time, until something is true."""
    with trio.fail_after(seconds):
        while not await condition():
            await trio.sleep(0.05)
