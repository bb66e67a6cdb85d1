"""Events: typed wake-ups, delivered in order, by one task, harmed by nobody.

One courier task calls the handlers in turn. When a handler waits, the courier stays with it and a
second task carries on with everybody else; what comes for the waiting subscriber meanwhile is kept
in a bounded queue of its own. So a no-op handler costs little more than awaiting it, and a slow
one delays only itself. Each handler works for the act (`tulou.correlation`) that its event was
published in.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import trio

from tulou.correlation import CURRENT

Report = Callable[[str, str, BaseException], None]
"""Told of a failing handler: plugin, what it was doing, the error."""


class Subscription:
    """One handler of one plugin for one event type."""

    __slots__ = ("plugin", "event", "handler", "is_async", "queue", "dropped", "active", "courier")

    def __init__(self, plugin: str, event: type, handler: Callable[[Any], Any]) -> None:
        self.plugin = plugin
        self.event = event
        self.handler = handler
        self.is_async = inspect.iscoroutinefunction(handler)
        self.queue: deque[tuple[Any, str]] = deque()
        self.dropped = 0
        self.active = True
        self.courier: _Courier | None = None
        """Who is held up by the handler now; what comes meanwhile goes to `queue`."""


class _Courier:
    """A task that calls handlers. Its scope ends the one handler that holds it up."""

    __slots__ = ("scope",)

    def __init__(self) -> None:
        self.scope = trio.CancelScope()


class EventBus:
    """All events of one kernel. `limit` bounds what is kept for one subscriber that is held up."""

    def __init__(self, report: Report, *, limit: int = 1000) -> None:
        self._report = report
        self._limit = limit
        self._subscriptions: dict[type, tuple[Subscription, ...]] = {}
        self._pending: deque[tuple[object, Iterator[Subscription], str]] = deque()
        self._wake = trio.Event()
        self._duty: _Courier | None = None
        self._calling: Subscription | None = None

    def subscribe(self, plugin: str, event: type, handler: Callable[[Any], Any]) -> Subscription:
        """Deliver every later event of exactly this type to `handler`."""
        subscription = Subscription(plugin, event, handler)
        self._subscriptions[event] = (*self._subscriptions.get(event, ()), subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Deliver nothing more to it; a handler that is waiting is cancelled."""
        subscription.active = False
        subscription.queue.clear()
        left = tuple(s for s in self._subscriptions[subscription.event] if s is not subscription)
        if left:
            self._subscriptions[subscription.event] = left
        else:
            del self._subscriptions[subscription.event]
        if subscription.courier is not None:
            subscription.courier.scope.cancel()

    def publish(self, event: object) -> None:
        """Hand an event to its subscribers; never waits, never raises."""
        subscriptions = self._subscriptions.get(type(event))
        if not subscriptions:
            return
        if len(self._pending) >= _FLOOD * self._limit:
            for subscription in subscriptions:
                self._drop(subscription)
            return
        self._pending.append((event, iter(subscriptions), CURRENT.get()))
        self._wake.set()

    def subscriptions(self) -> list[Subscription]:
        """Everybody who listens, for diagnosis."""
        return [each for group in self._subscriptions.values() for each in group]

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._stand_by, nursery)
            nursery.start_soon(self._stand_by, nursery)

    async def _stand_by(self, nursery: trio.Nursery) -> None:
        """Two tasks wait for work: one takes it, the other steps in when that one is held up.

        A courier that is not held up finishes all there is in one step, so the other finds nothing
        to do; finding work half done means that the first is waiting in a handler.
        """
        courier = _Courier()
        with courier.scope:
            while True:
                if not self._pending:
                    self._wake = trio.Event() if self._wake.is_set() else self._wake
                    await self._wake.wait()
                if self._duty is not None:
                    self._release()
                    nursery.start_soon(self._stand_by, nursery)
                if not await self._deliver(courier):
                    return

    def _release(self) -> None:
        """Leave the courier on duty to the handler that holds it up."""
        assert self._calling is not None and self._duty is not None
        self._calling.courier = self._duty
        if not self._calling.active:
            self._duty.scope.cancel()
        self._calling = self._duty = None

    async def _deliver(self, courier: _Courier) -> bool:
        """Call handlers until nothing is pending; False when somebody else took over."""
        self._duty = courier
        pending = self._pending
        current = CURRENT.get()
        while pending:
            event, subscriptions, act = pending[0]
            if act is not current:  # seldom: setting it costs more than looking
                CURRENT.set(act)
                current = act
            for subscription in subscriptions:
                if subscription.courier is not None:
                    self._keep(subscription, event, act)
                elif subscription.active:
                    self._calling = subscription
                    try:
                        if subscription.is_async:
                            await subscription.handler(event)
                        else:
                            subscription.handler(event)
                    except (Exception, SystemExit) as error:
                        self._fault(subscription, error)
                    if self._duty is not courier:
                        await self._catch_up(subscription)
                        return False
            pending.popleft()
        self._calling = self._duty = None
        return True

    async def _catch_up(self, subscription: Subscription) -> None:
        """Deliver what came for one subscriber while its handler waited."""
        while subscription.queue:
            event, act = subscription.queue.popleft()
            CURRENT.set(act)
            try:
                await subscription.handler(event)
            except (Exception, SystemExit) as error:
                self._fault(subscription, error)
        subscription.courier = None

    def _keep(self, subscription: Subscription, event: object, act: str) -> None:
        if not subscription.active:
            return
        if len(subscription.queue) >= self._limit:
            self._drop(subscription)
        else:
            subscription.queue.append((event, act))

    def _drop(self, subscription: Subscription) -> None:
        subscription.dropped += 1
        if subscription.dropped == 1:
            self._fault(subscription, EventsDropped(
                f"more than {self._limit} events wait for it; further ones are dropped and counted"))

    def _fault(self, subscription: Subscription, error: BaseException) -> None:
        self._report(subscription.plugin, f"handling {subscription.event.__name__}", error)


_FLOOD = 100
"""How many times `limit` may be pending for the whole bus: only a publisher that never lets the
loop run gets there."""


class EventsDropped(Exception):
    """A subscriber is too slow for what it subscribed to."""
